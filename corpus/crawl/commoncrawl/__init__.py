"""Crawls Common Crawl: chooses files or records by listing or index, fetches and checks them."""
