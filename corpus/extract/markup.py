"""What a page's markup holds, for the price of one look at its bytes.

The counts are by signs: no tree is built, so what a script would make a formula of is counted, and
a formula that a page holds twice, as its source and as its picture, is counted once. They are
meant to choose pages by; the fine tier reads the formulas themselves.
"""

from typing import Final

import msgspec

from .kernel import markup_kernel
from .markup_scan import scan

_LIBRARIES: Final = (b"MathJax", b"mathjax", b"katex", b"KaTeX")


class Markup(msgspec.Struct, frozen=True, kw_only=True):
    """A page without what its text does not depend on, and what the whole page holds.

    Attributes:
        depth: a bound of how deep elements are nested.
        num_formulas: by their sources, pictures and delimiters; pairs of $$ only where a library
            for formulas is named.
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
    html, depth, num_options, num_sources, num_delimited, num_dollars, num_lines = (
        scan(page) if kernel is None else kernel.scan(page)
    )
    if num_dollars and not any(library in page for library in _LIBRARIES):
        num_dollars = 0
    return Markup(
        html=page.decode("utf-8", "replace") if html is None else html,
        depth=depth,
        num_options=num_options,
        num_formulas=num_sources + num_delimited + num_dollars,
        num_code_lines=num_lines,
    )
