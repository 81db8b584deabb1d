"""From a rewritten tree to Markdown: headings, paragraphs, lists, quotations and tables.

White space is what a browser shows. Emphasis and addresses of links are left out: they carry
little, and their marks would stand in formulas. Placeholders pass as words.
"""

import re
from typing import Final

from .placeholders import OPEN
from .rewrite import BLOCK_TAG, LINE_BREAK
from .tables import data_rows, markdown_table
from .tree import BLOCK, Node

_SPACES = re.compile("[ \t\n\r\f\xa0]+")
_HEADING_LEVELS: Final = {f"h{level}": level for level in range(1, 7)}
_LISTS: Final = frozenset(("ul", "ol", "menu", "dir"))
_TIGHT: Final = frozenset(("li", "tr", "dt", "dd"))
MAX_LIST_DEPTH: Final = 8


def render(nodes: list[Node]) -> str:
    """Return the text of some elements one after the other."""
    writer = _Writer()
    for node in nodes:
        writer.block(node, depth=0)
        writer.end_block()
    return writer.text()


class _Writer:
    """Puts blocks one after the other: a blank line between them, one line end in a list."""

    def __init__(self) -> None:
        self._blocks: list[str] = []
        self._line: list[str] = []
        self._marker = ""
        self._indent = ""
        self._is_tight = False

    def text(self) -> str:
        """Return what was written."""
        self.end_block()
        return "".join(self._blocks).strip("\n")

    def inline(self, text: str) -> None:
        """Add to the paragraph."""
        self._line.append(text)

    def end_block(self, *, tight: bool = False) -> None:
        """End the paragraph, if there is one."""
        text = plain_line("".join(self._line))
        self._line.clear()
        if not text:
            return
        if self._blocks:
            self._blocks.append("\n" if tight and self._is_tight else "\n\n")
        if self._marker:
            text = text.replace("\n", "\n" + " " * len(self._marker))
        elif self._indent and not text.startswith(OPEN):
            text = self._indent + text.replace("\n", "\n" + self._indent)
        self._blocks.append(self._marker + text)
        self._marker = ""
        self._is_tight = tight

    def block(self, node: Node, *, depth: int) -> None:
        """Write an element and all that is in it."""
        tag = node.tag
        if tag in _HEADING_LEVELS:
            self._heading(node)
        elif tag in _LISTS:
            self._list(node, depth)
        elif tag == "table" and (rows := data_rows(node)):
            self.end_block()
            self._blocks.append(("\n\n" if self._blocks else "") + markdown_table(rows))
            self._is_tight = False
        elif tag == "hr":
            self.end_block()
        else:
            self._children(node, depth)

    def _children(self, node: Node, depth: int) -> None:
        is_row = node.tag == "tr"
        for child in node.children:
            if isinstance(child, str):
                self.inline(child)
            elif child.tag == BLOCK_TAG:
                self.end_block(tight=bool(depth))
                self.inline("".join(part for part in child.children if isinstance(part, str)))
                self.end_block()
            elif child.tag not in BLOCK:
                if child.tag == "img":
                    continue
                self.block(child, depth=depth)
            elif is_row and child.tag in ("td", "th") and not _has_blocks(child):
                self.inline(" ")
                self._children(child, depth)
            else:
                tight = child.tag in _TIGHT or (depth > 0 and child.tag in _LISTS)
                self.end_block(tight=tight)
                self.block(child, depth=depth)
                self.end_block(tight=tight)

    def _heading(self, node: Node) -> None:
        self.end_block()
        text = plain_line(flat_text(node)).replace("\n", " ")
        if text:
            self._marker = ""
            self.inline(f"{'#' * _HEADING_LEVELS[node.tag]} {text}")
            self.end_block()

    def _list(self, node: Node, depth: int) -> None:
        self.end_block(tight=depth > 0)
        indent, marker = self._indent, self._marker
        level = min(depth, MAX_LIST_DEPTH)
        number = int(start) if (start := node.get("start")).isdigit() and len(start) < 6 else 1
        for child in node.children:
            if not isinstance(child, Node):
                self.inline(child)
                continue
            sign = f"{number}." if node.tag == "ol" else "-"
            self.end_block(tight=True)
            if child.tag == "li":
                self._marker = f"{'  ' * level}{sign} "
                self._indent = " " * len(self._marker)
                number += 1
            self.block(child, depth=depth + 1)
            self.end_block(tight=True)
            self._marker, self._indent = "", indent
        self._marker = "" if marker else self._marker
        self._indent = indent
        self._is_tight = depth > 0


def flat_text(node: Node) -> str:
    """Return the text of an element in which blocks are only words apart."""
    pieces: list[str] = []
    _flatten(node, pieces)
    return "".join(pieces)


def _flatten(node: Node, pieces: list[str]) -> None:
    for child in node.children:
        if isinstance(child, str):
            pieces.append(child)
        else:
            is_block = child.tag in BLOCK or child.tag == BLOCK_TAG
            if is_block:
                pieces.append(" ")
            _flatten(child, pieces)
            if is_block:
                pieces.append(" ")


def plain_line(text: str) -> str:
    """Return a paragraph as a browser shows it, one line but for the page's own line breaks."""
    text = _SPACES.sub(" ", text)
    if LINE_BREAK not in text:
        return text.strip()
    lines = [line.strip() for line in text.split(LINE_BREAK)]
    return re.sub("\n{3,}", "\n\n", "\n".join(lines)).strip()


def _has_blocks(node: Node) -> bool:
    return any(
        isinstance(child, Node) and child.tag in (BLOCK | {BLOCK_TAG}) for child in node.children
    )
