"""The code of a page: blocks and highlighter tables, their lines to the byte, and their language.

Line numbers, copy buttons and fold marks that highlighters put beside the code are dropped. Their
break elements become line ends, no-break spaces blanks, and zero-width spaces nothing.
"""

import re
from typing import Final

from .tree import BLOCK, Node

_GUTTER: Final = frozenset(
    (
        *("lineno", "linenos", "linenodiv"),
        *("gutter", "line-numbers-rows", "line-number", "linenumber"),
        *("linenumbers", "line-numbers", "hljs-ln-numbers"),
        *("hljs-ln-n", "blob-num", "crayon-nums"),
        *("rouge-gutter", "lnt", "ln"),
        *("copybtn", "copy-button", "hljs-button", "copy-code-button"),
        *("crayon-toolbar", "code-toolbar-copy", "pre-numbering"),
        *("copy-btn", "btn-copy", "toolbar"),
        *("headerlink", "line_numbers", "highlight-copy-btn", "lineno-container"),
    )
)
_CODE_TABLES: Final = frozenset(
    (
        *("highlighttable", "rouge-table", "hljs-ln"),
        *("crayon-table", "lntable", "blob-wrapper"),
        *("js-file-line-container", "syntaxhighlighter", "highlight-table", "codetable"),
    )
)
_CODE_BOXES: Final = frozenset(("syntaxhighlighter", "crayon-main", "CodeMirror-code"))
_CODE_CELLS: Final = frozenset(
    ("code", "rouge-code", "hljs-ln-code", "crayon-code", "blob-code", "linecontent", "lntd")
)
_NOT_CODE: Final = frozenset(("script", "style", "button", "noscript", "template", "svg"))
_NO_LANGUAGE: Final = frozenset(
    (
        *("default", "none", "text", "plain", "plaintext"),
        *("txt", "nohighlight", "code", "block", "raw"),
        *("highlight", "undefined", "auto", "source"),
        *("prettyprint", "ignore", "lines", "wrap", "on"),
    )
)
_LANGUAGE = re.compile(
    r"(?:^|\s)(?:language-|lang-|highlight-source-|highlight-text-|highlight-|brush:\s*|code-"
    r"|prettyprint\s+lang-|sourceCode\s+|hljs\s+|hljs-|src-|listing-|programlisting\s+)"
    r"([A-Za-z][\w+#.-]{0,30})"
)
_LANGUAGE_ATTRIBUTES = ("data-lang", "data-language", "data-code-language", "lang-name")


def is_code_block(node: Node) -> bool:
    """Tell whether an element is a whole block of code."""
    if node.tag in ("pre", "listing", "xmp"):
        return True
    if node.tag in ("table", "div") and node.raw:
        classes = node.classes
        if node.tag == "table":
            return not _CODE_TABLES.isdisjoint(classes)
        return not _CODE_BOXES.isdisjoint(classes)
    return node.tag == "code" and any(
        child.tag in ("br", "div") or (child.tag == "span" and "block" in child.get("style"))
        for child in node.nodes()
    )


def code_text(node: Node) -> str:
    """Return the lines of a code block as its author wrote them."""
    cells = _code_cells(node) if node.tag == "table" else []
    text = "\n".join(_lines(cell).removesuffix("\n") for cell in cells) if cells else _lines(node)
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text.replace("\xa0", " ").replace("\u200b", "")


def code_language(node: Node) -> str:
    """Return the language that the block, what is in it, or what it stands in names; or ""."""
    inner = [child for child in node.children if isinstance(child, Node)]
    around: list[Node] = []
    above = node.parent
    while above is not None and len(around) < 3 and above.tag in ("div", "figure", "pre", "td"):
        around.append(above)
        above = above.parent
    for place in (node, *inner[:2], *around):
        for name in _LANGUAGE_ATTRIBUTES:
            if (value := place.get(name).strip().lower()) and value not in _NO_LANGUAGE:
                return value.split()[0][:32]
        for found in _LANGUAGE.findall(place.get("class")):
            language = found.lower().rstrip(".-")
            if language not in _NO_LANGUAGE:
                return str(language)
    return ""


def _code_cells(table: Node) -> list[Node]:
    """Return the cells with code, those of a table in a cell not once more."""
    cells: list[Node] = []
    stack = list(reversed(table.children))
    while stack:
        node = stack.pop()
        if isinstance(node, str):
            continue
        if _is_code_cell(node):
            cells.append(node)
        else:
            stack.extend(reversed(node.children))
    return cells


def _is_code_cell(node: Node) -> bool:
    if node.tag != "td" or _is_gutter(node):
        return False
    classes = node.classes
    return not _CODE_CELLS.isdisjoint(classes)


def _is_gutter(node: Node) -> bool:
    if not node.raw:
        return False
    classes = node.get("class")
    return (
        (bool(classes) and not _GUTTER.isdisjoint(classes.split()) and node.tag != "pre")
        or (node.tag in ("td", "span") and node.has("data-line-number") and not node.text().strip())
        or (node.tag == "span" and "user-select" in node.get("style"))
    )


def _lines(node: Node) -> str:
    pieces: list[str] = []
    _collect(node, pieces)
    text = "".join(pieces)
    # The parser of HTML drops one line end after <pre>.
    return text[1:] if text.startswith("\n") else text


def _collect(node: Node, pieces: list[str]) -> None:
    """Add the text of a block; elements that begin a line on the screen begin one here."""
    for child in node.children:
        if isinstance(child, str):
            pieces.append(child)
        elif child.tag == "br":
            pieces.append("\n")
        elif child.tag in _NOT_CODE or _is_gutter(child):
            continue
        else:
            begins_line = not _is_inline(child)
            if begins_line and pieces and not pieces[-1].endswith("\n"):
                pieces.append("\n")
            before = len(pieces)
            _collect(child, pieces)
            is_empty = child.tag == "tr" and len(pieces) == before  # a row is a line all the same
            if begins_line and (is_empty or not (pieces and pieces[-1].endswith("\n"))):
                pieces.append("\n")


def _is_inline(node: Node) -> bool:
    """Tell whether an element in a code block goes on in the same line."""
    return node.tag not in BLOCK or node.tag in ("tbody", "pre", "td")
