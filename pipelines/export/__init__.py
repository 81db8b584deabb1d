"""Exports: a build as files that other readers take."""
