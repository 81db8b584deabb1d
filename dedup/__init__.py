"""Exact and MinHash near-duplicates, verified before anything is merged."""
