"""Selects and checks what is fetched of Common Crawl: listings, index, ranges, records."""
