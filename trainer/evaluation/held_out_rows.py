"""Held-out documents as rows for the model: which are taken, and how they share rows.

Legend: B rows, T tokens of a row.
Which documents are taken depends on their ids alone, so that every run, and every build that holds
out the same documents, is measured on the same. Documents are cut into windows of a row's length;
each token but a document's first is predicted, from what its window holds before it.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from heapq import heappop, heappush
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ...corpus.held_out import HeldOutDocument
from ...corpus.ids import seeded_hash
from ..data.strata import Stratum
from ..model.model import IGNORED

_SEED: Final = 0  # every run takes the same documents, whatever its own seed


class Chosen(NamedTuple):
    """The documents of one stratum that are measured, in the order of their hashes."""

    documents: list[HeldOutDocument]
    num_left_out: int  # those beyond the limit


class Rows(NamedTuple):
    """A batch; a row is filled up with a document of its own, of which nothing is predicted."""

    tokens_BT: Tensor
    positions_BT: Tensor
    documents_BT: Tensor
    targets_BT: Tensor
    strata_BT: Tensor


def choose_documents(
    documents: Iterable[HeldOutDocument], *, max_tokens: int, only: Collection[bytes] | None = None
) -> dict[Stratum, Chosen]:
    """Return documents of at most `max_tokens` tokens of each stratum, of those in `only` if given.

    They are taken in the order of the hashes of their ids up to the first that does not fit; one
    that is longer than the limit is left out. Memory is what is taken.
    """
    held: dict[Stratum, _Smallest] = {}
    for document in documents:
        if only is None or document.doc_id in only:
            stratum = Stratum(document.component, document.language)
            held.setdefault(stratum, _Smallest(max_tokens)).offer(document)
    return {stratum: held[stratum].chosen() for stratum in sorted(held)}


def make_rows(
    chosen: Sequence[Sequence[HeldOutDocument]], *, length: int, num_rows: int, fill: int
) -> Iterator[Rows]:
    """Yield batches of rows; a token's stratum is the place of its documents in `chosen`."""
    row, batch = _Row(length, fill), list[_Row]()
    for stratum, documents in enumerate(chosen):
        for document in documents:
            for window in _windows(document.tokens, length):
                if not row.has_room(len(window) - 1):
                    batch.append(row)
                    row = _Row(length, fill)
                if len(batch) == num_rows:
                    yield _stack(batch)
                    batch = []
                row.add(window, stratum)
    if not row.is_empty:
        batch.append(row)
    if batch:
        yield _stack(batch + [_Row(length, fill) for _ in range(num_rows - len(batch))])


def no_rows(*, length: int, num_rows: int, fill: int) -> Rows:
    """Return a batch in which nothing is predicted, for a rank whose rows are used up."""
    return _stack([_Row(length, fill) for _ in range(num_rows)])


class _Smallest:
    """Of the documents offered, those with the smallest hashes that fill the limit."""

    def __init__(self, max_tokens: int) -> None:
        self._limit = max_tokens
        self._heap: list[tuple[int, bytes, HeldOutDocument]] = []  # the greatest hash first
        self._num_tokens = self._num_offered = 0

    def offer(self, document: HeldOutDocument) -> None:
        self._num_offered += 1
        if len(document.tokens) > self._limit:
            return
        order = seeded_hash("evaluate", _SEED, document.doc_id)
        heappush(self._heap, (-order, document.doc_id, document))
        self._num_tokens += len(document.tokens)
        # One document more than fits is kept: what is taken ends before the first too many.
        while self._num_tokens - len(self._heap[0][2].tokens) > self._limit:
            self._num_tokens -= len(heappop(self._heap)[2].tokens)

    def chosen(self) -> Chosen:
        taken, num_tokens = list[HeldOutDocument](), 0
        for _, _, document in sorted(self._heap, key=lambda item: (-item[0], item[1])):
            num_tokens += len(document.tokens)
            if num_tokens > self._limit:
                break
            taken.append(document)
        return Chosen(taken, self._num_offered - len(taken))


class _Row:
    """One row, while windows are added to it."""

    def __init__(self, length: int, fill: int) -> None:
        self._used = self._num_windows = 0
        self.tokens = np.full(length, fill, np.int64)
        self.positions = np.arange(length)
        self.documents = np.zeros(length, np.int64)  # 0 is what no window has filled
        self.targets = np.full(length, IGNORED, np.int64)
        self.strata = np.zeros(length, np.int64)

    @property
    def is_empty(self) -> bool:
        return self._used == 0

    def has_room(self, num_tokens: int) -> bool:
        return self._used + num_tokens <= len(self.tokens)

    def add(self, window: npt.NDArray[np.int32], stratum: int) -> None:
        size = len(window) - 1
        here = slice(self._used, self._used + size)
        self._used += size
        self._num_windows += 1
        self.tokens[here], self.targets[here] = window[:-1], window[1:]
        self.positions[here], self.documents[here] = np.arange(size), self._num_windows
        self.strata[here] = stratum


def _windows(tokens: npt.NDArray[np.int32], length: int) -> Iterator[npt.NDArray[np.int32]]:
    """Yield runs of at most length + 1 tokens, of which all but the first are predicted."""
    for start in range(0, len(tokens) - 1, length):
        yield tokens[start : start + length + 1]


def _stack(rows: list[_Row]) -> Rows:
    names = ("tokens", "positions", "documents", "targets", "strata")
    stacked = (np.stack([getattr(row, name) for row in rows]) for name in names)
    return Rows(*(torch.from_numpy(array) for array in stacked))
