"""Fetches repositories and their discussions from GitHub, or from what speaks its protocols."""
