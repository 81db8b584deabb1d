"""Tables of data as GitHub's Markdown; tables that only lay out a page are none."""

import re
from typing import Final

from .rewrite import BLOCK_TAG
from .tree import BLOCK, Node

MAX_COLUMNS: Final = 60
MAX_CELL_CHARS: Final = 400
_PARTS: Final = frozenset(("thead", "tbody", "tfoot"))
_PLAIN_BLOCKS: Final = frozenset(("p", "div", "ul", "ol", "li", "dl", "dt", "dd", "center"))
_SPACES = re.compile(r"\s+")


def data_rows(table: Node) -> list[list[str]]:
    """Return the cells of a table of data; nothing for one that lays out a page."""
    if table.get("role") in ("presentation", "none"):
        return []
    rows: list[list[str]] = []
    has_header = False
    for row in _rows(table):
        cells: list[str] = []
        for cell in row.children:
            if not isinstance(cell, Node) or cell.tag not in ("td", "th"):
                continue
            has_header = has_header or cell.tag == "th"
            if not _is_plain(cell):
                return []
            text = _cell_text(cell)
            if len(text) > MAX_CELL_CHARS:
                return []
            span = cell.get("colspan")
            num_more = int(span) - 1 if span.isdigit() and len(span) < 3 else 0
            cells += [text, *[""] * min(num_more, MAX_COLUMNS)]
        if any(cells):
            rows.append(cells)
    width = max(map(len, rows), default=0)
    if len(rows) < 2 or not 2 <= width <= MAX_COLUMNS:
        return []
    is_regular = sum(len(row) == width for row in rows) >= 0.7 * len(rows)
    return [row + [""] * (width - len(row)) for row in rows] if has_header or is_regular else []


def markdown_table(rows: list[list[str]]) -> str:
    """Return rows of cells as Markdown; the first is the header, as the syntax demands."""
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    lines.insert(1, "|" + " --- |" * len(rows[0]))
    return "\n".join(lines)


def _rows(table: Node) -> list[Node]:
    rows = []
    for child in table.children:
        if isinstance(child, Node):
            if child.tag == "tr":
                rows.append(child)
            elif child.tag in _PARTS:
                rows += [row for row in child.children if isinstance(row, Node) and row.tag == "tr"]
    return rows


def _is_plain(cell: Node) -> bool:
    """Tell whether a cell fits into one line; code blocks and other tables do not."""
    return all(
        (node.tag not in BLOCK or node.tag in _PLAIN_BLOCKS) and node.tag != BLOCK_TAG
        for node in cell.nodes()
    )


def _cell_text(cell: Node) -> str:
    return _SPACES.sub(" ", _flat(cell)).strip().replace("|", "\\|")


def _flat(node: Node) -> str:
    return "".join(
        child
        if isinstance(child, str)
        else f" {_flat(child)} "
        if child.tag in BLOCK
        else _flat(child)
        for child in node.children
    )
