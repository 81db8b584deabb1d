"""A page's elements as a tree: nodes whose attributes stay one string until somebody asks."""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from html import unescape
from typing import Final

BLOCK: Final = frozenset(
    (
        *("address", "article", "aside", "blockquote"),
        *("body", "center", "dd", "details", "dialog"),
        *("dir", "div", "dl", "dt", "fieldset"),
        *("figcaption", "figure", "footer", "form", "h1", "h2"),
        *("h3", "h4", "h5", "h6", "header", "hgroup"),
        *("hr", "html", "li", "main", "menu", "nav", "ol"),
        *("p", "pre", "section", "summary", "table"),
        *("tbody", "td", "tfoot", "th", "thead", "tr"),
        *("ul", "caption", "listing", "xmp", "legend", "colgroup", "frameset", "noscript"),
    )
)

_ATTRIBUTE = re.compile(r"([^\s=/>\"']+)(?:\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s\"'>][^\s>]*)))?")
MAX_KNOWN_CHARS: Final = 200
_LONG_NUMBER = re.compile(r"&#[xX]?[0-9a-fA-F]{9,};?")


class HostilePageError(ValueError):
    """The page would cost more time or memory than a page may."""


class Node:
    """An element: its children are nodes and, between them, decoded text.

    Attributes:
        raw: the attributes as they stand in the page.
        chars: of all text in it; set, as the others, once the tree is rewritten.
        link_chars: of these, in links that lead elsewhere.
        kept_chars: of these, in formulas and code blocks.
        commas: signs that separate clauses, of any script.
    """

    __slots__ = (
        *("_classes", "children", "parent", "raw", "tag"),
        *("chars", "commas", "kept_chars", "link_chars"),
    )

    def __init__(self, tag: str, raw: str = "", parent: "Node | None" = None) -> None:
        self.tag = tag
        self.raw = raw
        self.parent = parent
        self.children: list[Node | str] = []
        self._classes: tuple[str, ...] | None = None
        self.chars = self.link_chars = self.kept_chars = self.commas = 0

    @property
    def classes(self) -> tuple[str, ...]:
        """Return the names in the class attribute."""
        if self._classes is None:
            raw = self.raw
            if "class" not in raw and "CLASS" not in raw:
                self._classes = ()
            else:
                self._classes = tuple(self.get("class").split())
        return self._classes

    def get(self, name: str) -> str:
        """Return an attribute's value, the first of that name; "" without one."""
        value = attributes(self.raw).get(name, "") if self.raw else ""
        return decode_references(value) if "&" in value else value

    def has(self, name: str) -> bool:
        """Tell whether an attribute is there, also an empty one."""
        return name in attributes(self.raw)

    def nodes(self) -> Iterator["Node"]:
        """Yield the elements below this one, in the order of the page."""
        stack = self.children[::-1]
        while stack:
            item = stack.pop()
            if isinstance(item, Node):
                yield item
                if item.children:
                    stack += item.children[::-1]

    def text(self) -> str:
        """Return all text below this element as it stands in the page."""
        pieces: list[str] = []
        stack: list[Node | str] = [self]
        while stack:
            item = stack.pop()
            if isinstance(item, str):
                pieces.append(item)
            else:
                stack.extend(reversed(item.children))
        return "".join(pieces)


def attributes(raw: str) -> Mapping[str, str]:
    """Return the attributes by lower-cased name, as they stand in a start tag."""
    return _known_attributes(raw) if len(raw) <= MAX_KNOWN_CHARS else _read_attributes(raw)


def _read_attributes(raw: str) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for key, double, single, bare in _ATTRIBUTE.findall(raw):
        found.setdefault(key.lower(), double or single or bare)
    return found


# The same few tags make up most of a site.
_known_attributes = lru_cache(maxsize=1 << 13)(_read_attributes)


def decode_references(text: str) -> str:
    """Return a text with its character references resolved."""
    # int() refuses numbers of over 4,300 digits with an exception.
    return unescape(_LONG_NUMBER.sub("\ufffd", text))


def release(root: Node) -> None:
    """Undo the links between elements, so that memory is free at once and not when cycles are."""
    for node in root.nodes():
        node.parent = None
