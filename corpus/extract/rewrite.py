"""One pass over a page's tree: formulas and code become placeholders, what nobody sees goes.

The order matters. Code first, since formulas are quoted in code. Formulas before hidden elements,
since pages hide the sources of the formulas that they draw. Delimiters last, in the texts.
"""

import re
from functools import lru_cache
from typing import Final

from .code import code_language, code_text, is_code_block
from .delimiters import Delimiters, MathConfig
from .formulas import (
    DOLLAR_CLASSES,
    Scripts,
    element_formula,
    is_picture,
    source_scripts,
)
from .placeholders import Placeholders
from .tex import Formula, normal_tex
from .tree import MAX_KNOWN_CHARS, Node

LINE_BREAK: Final = "\u2028"  # white space that no page's source has for layout
BLOCK_TAG: Final = "#block"  # a code block, or a formula in a paragraph of its own
_GONE: Final = frozenset(
    (
        *("script", "style", "template", "svg", "iframe", "object", "canvas", "video", "audio"),
        *("head", "noembed", "noframes", "textarea", "select", "datalist", "button", "dialog"),
        *("map", "noscript", "applet", "progress", "meter", "mjx-assistive-mml"),
    )
)
_CODE: Final = frozenset(("code", "tt", "kbd", "samp", "var"))
_HIDDEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
_HIDDEN_CLASSES: Final = frozenset(
    ("sr-only", "visually-hidden", "screen-reader-text", "headerlink", "MathJax_Preview")
)
_SPECIAL_TAGS: Final = frozenset(
    (*_GONE, *_CODE, "br", "img", "math", "table", "mjx-container", "pre", "listing", "xmp")
)
# All that the names and values of attributes can make of an element; most have none of it.
_SPECIAL = re.compile(
    r"[Mm]ath|[Kk]a[Tt]e[Xx]|tex(?!t)|mwe-|mjx|MJX|data-(?:expr|formula|equation)|[Hh]idden|HIDDEN"
    r"|display\s*:|DISPLAY|screen-reader|sr-only|headerlink|syntaxhighlighter|crayon-main|CodeMirror"
)


def _is_special(raw: str) -> bool:
    return _is_known_special(raw) if len(raw) <= MAX_KNOWN_CHARS else _search_special(raw)


def _search_special(raw: str) -> bool:
    return _SPECIAL.search(raw) is not None


_is_known_special = lru_cache(maxsize=1 << 13)(_search_special)


class Rewriter:
    """Rewrites the tree of one page."""

    def __init__(self, config: MathConfig, placeholders: Placeholders) -> None:
        self._placeholders = placeholders
        self._has_scripts = config.has_scripts
        self._delimiters = Delimiters(config, placeholders)

    def rewrite(self, node: Node, *, dollars: bool = False) -> None:
        """Rewrite everything below an element, in place."""
        if not node.children:
            return
        if len(node.children) > 1 or isinstance(node.children[0], Node):
            node.children = self._rewritten(node, dollars=dollars)
        self._delimiters.replace_in(node, dollars=dollars)

    def _rewritten(self, node: Node, *, dollars: bool) -> list[Node | str]:
        """Return an element's new children; texts that come to touch become one text."""
        scripts = source_scripts(node.children) if self._has_scripts else Scripts()
        children: list[Node | str] = []
        texts: list[str] = []
        index = -1
        for child in node.children:
            if isinstance(child, str):
                texts.append(child)
                continue
            index += 1
            if scripts.positions and scripts.covers(index) and is_picture(child):
                continue
            replaced = self._element(child, dollars=dollars)
            if isinstance(replaced, str):
                texts.append(replaced)
                continue
            if texts:
                children.append("".join(texts))
                texts = []
            children.append(replaced)
        if texts:
            children.append("".join(texts))
        return children

    def _element(self, node: Node, *, dollars: bool) -> Node | str:
        """Return what an element becomes, "" for nothing."""
        if node.tag not in _SPECIAL_TAGS and not (node.raw and _is_special(node.raw)):
            self.rewrite(node, dollars=dollars)
            return node
        if is_code_block(node):
            code = self._placeholders.add_code_block(code_text(node), code_language(node))
            return self._block(node, code)
        formula = element_formula(node)
        if formula is not None:
            return self._formula(node, formula)
        if node.tag in _CODE:
            return self._inline_code(node, dollars=dollars)
        if node.tag in _GONE:
            return ""
        if node.tag == "br":
            return LINE_BREAK
        if node.raw and _is_marked_hidden(node):
            return self._hidden(node)
        dollars = dollars or ("math" in node.raw and not DOLLAR_CLASSES.isdisjoint(node.classes))
        self.rewrite(node, dollars=dollars)
        return node

    def _formula(self, node: Node, formula: Formula) -> Node | str:
        placeholder = self._placeholders.add_formula(
            normal_tex(formula.tex), display=formula.display
        )
        return self._block(node, placeholder) if formula.display else placeholder

    def _inline_code(self, node: Node, *, dollars: bool) -> Node | str:
        """Return code in a line; markup that is only drawn in its font is left as it is."""
        if node.tag == "var" or any(child.tag in ("img", "math", "pre") for child in node.nodes()):
            self.rewrite(node, dollars=dollars)
            return node
        text = code_text(node)
        return self._placeholders.add_code(text)

    def _hidden(self, node: Node) -> Node | str:
        """Return a hidden element's formulas and code, without its other text."""
        before = self._placeholders.count_all()
        self.rewrite(node)
        if self._placeholders.count_all() == before:
            return ""
        shown = Node(node.tag, "", node.parent)
        shown.children = node.children
        return shown

    def _block(self, node: Node, placeholder: str) -> Node | str:
        if not placeholder:
            return ""
        block = Node(BLOCK_TAG, "", node.parent)
        block.children.append(placeholder)
        return block


def _is_marked_hidden(node: Node) -> bool:
    raw = node.raw
    if "style" in raw and _HIDDEN.search(node.get("style")):
        return True
    if "hidden" in raw and (node.has("hidden") or node.get("aria-hidden").lower() == "true"):
        return True
    if "class" not in raw:
        return False
    return not _HIDDEN_CLASSES.isdisjoint(node.classes)
