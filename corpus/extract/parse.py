"""Builds the tree of an HTML page in time linear in its bytes and with a bounded depth.

The libraries take time quadratic in the nesting and in a tag's attributes. Here the position only
moves forward and attributes stay one string until somebody asks. The tree is the browsers' where
pages are well formed. Of the rules for broken pages it has those that decide what is text: implied
ends, unclosed and stray tags. Elements beyond MAX_DEPTH become siblings, as in browsers.
"""

import re
from collections import defaultdict
from typing import Final

from .tree import BLOCK, Node, decode_references

MAX_DEPTH: Final = 120  # deep enough for layouts of tables; each level is four frames of ours
MAX_NODES: Final = 100_000
MAX_STEPS: Final = 4_000_000

VOID: Final = frozenset(("br", "hr", "img", "mspace", "mprescripts", "none"))
RAW_TEXT: Final = frozenset(
    ("script", "style", "textarea", "title", "xmp", "iframe", "noembed", "noframes")
)
# Elements without text or formulas: not even a node is made of them, nor of what is in the second.
_SKIPPED_WHOLE: Final = frozenset(("noscript", "select", "svg", "template"))
_SKIPPED: Final = _SKIPPED_WHOLE.union(
    ("area", "base", "col", "embed", "input", "link", "meta", "param", "source", "track", "wbr")
)
_CELLS = frozenset(("td", "th", "caption"))
_TABLE = frozenset(("table", "tr", "tbody", "thead", "tfoot", *_CELLS))
_LISTS = frozenset(("ul", "ol", "dl", "menu", "dir", *_CELLS))
# What a start tag ends, and the elements that keep it from doing so.
_ENDS: Final = {
    "li": (frozenset(("li",)), _LISTS),
    "dt": (frozenset(("dt", "dd")), _LISTS),
    "dd": (frozenset(("dt", "dd")), _LISTS),
    "tr": (frozenset(("tr", "td", "th", "caption")), frozenset(("table",))),
    "td": (frozenset(("td", "th")), frozenset(("table", "tr"))),
    "th": (frozenset(("td", "th")), frozenset(("table", "tr"))),
    "tbody": (frozenset(("tbody", "thead", "tfoot", "caption")), frozenset(("table",))),
    "tfoot": (frozenset(("tbody", "thead", "tfoot", "caption")), frozenset(("table",))),
}
_PARAGRAPH = (frozenset(("p",)), frozenset(("table", "button", *_CELLS)))
_ENDS_PARAGRAPH = BLOCK - {"td", "th", "tr", "tbody", "thead", "tfoot", "caption", "noscript"}

# The alternatives exclude each other, so a tag without an end costs one scan, not a power of it.
_TAG = re.compile(
    r"<(/?)([a-zA-Z][^\s/>]*)(?=[\s/>])"
    r"([^>=]*(?:=\s*(?:\"[^\"]*\"|'[^']*'|(?![\s\"']))[^>=]*)*)>"
)
_NAME_END = frozenset(" \t\n\f\r/>")
_COMMENT_END = re.compile("--!?>")


class HostilePageError(ValueError):
    """The page would cost more time or memory than a page may."""


def parse(html: str) -> Node:
    """Return the page's root; raises HostilePageError where it is too large a tree."""
    builder = _Builder()
    at, end = 0, len(html)
    find, match_tag = html.find, _TAG.match
    unclosed: set[str] = set()
    stack, num_open, num_flat = builder.stack, builder.num_open, builder.num_flat
    while at < end:
        found = find("<", at)
        if found != at:
            text = html[at : found if found != -1 else end]
            stack[-1].children.append(decode_references(text) if "&" in text else text)
            if found == -1:
                break
        match = match_tag(html, found)
        if match is None:
            at = _after_other(html, found, builder)
            continue
        closing, name, raw = match.groups()
        name, at = name.lower(), match.end()
        if closing:
            if stack[-1].tag == name and not num_flat:
                stack.pop()
                num_open[name] -= 1
            else:
                builder.end(name)
            continue
        if name in _SKIPPED:
            if name in _SKIPPED_WHOLE and name not in unclosed and raw[-1:] != "/":
                stop = _raw_text_end(html, name, at)
                if stop == end:
                    unclosed.add(name)  # such elements are looked into from here on
                else:
                    at = stop
            continue
        builder.start(name, raw)
        if name in RAW_TEXT and raw[-1:] != "/":
            stop = _raw_text_end(html, name, at)
            builder.add_text(html[at:stop], is_raw=name not in ("title", "textarea"))
            builder.end(name)
            at = stop
    return builder.root


