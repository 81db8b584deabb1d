"""A small Common Crawl: a tree made of any WARC files, and a server that acts as its bucket."""
