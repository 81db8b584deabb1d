"""Formulas between delimiters in a page's text, and which delimiters count on this page.

A single dollar is money on most pages. It is a delimiter where the page's script says so, or where
what stands between two dollars is TeX beyond doubt.
"""

import re
from collections.abc import Iterator
from functools import cached_property
from typing import Final

from .asciimath import asciimath_to_tex
from .code import is_code_block
from .parse import HostilePageError
from .placeholders import OPEN, Placeholders
from .tex import looks_like_tex, normal_tex
from .tree import BLOCK, Node

MAX_FORMULA_CHARS: Final = 8000
MAX_DOLLAR_CHARS: Final = 1000
MAX_CHARS: Final = 16 << 20  # of texts in inline elements, which are read once for each around them
_ENVIRONMENTS: Final = (
    "equation|align|alignat|gather|multline|eqnarray|displaymath|math|flalign|aligned|gathered"
    "|split|cases|matrix|pmatrix|bmatrix|vmatrix|array|CD|tikzcd|tikzpicture"
)
# Opening delimiter: what closes it, and whether the formula is a paragraph of its own.
_PAIRS: Final = {
    "\\[": ("\\]", True),
    "\\(": ("\\)", False),
    "$$": ("$$", True),
    "[itex]": ("[/itex]", False),
    "[tex]": ("[/tex]", True),
    "[latex]": ("[/latex]", False),
    "[math]": ("[/math]", False),
}
_OPENER = re.compile(
    r"\\[\[(]|(?<!\\)\$\$|\[(?:itex|tex|latex|math)\]"
    rf"|\\begin\{{(?P<environment>(?:{_ENVIRONMENTS})\*?)\}}"
    r"|(?<![\\$\w])\$(?P<dollar>latex\s|(?![\s$]))|(?P<backtick>`)"
)
_BLANK_LINE = re.compile(r"\n[ \t]*\n")
# A shell's variable, up to the dollar of the next one.
_SHELL_NAME = re.compile(r"[A-Z][A-Z0-9]+_[A-Z0-9_]*[A-Z0-9](?![\w{^])")
_BEFORE_NAME: Final = ('"', "'", ":", "/", "(", "=")
_DOLLAR_CONFIG = re.compile(
    r"inlineMath\s*[:'\"]+\s*\[?.{0,200}?\[\s*['\"]\$['\"]\s*,|left\s*:\s*['\"]\$['\"]"
    r"|delimiters\s*:.{0,400}?['\"]\$['\"]|inlineMath.{0,80}?['\"]\$['\"]"
    r"|['\"]?\$['\"]?\s*:\s*['\"]?\$",
    re.DOTALL,
)
_LIBRARIES: Final = ("MathJax", "mathjax", "katex", "KaTeX", "ASCIIMathML")
_MATH_SCRIPTS: Final = ("math/tex", "math/latex", "math/asciimath", "math/mml")
_MAY_OPEN = re.compile(r"[$`\[]|\\[\[(b]")
_ASCIIMATH = re.compile(
    r"AM_(?:HTMLorMML|CHTML|SVG)|asciimath2jax|ASCIIMathML|input/asciimath|_AM-|AM_CHTML", re.I
)


class MathConfig:
    """What a page's scripts say about formulas in its text, looked up once somebody asks."""

    def __init__(self, html: str) -> None:
        self._html = html

    @cached_property
    def has_scripts(self) -> bool:
        """Some script may be the source of a formula."""
        return "math/" in self._html and any(kind in self._html for kind in _MATH_SCRIPTS)

    @cached_property
    def has_library(self) -> bool:
        """A library for formulas is loaded, which by itself proves nothing."""
        return any(name in self._html for name in _LIBRARIES)

    @cached_property
    def dollars(self) -> bool:
        """Single dollars are delimiters."""
        return self.has_library and _DOLLAR_CONFIG.search(self._html) is not None

    @cached_property
    def backticks(self) -> bool:
        """Backticks are delimiters, of AsciiMath."""
        return self.has_library and _ASCIIMATH.search(self._html) is not None