def _after_other(html: str, at: int, builder: "_Builder") -> int:
    """Return the position behind a comment or a declaration; a bare "<" is text."""
    if html.startswith("<!--", at):
        if html.startswith((">", "->"), at + 4):
            return at + 5
        close = _COMMENT_END.search(html, at + 4)
        return close.end() if close else len(html)
    if html.startswith("<![CDATA[", at):
        stop = html.find("]]>", at)
        return stop + 3 if stop != -1 else len(html)
    following = html[at + 1 : at + 2]
    if following and following in "!?/":
        stop = html.find(">", at)
        return stop + 1 if stop != -1 else len(html)
    if following.isascii() and following.isalpha():
        return len(html)  # the page ends inside a tag, which is no text
    builder.add_text("<")
    return at + 1


def _raw_text_end(html: str, name: str, at: int) -> int:
    """Return where the end tag of a raw text begins, or the page ends."""
    while (at := html.find("</", at)) != -1:
        stop = at + 2 + len(name)
        if html[at + 2 : stop].lower() == name and html[stop : stop + 1] in _NAME_END:
            return at
        at += 2
    return len(html)


class _Builder:
    """Puts tags and texts into their places."""

    def __init__(self) -> None:
        self.root = Node("#root")
        self.stack = [self.root]
        self.num_open: defaultdict[str, int] = defaultdict(int)
        self.num_flat: defaultdict[str, int] = defaultdict(int)
        self._num_nodes = 0
        self._num_steps = 0

    def add_text(self, text: str, *, is_raw: bool = False) -> None:
        """Append text to the element that is open."""
        if "&" in text and not is_raw:
            text = decode_references(text)
        self.stack[-1].children.append(text)

    def start(self, tag: str, raw: str) -> None:
        """Open an element, after what its start tag ends."""
        self._num_nodes += 1
        if self._num_nodes > MAX_NODES:
            raise HostilePageError(f"more than {MAX_NODES} elements")
        num_open, stack = self.num_open, self.stack
        if tag in _ENDS_PARAGRAPH and num_open["p"]:
            self._end_open(*_PARAGRAPH)
        if tag in _ENDS:
            self._end_open(*_ENDS[tag])
        parent = stack[-1]
        node = Node(tag, raw, parent)
        parent.children.append(node)
        if tag in VOID or (raw[-1:] == "/" and num_open["math"]):
            return
        if len(stack) > MAX_DEPTH:
            self.num_flat[tag] += 1
            return
        stack.append(node)
        num_open[tag] += 1

    def end(self, tag: str) -> None:
        """Close the nearest such element; a stray end tag is nothing."""
        if self.num_flat and self.num_flat[tag]:
            self.num_flat[tag] -= 1
            return
        if not self.num_open[tag]:
            return
        if self.stack[-1].tag == tag:
            self.stack.pop()
            self.num_open[tag] -= 1
            return
        for index in range(len(self.stack) - 1, 0, -1):
            self._step()
            open_tag = self.stack[index].tag
            if open_tag == tag:
                self._close(index, tag)
                return
            if open_tag in _CELLS and tag not in _TABLE:
                return

    def _close(self, index: int, tag: str) -> None:
        if tag not in BLOCK and any(
            node.tag in BLOCK for node in self.stack[index + 1 :]
        ):  # <a><div></a>: the link ends, the block does not
            del self.stack[index]
            self.num_open[tag] -= 1
            return
        for node in self.stack[index:]:
            self.num_open[node.tag] -= 1
        del self.stack[index:]

    def _end_open(self, ended: frozenset[str], barriers: frozenset[str]) -> None:
        """Close the outermost of `ended` that no barrier protects."""
        if not any(self.num_open[tag] for tag in ended):
            return
        last = None
        for index in range(len(self.stack) - 1, 0, -1):
            self._step()
            tag = self.stack[index].tag
            if tag in ended:
                last = index
            elif tag in barriers:
                break
        if last is not None:
            for node in self.stack[last:]:
                self.num_open[node.tag] -= 1
            del self.stack[last:]

    def _step(self) -> None:
        self._num_steps += 1
        if self._num_steps > MAX_STEPS:
            raise HostilePageError("its tags are nested in a hostile way")
