"""Formulas between delimiters in the texts of a page, and lines of its code, counted as they come.

Unlike delimiters.py this sees one text after the other and no tree: a count for every page, not a
reading. The twin of corpus/native/signs.h, value for value: change both or neither.
"""

import re
from typing import Final

from .names import ENVIRONMENTS

MAX_FORMULA_BYTES: Final = 8000
MAX_DOLLAR_BYTES: Final = 1000

_SIGN = re.compile(rb"[\\$]")
_ENVIRONMENT = re.compile(rb"\\(begin|end)\{([A-Za-z]*)\*?\}")
_TEX = re.compile(rb"\\[A-Za-z][A-Za-z{]|[A-Za-z0-9)}\]][_^][A-Za-z0-9{\\(]|[_^]\{")
_AMOUNT = re.compile(rb"[0-9][0-9.,]*[ \t\n\f\r]")
_WORD_OR_DOLLAR = re.compile(rb"[A-Za-z0-9_\x80-\xff$]")
_SPACE: Final = b" \t\n\f\r"
_CLOSES: Final = {b")": b"(", b"]": b"["}


class Signs:
    """What the texts read so far hold."""

    def __init__(self) -> None:
        self.num_delimited = 0
        self.num_dollars = 0  # pairs of $$: no formulas unless a library is loaded
        self.num_plain = 0  # pairs of $ around what may be money: unless the page says what $ means
        self.num_lines = 0
        self._pending = b""
        self._pending_at = 0
        self._is_line = False

    def end_block(self) -> None:
        """Forget what is open."""
        self._pending = b""

    def end_line(self) -> None:
        """Count the line of code that ends here, unless it is blank."""
        self.num_lines += self._is_line
        self._is_line = False

    def read_code(self, code: bytes) -> None:
        """Read a text in a block of code."""
        first, *others = code.split(b"\n")
        self._is_line = self._is_line or bool(first.strip(_SPACE))
        for line in others:
            self.end_line()
            self._is_line = bool(line.strip(_SPACE))

    def read_text(self, page: bytes, start: int, stop: int) -> None:
        """Read a text between two tags; single dollars do not reach beyond a tag."""
        if self._pending == b"$":
            self._pending = b""
        while sign := _SIGN.search(page, start, stop):
            at = sign.start()
            if sign[0] == b"$":
                start = self._read_dollar(page, at, stop, behind=page[at - 1 : at] if at else b"")
            else:
                start = self._read_backslash(page, at, stop)

    def _read_backslash(self, page: bytes, at: int, stop: int) -> int:
        following = page[at + 1 : min(at + 2, stop)]
        if following in (b"(", b"["):
            self._open(following, at + 2)
        elif following in _CLOSES:
            self._close(_CLOSES[following], at)
        elif found := _ENVIRONMENT.match(page, at, stop):
            if found[2].lower() in ENVIRONMENTS and found[1] == b"begin":
                self._open(b"b", found.end())
            elif found[2].lower() in ENVIRONMENTS:
                self._close(b"b", at)
        return at + 2

    def _read_dollar(self, page: bytes, at: int, stop: int, *, behind: bytes) -> int:
        following = page[at + 1 : min(at + 2, stop)]
        if following == b"$":
            if self._pending == b"D":
                self._close(b"D", at)
            else:
                self._open(b"D", at + 2)
            return at + 2
        if self._pending == b"$":
            self._pending = b""
            inner = page[self._pending_at : at]
            if _may_be_formula(inner, following):
                is_sure = has_tex(inner) and not _AMOUNT.match(inner)
                self.num_delimited += is_sure
                self.num_plain += not is_sure
                return at + 1
        opens = bool(following) and following not in _SPACE and not _WORD_OR_DOLLAR.match(behind)
        if not self._pending and opens:
            self._open(b"$", at + 1)
        return at + 1

    def _open(self, kind: bytes, at: int) -> None:
        is_free = self._pending in (b"", b"$", kind)
        if is_free or at - self._pending_at > MAX_FORMULA_BYTES:
            self._pending = kind
            self._pending_at = at

    def _close(self, kind: bytes, at: int) -> None:
        if self._pending != kind:
            return
        self._pending = b""
        is_formula = 0 < at - self._pending_at <= MAX_FORMULA_BYTES
        if kind == b"D":
            self.num_dollars += is_formula
        else:
            self.num_delimited += is_formula


def has_tex(text: bytes) -> bool:
    """Tell TeX from prose, as `looks_like_tex` does."""
    return _TEX.search(text) is not None


def _may_be_formula(inner: bytes, following: bytes) -> bool:
    """Tell whether single dollars may enclose a formula."""
    is_short = 0 < len(inner) <= MAX_DOLLAR_BYTES
    return (
        is_short and inner[-1:] not in _SPACE and not following.isdigit() and b"\n\n" not in inner
    )
