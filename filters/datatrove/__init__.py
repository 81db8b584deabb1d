"""Filters and formatters of datatrove, run on our rows; only `steps` imports the library."""
