"""The cheap text of a page: main content by resiliparse, for every page there is."""

import re
from itertools import accumulate

from resiliparse.extract.html2text import extract_plain_text

# Browsers stop nesting at 512; main-content extraction takes time quadratic in the depth.
MAX_DEPTH = 512
# Its parser takes time quadratic in the options of a list, 1 s for so many.
MAX_OPTIONS = 10_000

_TAG = re.compile("<(/?[a-zA-Z][a-zA-Z0-9-]*)")
_FLAT_TAGS = frozenset(  # void, or closed by what follows
    (
        *("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param"),
        *("source", "track", "wbr", "p", "li", "dt", "dd", "tr", "td", "th", "thead", "tbody"),
        *("tfoot", "option", "optgroup", "html", "head", "body"),
    )
)


def html_text(html: str) -> str:
    """Return a page's main content as plain text, code and lists laid out as they were.

    Where the heuristic finds no main content, all visible text is taken: a long reference page
    without paragraphs is still a document.
    """
    text = _extract(html, main_content=True)
    if not text.strip():
        text = _extract(html, main_content=False)
    return text.replace("\0", "").encode("utf-8", "replace").decode()


def _extract(html: str, *, main_content: bool) -> str:
    return str(
        extract_plain_text(
            html,
            preserve_formatting=True,
            main_content=main_content,
            alt_texts=True,
            links=False,
        )
    )


def nesting_depth(html: str) -> int:
    """Return a bound of how deep elements are nested, from the tags alone."""
    if html.count("<") <= MAX_DEPTH:
        return 0
    # A stray end tag lowers nothing: the depth is what the sum has risen from its lowest so far.
    tags: list[str] = _TAG.findall(html)
    sums = list(accumulate(map(_Steps().__getitem__, tags), initial=0))
    lowest = list(accumulate(sums, min))
    return max(map(int.__sub__, sums, lowest))


class _Steps(dict[str, int]):
    """How a tag changes the depth, each name looked at once."""

    def __missing__(self, tag: str) -> int:
        name = tag.lstrip("/")
        step = 0 if name.lower() in _FLAT_TAGS else 1 if name == tag else -1
        self[tag] = step
        return step
