"""Splits: which training documents are held out, decided by their ids alone.

The documents of one training sample fall into one split, in every format and in every export of
every build with the same seed.
"""

from collections.abc import Mapping
from typing import NamedTuple

import pyarrow as pa

from ...corpus.ids import seeded_hash
from .settings import REST

_RANGE = 1 << 64


class Split(NamedTuple):
    """The training documents whose hash lies in first..end-1."""

    name: str
    first: int
    end: int

    @property
    def fraction(self) -> float:
        """The share of the documents that it takes."""
        return (self.end - self.first) / _RANGE

    def rows(self, table: pa.Table, *, ids: str, seed: int) -> pa.Table:
        """Return the rows whose training document, named by a column of ids, is of this split."""
        if self.end - self.first == _RANGE:
            return table
        hashes = (seeded_hash("export split", seed, name) for name in table[ids].to_pylist())
        return table.filter(pa.array([self.first <= value < self.end for value in hashes]))


def make_splits(shares: Mapping[str, float]) -> tuple[Split, ...]:
    """Return the splits, the one that takes the rest first."""
    found: list[Split] = []
    first = 0
    for name, share in sorted(shares.items()):
        end = first + int(share * _RANGE)
        found.append(Split(name, first, end))
        first = end
    return (Split(REST, first, _RANGE), *found)
