"""Buckets are runs of rows with equal hashes, and pairs of rows that share one, block by block."""

from collections.abc import Iterator
from types import ModuleType
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from .columns import run_starts
from .native import graph_kernel

Pairs: TypeAlias = tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]


def bucket_sizes(hashes: npt.NDArray[np.uint64]) -> npt.NDArray[np.int64]:
    """Return how many rows each bucket of at least two has, in order; equal hashes are adjacent."""
    sizes = np.diff(_bounds(hashes))
    return sizes[sizes >= 2]


def bucket_pairs(
    hashes: npt.NDArray[np.uint64],
    *,
    max_bucket: int = 1000,
    fanout: int = 32,
    block_pairs: int = 1 << 22,
) -> Iterator[Pairs]:
    """Yield the pairs of rows (left, right), left < right, that share a hash; equal ones adjacent.

    In a bucket of more than `max_bucket` rows only its first `fanout` rows stand left; with both
    at 1, every row is paired with the first of its bucket. Pairs come in the order of (right,
    left), `block_pairs` at a time and fewer at the end. Memory is 16 bytes a pair of a block; of
    the numpy twin, 16 bytes a row and 40 a pair of a block.
    """
    assert 1 <= fanout <= max_bucket
    assert block_pairs >= 1
    native = graph_kernel()
    if native is None:
        yield from numpy_bucket_pairs(hashes, max_bucket, fanout, block_pairs)
    else:
        hashes = np.ascontiguousarray(hashes, dtype=np.uint64)
        yield from _native_pairs(hashes, max_bucket, fanout, block_pairs, native)


def _native_pairs(
    hashes: npt.NDArray[np.uint64],
    max_bucket: int,
    fanout: int,
    block_pairs: int,
    native: ModuleType,
) -> Iterator[Pairs]:
    state = np.zeros(3, dtype=np.int64)
    num = block_pairs
    while num == block_pairs:
        left, right = (np.empty(block_pairs, dtype=np.int64) for _ in range(2))
        num = native.bucket_pairs(hashes, max_bucket, fanout, state, left, right)
        if num:
            yield left[:num], right[:num]


def numpy_bucket_pairs(
    hashes: npt.NDArray[np.uint64], max_bucket: int, fanout: int, block_pairs: int
) -> Iterator[Pairs]:
    """Yield what `bucket_pairs` does, without the C extension."""
    bounds = _bounds(hashes)
    sizes = np.diff(bounds)
    starts = np.repeat(bounds[:-1], sizes)
    num_left = np.repeat(np.where(sizes > max_bucket, fanout, sizes), sizes)
    ends = np.cumsum(np.minimum(np.arange(len(hashes)) - starts, num_left))  # pairs up to a row
    num_pairs = int(ends[-1]) if len(ends) else 0
    for first in range(0, num_pairs, block_pairs):
        numbers = np.arange(first, min(first + block_pairs, num_pairs))
        right = np.searchsorted(ends, numbers, side="right")
        yield starts[right] + numbers - ends[right - 1], right


def _bounds(hashes: npt.NDArray[np.uint64]) -> npt.NDArray[np.int64]:
    """Return the row at which each bucket starts, and the number of rows."""
    return np.append(run_starts(hashes), len(hashes))
