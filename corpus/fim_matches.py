"""Finds tokens of a stored row again among those of a text that was tokenized anew.

For vocabularies whose lines do not stand alone: a part of the text is tokenized whole, and each
token that the row has at the same byte is copied. Only equal ids are ever copied, so what comes
out is right whatever the vocabulary does; how short it is depends on how soon two cuts agree.
"""

import itertools
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

IdArray = npt.NDArray[np.int32]
MIN_COPIED = 3  # tokens; a copy takes two numbers


class StoredTokens:
    """The tokens of a row by the byte of its text that each begins at.

    Args:
        tokens: the row.
        runs: where text lies in it: first byte, first token, and the token after the last.
        sizes: the bytes that each id of the vocabulary stands for.
    """

    def __init__(
        self,
        tokens: IdArray,
        runs: Sequence[tuple[int, int, int]],
        sizes: npt.NDArray[np.int64],
    ) -> None:
        self._tokens, self._sizes = tokens, sizes
        starts = [self._starts(tokens[first:end], byte) for byte, first, end in runs]
        places = [np.arange(first, end) for _, first, end in runs]
        order = np.argsort(np.concatenate(starts), kind="stable")
        self._at = np.concatenate(starts)[order]
        self._places = np.concatenate(places)[order]

    def match(self, ids: IdArray, byte: int) -> Iterator[range | IdArray]:
        """Yield the ids of a text that begins at a byte: runs of the row, and ids of its own."""
        if not len(self._at) or not len(ids):
            yield ids
            return
        starts = self._starts(ids, byte)
        found = np.minimum(np.searchsorted(self._at, starts), len(self._at) - 1)
        places = self._places[found]
        is_same = (self._at[found] == starts) & (self._tokens[places] == ids)
        places = np.where(is_same, places, -1)
        goes_on = (places[1:] == places[:-1] + 1) & is_same[1:] & is_same[:-1]
        bounds = [0, *(np.flatnonzero(~goes_on) + 1).tolist(), len(ids)]
        fresh = 0  # ids from here on are not copied
        for start, stop in itertools.pairwise(bounds):
            if is_same[start] and stop - start >= MIN_COPIED:
                if fresh < start:
                    yield ids[fresh:start]
                yield range(int(places[start]), int(places[start]) + stop - start)
                fresh = stop
        if fresh < len(ids):
            yield ids[fresh:]

    def _starts(self, ids: IdArray, byte: int) -> npt.NDArray[np.int64]:
        sizes = self._sizes[ids]
        return byte + np.cumsum(sizes) - sizes
