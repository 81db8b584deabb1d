"""Repeated substrings of a block of texts, by its suffix array (Lee et al. 2022, ExactSubstr).

Where two windows of `min_bytes` bytes are equal, each within one text, the earlier one stays and
the later is cut, unless they overlap. Longer repeats are unions of such windows. The suffix array
is libdivsufsort's, through the optional package pydivsufsort (MIT; wheels for Linux, macOS and
Windows). A block takes 13 times its bytes in memory, and up to 29 times where everything repeats.
"""

import importlib
from collections.abc import Iterator, Sequence
from typing import Final, Protocol, cast

import msgspec
import numpy as np
import numpy.typing as npt

from ..corpus.errors import GristmillError
from .columns import TextBatch

SEPARATOR: Final = 0xFF  # never a byte of UTF-8, so no window that is valid holds one
BLOCK_BYTES_LIMIT: Final = 1 << 30  # positions in it have 32 bits

Bytes = npt.NDArray[np.uint8]
Positions = npt.NDArray[np.int64]
Suffixes = npt.NDArray[np.int32]


class Substrings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which repeats are cut of pages and documents; off by default. Lee et al.: 50 tokens."""

    min_bytes: int = 0  # repeats of so many bytes of UTF-8 are cut; 0: none is
    block_bytes: int = 64 << 20  # texts that are compared with each other

    def __post_init__(self) -> None:
        if self.min_bytes != 0 and not 16 <= self.min_bytes <= 1 << 20:
            raise ValueError(
                "min_bytes must be 0 or between 16 and 2^20: shorter repeats are words"
            )
        if not 1 <= self.block_bytes <= BLOCK_BYTES_LIMIT:
            raise ValueError(f"block_bytes must lie between 1 and {BLOCK_BYTES_LIMIT}")


class _SuffixArrays(Protocol):
    def divsufsort(self, text: Bytes) -> Suffixes: ...

    def kasai(self, text: Bytes, suffix_array: Suffixes) -> Suffixes: ...


def load_suffix_arrays() -> _SuffixArrays:
    """Return the library that sorts suffixes, or say how to get it."""
    try:
        return cast(_SuffixArrays, importlib.import_module("pydivsufsort"))
    except ImportError as error:
        raise GristmillError(
            "the recipe cuts repeated substrings, and pydivsufsort is not installed",
            where="dedup.substrings",
            todo="pip install 'gristmill[substrings]', or leave min_bytes at 0.",
        ) from error


def blocks(sizes: Sequence[int], block_bytes: int) -> Iterator[tuple[int, int]]:
    """Yield the ranges of consecutive texts that fill a block; a longer text is one by itself."""
    first = total = 0
    for i, size in enumerate(sizes):
        if i > first and total + size > block_bytes:
            yield first, i
            first, total = i, 0
        total += size
    if first < len(sizes):
        yield first, len(sizes)


def repeated_spans(texts: TextBatch, *, min_bytes: int) -> tuple[Positions, Positions, Positions]:
    """Return (text, first, end) in characters of what repeats earlier bytes, in order.

    The spans of a text do not touch. A character is cut only if all of its bytes are.
    """
    sizes = np.diff(texts.offsets)
    ends = np.cumsum(sizes + 1) - 1  # where the separators stand
    data = _joined(texts, ends)
    windows = np.sort(_later_windows(data, ends, min_bytes))
    opens = np.flatnonzero(np.diff(windows, prepend=np.int32(-min_bytes - 1)) > min_bytes)
    closes = np.append(opens[1:], len(windows)) - 1 if len(windows) else opens
    first = windows[opens].astype(np.int64)
    end = windows[closes].astype(np.int64) + min_bytes
    for _ in range(3):  # a character has at most three bytes more
        first, end = first + _is_inside(data[first]), end - _is_inside(data[end])
    first, end = first[first < end], end[first < end]
    text = np.searchsorted(ends, first)
    starts = ends[text] - sizes[text]
    chars = np.cumsum(~_is_inside(data), dtype=np.int32)
    before = chars[starts].astype(np.int64)
    return text, chars[first] - before, chars[end] - before


def _is_inside(data: Bytes) -> npt.NDArray[np.bool_]:
    """Tell the bytes that go on with a character."""
    found: npt.NDArray[np.bool_] = (data & 0xC0) == 0x80
    return found


def _joined(texts: TextBatch, ends: Positions) -> Bytes:
    """Return the texts with a separator after each."""
    data = np.full(len(texts.data) + len(ends), SEPARATOR, dtype=np.uint8)
    is_text = np.ones(len(data), dtype=np.bool_)
    is_text[ends] = False
    data[is_text] = texts.data
    return data


def _later_windows(data: Bytes, ends: Positions, size: int) -> Suffixes:
    """Return where windows begin that equal an earlier one which they do not overlap."""
    library = load_suffix_arrays()
    suffixes = library.divsufsort(data)
    is_same = library.kasai(data, suffixes) >= size  # as the next suffix, up to `size` bytes
    is_same[-1] = False
    follows = np.append(False, is_same[:-1])
    is_repeated = is_same | follows
    positions, group = suffixes[is_repeated], np.cumsum(~follows[is_repeated], dtype=np.int32)
    del suffixes, is_same
    in_text = np.ones(len(data), dtype=np.bool_)
    for end in ends.tolist():
        in_text[max(end - size + 1, 0) : end + 1] = False
    fits = in_text[positions]
    positions, group = positions[fits], group[fits]
    if not len(positions):
        return np.empty(0, dtype=np.int32)
    opens = np.flatnonzero(np.diff(group, prepend=np.int32(-1)))
    lengths = np.diff(np.append(opens, len(group)))
    earliest = np.repeat(np.minimum.reduceat(positions, opens), lengths)
    later: Suffixes = positions[positions - earliest >= size]
    return later
