"""What a page's markup holds, for the price of one look at its bytes.

The counts are by signs: no tree is built, so a formula that a page holds twice, as its source and
as its picture, is told by its most frequent kind alone. That a library for formulas is loaded is
no sign. The counts are to choose pages by; the fine tier reads the formulas themselves.
"""

from typing import Final

import msgspec

from .delimiters import MathConfig
from .kernel import markup_kernel
from .markup_scan import Scanned, scan

_LIBRARIES: Final = (b"MathJax", b"mathjax", b"katex", b"KaTeX")
_DOLLAR_CLASSES: Final = (b"math-container", b"mathjax_process", b"tex2jax_process")


class Markup(msgspec.Struct, frozen=True, kw_only=True):
    """A page without what its text does not depend on, and what the whole page holds.

    Attributes:
        depth: a bound of how deep elements are nested.
        num_formulas: sources (scripts, MathML, images, attributes) and what is between delimiters.
            Pairs of $$ count where a library is named, single dollars where what they enclose is
            TeX beyond doubt, or the page says that they are delimiters.
        num_code_lines: of <pre>, blank ones left out.
    """

    html: str
    depth: int
    num_options: int
    num_formulas: int
    num_code_lines: int


def scan_markup(page: bytes) -> Markup:
    """Return what a page in UTF-8 holds, by C where it was built."""
    kernel = markup_kernel()
    scanned = scan(page) if kernel is None else Scanned(*kernel.scan(page))
    html = page.decode("utf-8", "replace") if scanned.html is None else scanned.html
    return Markup(
        html=html,
        depth=scanned.depth,
        num_options=scanned.num_options,
        num_formulas=_num_formulas(scanned, page),
        num_code_lines=scanned.num_lines,
    )


def _num_formulas(scanned: Scanned, page: bytes) -> int:
    num_formulas = scanned.num_sources + scanned.num_delimited
    if scanned.num_dollars and _has_library(page):
        num_formulas += scanned.num_dollars
    if scanned.num_plain and _has_dollar_delimiters(page):
        num_formulas += scanned.num_plain
    return num_formulas


def _has_dollar_delimiters(page: bytes) -> bool:
    if any(name in page for name in _DOLLAR_CLASSES):
        return True
    return _has_library(page) and MathConfig(page.decode("utf-8", "replace")).dollars


def _has_library(page: bytes) -> bool:
    return any(library in page for library in _LIBRARIES)
