"""What a text shows of its language: hashed tokens and pairs of tokens, counted.

Identifiers, operators and brackets are kept as they stand, in comments and strings too, numbers
are reduced to their kind, and a line's start is a token that says how it is indented: a pair with
it tells what lines begin and end with.
"""

import re
from typing import Final
from zlib import crc32

import numpy as np
import numpy.typing as npt

HEAD_BYTES: Final = 32_768  # of UTF-8; what lies behind is not read
MAX_MEMO: Final = 200_000  # distinct tokens whose hashes are remembered
MULTIPLIERS: Final = (0x9E3779B1, 0x85EBCA77)  # of a pair's first and second token

# The first byte chooses the alternative, so that a search never goes back.
TOKEN: Final = re.compile(
    rb"[A-Za-z_][A-Za-z0-9_]{0,31}"
    rb"|\n[ \t]*"
    rb"|[0-9][0-9A-Za-z_.]{0,31}"
    rb"|[()\[\]{};,]"
    rb"|[!-/:-@\[-`{-~]{1,4}"
    rb"|[\xc0-\xff][\x80-\xbf]*"
)

Features = tuple[npt.NDArray[np.uint32], npt.NDArray[np.int64]]


def count_features(text: str) -> Features:
    """Return the distinct features of a text's head in ascending order, and how often each occurs.

    Features are 32-bit hashes, [F]; counts are [F]. The twin is reference.slow_features.
    """
    tokens = TOKEN.findall(head_bytes(text))
    if len(_MEMO) > MAX_MEMO:
        _MEMO.clear()
    hashes = np.fromiter(map(_MEMO.__getitem__, tokens), np.uint64, len(tokens))
    pairs = hashes[:-1] * np.uint64(MULTIPLIERS[0]) + hashes[1:] * np.uint64(MULTIPLIERS[1])
    pairs = (pairs + np.uint64(1)) & np.uint64(0xFFFFFFFF)
    return np.unique(np.concatenate([hashes, pairs]).astype(np.uint32), return_counts=True)


def head_bytes(text: str) -> bytes:
    """Return the bytes that tokens are taken from: line feeds end lines, and one stands first."""
    data = text[:HEAD_BYTES].encode("utf-8", "replace")[:HEAD_BYTES]
    return b"\n" + data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")


def reduce_token(token: bytes) -> bytes:
    """Return what stands for a token: itself, or the kind of a number or indentation."""
    first = token[:1]
    if first.isdigit():
        return _number_kind(token)
    if first == b"\n" and len(token) > 1:
        return b"\n\t" if b"\t" in token else b"\n "
    return token


def _number_kind(token: bytes) -> bytes:
    if token[:2] in (b"0x", b"0X"):
        return b"0x"
    if b"." in token:
        return b"0.0"
    return b"0" if token.isdigit() else b"0a"


class _Memo(dict[bytes, int]):
    """Token to hash: a text repeats its tokens, and a look-up is cheaper than the reduction."""

    def __missing__(self, token: bytes) -> int:
        self[token] = value = crc32(reduce_token(token))
        return value


_MEMO: Final = _Memo()
