"""Repeated substrings of a block of texts, by its suffix array (Lee et al. 2022, ExactSubstr).

Where two windows of `min_bytes` bytes are equal, each within one text, the earlier one stays and
the later is cut, unless they overlap. Longer repeats are unions of such windows. The suffix array
is libdivsufsort's, through the optional package pydivsufsort (MIT; wheels for Linux, macOS and
Windows). A block takes 5 bytes a byte while it is sorted and 25 while repeats are looked for.
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
BLOCK_BYTES_LIMIT: Final = (1 << 31) - 1  # of a suffix array of 32-bit integers

Bytes = npt.NDArray[np.uint8]
Positions = npt.NDArray[np.int64]


class Substrings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which repeats are cut of pages and documents; off by default. Lee et al.: 50 tokens."""

    min_bytes: int = 0  # repeats of so many bytes of UTF-8 are cut; 0: none is
    block_bytes: int = 64 << 20  # texts that are compared with each other; 25 times the memory

    def __post_init__(self) -> None:
        if self.min_bytes != 0 and self.min_bytes < 16:
            raise ValueError("min_bytes must be 0 or at least 16: shorter repeats are words")
        if not 1 <= self.block_bytes <= BLOCK_BYTES_LIMIT:
            raise ValueError(f"block_bytes must lie between 1 and {BLOCK_BYTES_LIMIT}")


class _SuffixArrays(Protocol):
    def divsufsort(self, text: Bytes) -> npt.NDArray[np.int32]: ...

    def kasai(self, text: Bytes, suffix_array: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]: ...


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
    data, owner = _joined(texts)
    if len(data) < min_bytes:
        return (np.empty(0, dtype=np.int64),) * 3
    later = _later_windows(data, owner, min_bytes)
    is_cut = np.zeros(len(data) + 1, dtype=np.int32)
    np.add.at(is_cut, later, 1)
    np.subtract.at(is_cut, later + min_bytes, 1)
    covered = np.cumsum(is_cut[:-1]) > 0
    leads = np.flatnonzero((data & 0xC0) != 0x80)  # characters and separators
    whole = np.logical_and.reduceat(covered, leads)
    edges = np.flatnonzero(np.diff(whole.astype(np.int8), prepend=0, append=0))
    first, end = edges[::2], edges[1::2]  # in characters of the block
    text = owner[leads[first]]
    starts = np.append(0, np.flatnonzero(data[leads] == SEPARATOR) + 1)[text]
    return text, first - starts, end - starts


def _joined(texts: TextBatch) -> tuple[Bytes, Positions]:
    """Return the texts with a separator after each, and the number of each byte's text."""
    sizes = np.diff(texts.offsets)
    owner = np.repeat(np.arange(len(sizes)), sizes + 1)
    data = np.full(len(owner), SEPARATOR, dtype=np.uint8)
    is_text = np.ones(len(owner), dtype=np.bool_)
    is_text[np.cumsum(sizes + 1) - 1] = False
    data[is_text] = texts.data[texts.offsets[0] : texts.offsets[-1]]
    return data, owner


def _later_windows(data: Bytes, owner: Positions, size: int) -> Positions:
    """Return where windows begin that equal an earlier one which they do not overlap."""
    library = load_suffix_arrays()
    suffixes = library.divsufsort(data)
    common = library.kasai(data, suffixes)  # with the next suffix
    group = np.append(0, np.cumsum(common[: len(data) - 1] < size))
    stop = suffixes.astype(np.int64) + size - 1
    in_text = stop < len(data)
    in_text[in_text] = data[stop[in_text]] != SEPARATOR
    in_text[in_text] = owner[stop[in_text]] == owner[suffixes[in_text]]
    positions, group = suffixes[in_text].astype(np.int64), group[in_text]
    if not len(positions):
        return positions
    opens = np.flatnonzero(np.diff(group, prepend=-1))
    lengths = np.diff(np.append(opens, len(group)))
    earliest = np.repeat(np.minimum.reduceat(positions, opens), lengths)
    later: Positions = positions[positions - earliest >= size]
    return later
