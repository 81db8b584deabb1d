"""Shingle sets of the items of many pairs, read from texts a chunk of pairs at a time."""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from .columns import byte_strings
from .pairs import SIDES
from .shingles import Hashes, shingle_column
from .verify import similarities

BYTES_PER_TEXT_BYTE = 3  # of memory: a shingle of 8 bytes for each word, and room for more
BYTES_PER_HASH = 8  # of text: there is room for a shingle in so many; source code has one in 11


class TextRun(NamedTuple):
    """A file of texts: one row for each part of an item, the parts of one item in one run."""

    sizes: Callable[[], pa.Table]  # item_id, num_bytes
    texts: Callable[[pa.Array], Iterator[pa.Table]]  # item_id, text of these ids; some MiB each


class ShingleSets:
    """Measures pairs of items whose texts lie in runs."""

    def __init__(self, runs: Sequence[TextRun], *, ngram: int) -> None:
        """Read the sizes of the items: 24 bytes of memory each."""
        self._runs = runs
        self._ngram = ngram
        tables = [run.sizes() for run in runs]
        ids = np.concatenate([np.empty(0, "S16"), *(byte_strings(t["item_id"]) for t in tables)])
        sizes = np.concatenate(
            [np.empty(0, np.int64), *(table["num_bytes"].to_numpy() for table in tables)]
        )
        self._ids, places = np.unique(ids, return_inverse=True)
        self._bytes = np.bincount(places, weights=sizes, minlength=len(self._ids)).astype(np.int64)

    def num_bytes(self, pairs: pa.Table) -> int:
        """Return the size of the texts of a table's items, each counted once."""
        ids = np.unique(np.concatenate([byte_strings(pairs[side]) for side in SIDES]))
        places = np.searchsorted(self._ids, ids)
        found = places < len(self._ids)
        assert found.all(), "an item's text was not gathered"
        assert (self._ids[places] == ids).all(), "an item's text was not gathered"
        return int(self._bytes[places].sum())

    def similarities(self, pairs: pa.Table) -> npt.NDArray[np.float64]:
        """Return the Jaccard similarity of every (left, right), reading the texts once."""
        column = pa.chunked_array([*pairs["left"].chunks, *pairs["right"].chunks])
        ids = column.unique()
        items: list[pa.Array] = []
        hashes = _Growing(self.num_bytes(pairs) // BYTES_PER_HASH)
        counts: list[npt.NDArray[np.int64]] = []
        for table in (table for run in self._runs for table in run.texts(ids)):
            items += table["item_id"].chunks
            for batch in shingle_column(table["text"], ngram=self._ngram):
                hashes.add(batch.hashes)
                counts.append(np.diff(batch.offsets))
        rows = pc.index_in(pa.chunked_array(items, ids.type), value_set=ids)
        flat, offsets, places = _united(
            rows.to_numpy().astype(np.int64), hashes.all(), np.concatenate(counts), len(ids)
        )
        left, right = (
            places[pc.index_in(pairs[side], value_set=ids).to_numpy().astype(np.int64)]
            for side in SIDES
        )
        return similarities(flat, offsets, left, right)


class _Growing:
    """Hashes that are joined as they come, so that they never lie in memory twice."""

    def __init__(self, capacity: int) -> None:
        self._room = np.empty(capacity, dtype=np.uint64)  # takes no memory until it is written
        self._num = 0

    def add(self, hashes: Hashes) -> None:
        """Take some more; room that falls short is doubled."""
        end = self._num + len(hashes)
        if end > len(self._room):
            room = np.empty(2 * end, dtype=np.uint64)
            room[: self._num] = self.all()
            self._room = room
        self._room[self._num : end] = hashes
        self._num = end

    def all(self) -> Hashes:
        """Return what was taken, without copying it."""
        return self._room[: self._num]


def _united(
    items: npt.NDArray[np.int64],
    hashes: Hashes,
    counts: npt.NDArray[np.int64],
    num_items: int,
) -> tuple[Hashes, npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return hashes, offsets and each item's set among them; parts of an item become one set."""
    num_parts = np.bincount(items, minlength=num_items)
    assert (num_parts > 0).all(), "an item's text was not gathered"
    places = np.empty(num_items, dtype=np.int64)
    places[items] = np.arange(len(items))
    offsets = np.concatenate([[0], np.cumsum(counts)])
    by_item = np.argsort(items, kind="stable")
    bounds = np.concatenate([[0], np.cumsum(num_parts)])
    more: list[Hashes] = []
    for item in np.flatnonzero(num_parts > 1).tolist():
        parts = by_item[bounds[item] : bounds[item + 1]]
        united = np.unique(np.concatenate([hashes[offsets[p] : offsets[p + 1]] for p in parts]))
        places[item] = len(counts) + len(more)
        more.append(united)
    if more:
        hashes = np.concatenate([hashes, *more])
        offsets = np.concatenate([offsets, offsets[-1] + np.cumsum([len(part) for part in more])])
    return hashes, offsets, places


def pair_chunks(pairs: pa.Table, sets: ShingleSets, memory_bytes: int) -> Iterator[tuple[int, int]]:
    """Yield ranges of pairs whose texts fit into memory together, or of one pair."""
    todo = [(0, pairs.num_rows)] if pairs.num_rows else []
    while todo:
        first, last = todo.pop()
        chunk = pairs.slice(first, last - first)
        if last - first == 1 or sets.num_bytes(chunk) * BYTES_PER_TEXT_BYTE <= memory_bytes:
            yield first, last
        else:
            middle = (first + last) // 2
            todo += [(middle, last), (first, middle)]
