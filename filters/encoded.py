r"""How much of a text is no writing: base64, hexadecimal and \u runs, and long lists of numbers.

The encoded runs are those of StarCoder 2 (section 2.4), which drops a file if one is longer than
1,024 characters or if they are more than half of it. Different here: base64 of many lines must
have lines of at least 16 characters, so that a list of words is none, and a run with more than one
`/` or `+` in eight is a ruler or a path.

A column is searched by Arrow's RE2 first (about 450 MB a second on one core), and only a text that
has a run is looked at alone; RE2 takes linear time whatever the text holds.
"""

import re
from collections.abc import Iterable
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import re2

MIN_BASE64_CHARS = 64
MIN_GROUPS = 8  # hexadecimal bytes, or \u escapes, in a run
MIN_NUMBERS = 16

_SYMBOL = "[A-Za-z0-9+/]"
_SPACE = r"[ \t\n\r\f]"
_BASE64_LINES = rf"{_SYMBOL}{{48,}}(?:\r?\n[ \t]*{_SYMBOL}{{16,}})+"
BASE64 = rf"(?:{_BASE64_LINES}|{_SYMBOL}{{{MIN_BASE64_CHARS},}})={{0,2}}"
UNICODE_ESCAPES = rf"(?:\\u[0-9a-fA-F]{{4}}){{{MIN_GROUPS},}}"
HEX_BYTES = rf"(?:\b(?:0x|\\x)?[0-9a-fA-F]{{2}}(?:,|\b){_SPACE}*){{{MIN_GROUPS},}}"
ENCODED = f"{BASE64}|{UNICODE_ESCAPES}|{HEX_BYTES}"

_NUMBER = (
    r"[-+]?(?:0[xX][0-9A-Fa-f]+|(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?)[fFuUlL]{0,3}"
)
NUMBERS = rf"(?:{_NUMBER}[ \t\r\n,;|(){{}}\[\]]+){{{MIN_NUMBERS},}}"

_RULER_SHARE = 8

Counts = npt.NDArray[np.int64]


class _Match(Protocol):
    def group(self) -> bytes: ...


class _Pattern(Protocol):
    def finditer(self, text: bytes, /) -> Iterable[_Match]: ...


class EncodedCounts(NamedTuple):
    """Three counts per text, in characters; null texts count as empty."""

    encoded_chars: Counts
    longest_encoded_run: Counts
    number_chars: Counts


def count_encoded(texts: pa.LargeStringArray) -> EncodedCounts:
    """Return the counts of every text, in order."""
    encoded, longest, numbers = (np.zeros(len(texts), dtype=np.int64) for _ in range(3))
    for row, data in _rows_with(texts, ENCODED):
        encoded[row], longest[row] = _encoded(_encoded_pattern, data)
    for row, data in _rows_with(texts, NUMBERS):
        numbers[row] = _number_chars(_number_pattern, data)
    return EncodedCounts(encoded, longest, numbers)


def count_encoded_slow(text: str) -> tuple[int, int, int]:
    """Return one text's EncodedCounts by Python's own, backtracking `re`: the exact twin."""
    data = text.encode("utf-8")
    return (
        *_encoded(re.compile(ENCODED.encode()), data),
        _number_chars(re.compile(NUMBERS.encode()), data),
    )


_encoded_pattern: _Pattern = re2.compile(ENCODED)
_number_pattern: _Pattern = re2.compile(NUMBERS)


def _rows_with(texts: pa.LargeStringArray, pattern: str) -> Iterable[tuple[int, bytes]]:
    """Yield the rows in which a pattern occurs, and their text as UTF-8."""
    found = pc.fill_null(pc.match_substring_regex(texts, pattern), fill_value=False)
    for row in pc.indices_nonzero(found).to_pylist():
        yield row, texts[row].as_buffer().to_pybytes()


def _encoded(pattern: _Pattern, data: bytes) -> tuple[int, int]:
    """Return the characters in encoded runs, which are all ASCII, and those of the longest."""
    lengths = [len(run) for match in pattern.finditer(data) if not _is_ruler(run := match.group())]
    return sum(lengths), max(lengths, default=0)


def _is_ruler(run: bytes) -> bool:
    return (run.count(b"/") + run.count(b"+")) * _RULER_SHARE > len(run)


def _number_chars(pattern: _Pattern, data: bytes) -> int:
    return sum(len(match.group()) for match in pattern.finditer(data))
