"""Fetches repositories, crawled archives and web sites, politely and resumably."""
