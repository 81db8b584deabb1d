"""Text of web pages: a cheap tier for all, a fine one that keeps formulas and code."""

from .page import ExtractedPage, Tier, extract_page

__all__ = ["ExtractedPage", "Tier", "extract_page"]
