"""What a crawl of one site asks for and keeps: the parts that need no network."""
