"""The fine text of a page: its main content as Markdown with formulas and code."""

import re
from typing import Final

import msgspec

from .content import Content
from .delimiters import MathConfig
from .parse import parse
from .placeholders import Counts, Placeholders, without_marks
from .render import plain_line, render
from .rewrite import Rewriter
from .threads import thread_text
from .tree import Node, release

# Where dollars are delimiters, one that is money is marked.
_LONE_DOLLAR: Final = re.compile(r"(?<!\\)\$")


class FineText(msgspec.Struct, frozen=True, kw_only=True):
    """A page's text, and what of its formulas and code is in it."""

    text: str
    title: str
    found: Counts
    kept: Counts
    languages: tuple[str, ...]


def fine_text(html: str, *, url: str = "") -> FineText:
    """Return the text of a page; raises HostilePageError where that would cost too much.

    Args:
        url: the page's own: links into it lead nowhere else.
    """
    html = without_marks(html)
    root = parse(html)
    title = _title(root)
    placeholders = Placeholders()
    Rewriter(MathConfig(html), placeholders).rewrite(root)
    text = thread_text(root, title) or render(Content(root, placeholders, url).choose())
    release(root)
    whole = _with_title(text, title)
    kept = placeholders.count(whole)
    if kept.formulas:
        whole = _LONE_DOLLAR.sub(r"\\$", whole)
    return FineText(
        text=placeholders.expand(whole).replace("\0", ""),
        title=title,
        found=placeholders.count_all(),
        kept=kept,
        languages=tuple(dict.fromkeys(placeholders.languages)),
    )


def _with_title(text: str, title: str) -> str:
    """Return a text under the page's title, unless it opens with a heading that says the same."""
    first = text.partition("\n")[0]
    heading = first.lstrip("#").strip()
    if not title or first.startswith("# ") or (first.startswith("#") and heading in title):
        return text.strip()
    return f"# {title}\n\n{text}".strip()


def _title(root: Node) -> str:
    for node in root.nodes():
        if node.tag == "title":
            return plain_line(node.text()).replace("\n", " ")
    return ""