class Delimiters:
    """Finds the formulas in the texts of one page."""

    def __init__(self, config: MathConfig, placeholders: Placeholders) -> None:
        self._config = config
        self._placeholders = placeholders
        self._num_chars = 0

    def replace_in(self, node: Node, *, dollars: bool) -> None:
        """Replace the formulas among an element's own texts, also across its inline elements."""
        children = node.children
        for child in children:
            if isinstance(child, str) and _MAY_OPEN.search(child):
                break
        else:
            return
        start = 0
        while start < len(children):
            stop = start
            while stop < len(children) and _is_inline(children[stop]):
                stop += 1
            if stop > start:
                run = self._replaced(children[start:stop], dollars=dollars)
                children[start:stop] = run
                stop = start + len(run)
            start = stop + 1

    def _replaced(self, run: list[Node | str], *, dollars: bool) -> list[Node | str]:
        """Return a run of texts and inline elements with placeholders for its formulas."""
        texts = [_flat(child) for child in run]
        whole = "".join(texts)
        self._num_chars += len(whole)
        if self._num_chars > MAX_CHARS:
            raise HostilePageError("delimiters are nested in a hostile way")
        found = list(self._formulas(whole, dollars=dollars))
        if not found:
            return run
        result: list[Node | str] = []
        position = 0
        pending = iter([*found, (len(whole) + 1, len(whole) + 1, "")])
        start, end, tex = next(pending)
        for child, text in zip(run, texts, strict=True):
            stop = position + len(text)
            if isinstance(child, Node) and (stop <= start or position >= end):
                result.append(child)
                position = stop
                continue
            at = position
            while start < stop:
                if start >= position:
                    result.append(whole[at:start] + tex)
                at = min(end, stop)
                if end > stop:
                    break
                start, end, tex = next(pending)
            if at < stop:
                result.append(whole[at:stop])
            position = stop
        return result

    def _formulas(self, text: str, *, dollars: bool) -> Iterator[tuple[int, int, str]]:
        """Yield where formulas begin and end, and their placeholders."""
        closers = _Closers(text)
        at = 0
        while opener := _OPENER.search(text, at):
            at = opener.end()
            if opener["backtick"] and not self._config.backticks:
                continue
            start, stop, end, display = _inside(opener, closers)
            if stop == -1:
                continue
            inner = text[start:stop]
            if OPEN in inner or "\n\n\n" in inner or not inner.strip():
                continue
            if opener["dollar"] == "" and not self._is_formula(inner, text, end, dollars=dollars):
                continue
            tex = asciimath_to_tex(inner) if opener["backtick"] else normal_tex(inner)
            placeholder = self._placeholders.add_formula(tex, display=display)
            if placeholder:
                yield opener.start(), end, placeholder
                at = end

    def _is_formula(self, inner: str, text: str, end: int, *, dollars: bool) -> bool:
        """Tell a formula between single dollars from two amounts of money."""
        if inner[-1].isspace() or text[end : end + 1].isdigit() or _BLANK_LINE.search(inner):
            return False
        if dollars or self._config.dollars:
            return True
        if inner.endswith(_BEFORE_NAME) or _SHELL_NAME.match(inner):
            return False
        if looks_like_tex(inner):
            return not re.match(r"\d[\d.,]*\s", inner)
        return self._config.has_library and re.fullmatch(r"[A-Za-z]'*", inner) is not None


class _Closers:
    """Where closing delimiters stand in a text; each is looked for once, however many open."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._next: dict[str, int] = {}

    def find(self, closing: str, at: int, max_chars: int) -> int:
        """Return where the next one from `at` on begins, -1 if that is too far."""
        found = self._next.get(closing, 0)
        if found != -1 and found < at:
            found = self._text.find(closing, at)
            while closing == "$" and found > 0 and self._text[found - 1] == "\\":
                found = self._text.find(closing, found + 1)
            self._next[closing] = found
        return found if found != -1 and found - at <= max_chars else -1


def _inside(opener: re.Match[str], closers: _Closers) -> tuple[int, int, int, bool]:
    """Return where a formula's source begins and stops, where its closing delimiter ends."""
    start = opener.end()
    if environment := opener["environment"]:
        closing = f"\\end{{{environment}}}"
        stop = closers.find(closing, start, MAX_FORMULA_CHARS)
        end = stop + len(closing)
        return opener.start(), end if stop != -1 else -1, end, True
    if opener["backtick"]:
        stop = closers.find("`", start, MAX_DOLLAR_CHARS)
        return start, stop, stop + 1, False
    if opener["dollar"] is not None:
        stop = closers.find("$", start, MAX_DOLLAR_CHARS)
        return start, stop, stop + 1, False
    closing, display = _PAIRS[opener[0]]
    stop = closers.find(closing, start, MAX_FORMULA_CHARS)
    return start, stop, stop + len(closing), display


def _is_inline(child: Node | str) -> bool:
    if isinstance(child, str):
        return True
    if child.tag in BLOCK or child.tag.startswith("#") or is_code_block(child):
        return False
    return all(inner.tag not in BLOCK and inner.tag != "#block" for inner in child.nodes())


def _flat(child: Node | str) -> str:
    if isinstance(child, str):
        return child
    if child.tag == "br":
        return "\n"
    if not child.children:
        return ""
    return "".join(map(_flat, child.children))
