"""From AsciiMath to TeX: its grammar, read by descent, one token of look-ahead.

A formula that is nested deeper than people write, or longer, is kept as a text.
"""

import re
from typing import Final

from .asciimath_symbols import BINARY, LEFT, RIGHT, SYMBOLS, TEXT, UNARY

MAX_DEPTH: Final = 25
MAX_CHARS: Final = 10_000
_WORDS: Final = frozenset((*SYMBOLS, *UNARY, *BINARY, *TEXT, *LEFT, *RIGHT))
_LONGEST: Final = max(map(len, _WORDS))
_TOKEN: Final = re.compile(r"\s*(?:\"(?P<quoted>[^\"]*)\"|(?P<number>\d+(?:\.\d+)?)|(?P<other>\S))")


class _TooDeepError(ValueError):
    """The formula is nested deeper than MAX_DEPTH."""


def asciimath_to_tex(source: str) -> str:
    """Return the TeX of an AsciiMath formula."""
    source = source.strip()
    if len(source) > MAX_CHARS:
        return ""
    try:
        return _Reader(source).expression(0)
    except _TooDeepError:
        return f"\\text{{{_plain(source)}}}"


class _Reader:
    """The tokens of one formula, and how far they have been read."""

    def __init__(self, source: str) -> None:
        self._tokens = _tokens(source)
        self._at = 0

    def expression(self, depth: int, *, closing: bool = False) -> str:
        """Return what stands before the next closing bracket, or all that is left."""
        pieces = []
        while self._at < len(self._tokens):
            kind, text = self._tokens[self._at]
            if closing and (text in RIGHT or text == ",") and kind != "quoted":
                break
            pieces.append(self._fraction(depth))
        return " ".join(piece for piece in pieces if piece)

    def _fraction(self, depth: int) -> str:
        above, is_group = self._scripted(depth)
        if not self._next_is("/"):
            return above
        self._at += 1
        below, _ = self._scripted(depth)
        return f"\\frac{{{_unwrap(above) if is_group else above}}}{{{_unwrap(below)}}}"

    def _scripted(self, depth: int) -> tuple[str, bool]:
        """Return one piece with its scripts, and whether it is a bracket without any."""
        start = self._peek()
        base = self._simple(depth)
        scripts = ""
        for mark in "_^":
            if self._next_is(mark):
                self._at += 1
                script = _unwrap(self._simple(depth))
                scripts += f"{mark}{script if len(script) == 1 else f'{{{script}}}'}"
        return base + scripts, start in LEFT and not scripts

    def _simple(self, depth: int) -> str:
        if depth > MAX_DEPTH:
            raise _TooDeepError
        if self._at >= len(self._tokens):
            return ""
        kind, text = self._tokens[self._at]
        self._at += 1
        if kind == "quoted":
            return f"\\text{{{_plain(text)}}}"
        if text in LEFT and kind == "word":
            return self._group(text, depth)
        if text in TEXT:
            return self._text()
        if text in UNARY:
            return UNARY[text] % _unwrap(self._simple(depth + 1))
        if text in BINARY:
            first = _unwrap(self._simple(depth + 1))
            return BINARY[text] % (first, _unwrap(self._simple(depth + 1)))
        if text == "|":
            return "|"
        return SYMBOLS.get(text) or RIGHT.get(text) or _escaped(text)

    def _group(self, opening: str, depth: int) -> str:
        parts = [self.expression(depth + 1, closing=True)]
        while self._next_is(","):
            self._at += 1
            parts.append(self.expression(depth + 1, closing=True))
        closing = self._peek()
        self._at += 1
        right = RIGHT.get(closing, ".")
        if (matrix := _matrix(parts)) and opening in ("[", "(", "{", "{:"):
            return f"\\left{LEFT[opening]} {matrix} \\right{right}"
        inner = ", ".join(parts)
        if right == "." or LEFT[opening] == ".":
            return f"\\left{LEFT[opening]} {inner} \\right{right}"
        return f"{LEFT[opening]}{' ' if LEFT[opening].isalpha() else ''}{inner}{right}"

    def _text(self) -> str:
        """Return the words in the bracket after `text`, blanks between them."""
        if self._peek() not in LEFT:
            return "\\text{}"
        self._at += 1
        words = []
        while self._at < len(self._tokens) and self._peek() not in RIGHT:
            words.append(self._tokens[self._at][1])
            self._at += 1
        self._at += 1
        return f"\\text{{{_plain(''.join(words))}}}"

    def _peek(self) -> str:
        return self._tokens[self._at][1] if self._at < len(self._tokens) else ""

    def _next_is(self, text: str) -> bool:
        return self._at < len(self._tokens) and self._tokens[self._at] in (
            ("other", text),
            ("word", text),
        )


def _tokens(source: str) -> list[tuple[str, str]]:
    """Return kinds and texts; the longest word counts, also among letters: "sinx" is sin x."""
    tokens: list[tuple[str, str]] = []
    at = 0
    while found := _TOKEN.match(source, at):
        kind = found.lastgroup or "other"
        text, at = found[kind], found.end()
        if kind == "other":
            start = found.start("other")
            for size in range(_LONGEST, 0, -1):
                if (word := source[start : start + size]) in _WORDS:
                    kind, text, at = "word", word, start + len(word)
                    break
        tokens.append((kind, text))
    return tokens


def _matrix(parts: list[str]) -> str:
    """Return the rows of a matrix if every part is a bracket with as many columns."""
    rows = [part[1:-1].split(", ") for part in parts if part[:1] in "([" and part[-1:] in ")]"]
    if len(rows) < 2 or len(rows) != len(parts) or len({len(row) for row in rows}) != 1:
        return ""
    if any(not part for part in parts) or (len(rows[0]) == 1 and parts[0][0] != "["):
        return ""
    body = " \\\\ ".join(" & ".join(row) for row in rows)
    return f"\\begin{{matrix}} {body} \\end{{matrix}}"


def _unwrap(part: str) -> str:
    """Return a bracket's inside: brackets around arguments only group."""
    for start, end in (("(", ")"), ("[", "]"), ("\\{", "\\}")):
        if part.startswith(start) and part.endswith(end) and len(part) > len(start):
            inner = part[len(start) : -len(end)]
            if _is_balanced(inner, start[-1], end[-1]):
                return inner
    return part


def _is_balanced(text: str, opening: str, closing: str) -> bool:
    depth = 0
    for character in text:
        depth += (character == opening) - (character == closing)
        if depth < 0:
            return False
    return depth == 0


def _plain(text: str) -> str:
    """Return a text as TeX reads it inside its command for texts."""
    return re.sub(r"([{}$%&#_])", r"\\\1", text.replace("\\", ""))


def _escaped(text: str) -> str:
    return f"\\{text}" if text in "{}%&#$" else text
