"""The words of one text as strings, and where each lies in it.

They are the words that the kernels hash (see shingles.py), in the same order.
"""

from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ..corpus.characters import CLASS_SHIFT, RUN, SINGLE, SPACE, SYMBOL, character_table
from .shingles import SYMBOL_SHARE

Places = npt.NDArray[np.int64]
CODE_MASK = np.uint32((1 << CLASS_SHIFT) - 1)


class Words(NamedTuple):
    """The words of a text; word i is `lowered[starts[i]:stops[i]]`, in lower case."""

    lowered: str  # as many characters as the text has
    starts: Places
    stops: Places

    def strings(self, first: int = 0, stop: int | None = None) -> list[str]:
        """Return the words, or those from `first` up to `stop`."""
        starts, stops = self.starts[first:stop].tolist(), self.stops[first:stop].tolist()
        return [self.lowered[start:end] for start, end in zip(starts, stops, strict=True)]


def find_words(text: str) -> Words:
    """Return the words of a text with their places, which count characters."""
    if text.isascii():
        lowered, sizes = text.lower(), None
        classes = np.frombuffer(bytearray(text.encode().translate(_ascii_classes())), np.uint8)
    else:
        entries = character_table()[np.frombuffer(text.encode("utf-32-le"), dtype="<u4")]
        lower = entries & CODE_MASK
        lowered = lower.astype("<u4").tobytes().decode("utf-32-le")
        sizes = 1 + (lower >= 0x80) + (lower >= 0x800) + (lower >= 0x10000)
        classes = (entries >> np.uint32(CLASS_SHIFT)).astype(np.uint8)
    if _num_bytes(classes >= RUN, sizes) * SYMBOL_SHARE < _num_bytes(classes != SPACE, sizes):
        classes[classes == SYMBOL] = SINGLE
    is_run = np.zeros(len(classes) + 2, dtype=np.bool_)
    is_run[1:-1] = classes == RUN
    is_single = classes == SINGLE
    starts = np.flatnonzero(is_single | (is_run[1:-1] & ~is_run[:-2]))
    stops = np.flatnonzero(is_single | (is_run[1:-1] & ~is_run[2:])) + 1
    return Words(lowered, starts, stops)


@cache
def _ascii_classes() -> bytes:
    entries = character_table()[:256] >> np.uint32(CLASS_SHIFT)
    return entries.astype(np.uint8).tobytes()


def _num_bytes(chosen: npt.NDArray[np.bool_], sizes: npt.NDArray[np.int64] | None) -> int:
    """Return the bytes of the chosen characters; without sizes each has one."""
    return int(np.count_nonzero(chosen) if sizes is None else sizes[chosen].sum())
