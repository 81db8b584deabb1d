"""Rows in the order of a 64-bit key, and the place of each key among the distinct ones."""

import numpy as np
import numpy.typing as npt

from .native import graph_kernel

MAX_NATIVE_ROWS = 1 << 31


def argsort_u64(keys: npt.NDArray[np.uint64]) -> npt.NDArray[np.int64]:
    """Return the rows of the keys [n] in order, rows of equal keys in their own order.

    Memory while it runs is 24 bytes a row, 8 of them the result, and 16 for each row whose key
    has the most frequent leading digit: 40 in all where all keys but one agree.
    """
    native = graph_kernel()
    if native is None or len(keys) > MAX_NATIVE_ROWS:
        return numpy_argsort_u64(keys)
    order = np.empty(len(keys), dtype=np.int64)
    native.argsort(np.ascontiguousarray(keys, dtype=np.uint64), order)
    return order


def numpy_argsort_u64(keys: npt.NDArray[np.uint64]) -> npt.NDArray[np.int64]:
    """Return what `argsort_u64` does, without the C extension."""
    return np.argsort(keys, kind="stable").astype(np.int64, copy=False)


def rank_u64(
    keys: npt.NDArray[np.uint64],
) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint32]]:
    """Return the sorted distinct keys, and for each key [n] its place among them.

    At most 2^31 keys. Memory while it runs is that of `argsort_u64` and 4 bytes a row.
    """
    assert len(keys) <= MAX_NATIVE_ROWS, "ranks have 32 bits: use more partitions"
    native = graph_kernel()
    if native is None:
        return numpy_rank_u64(keys)
    distinct = np.empty(len(keys), dtype=np.uint64)
    ranks = np.empty(len(keys), dtype=np.uint32)
    num = native.rank(np.ascontiguousarray(keys, dtype=np.uint64), distinct, ranks)
    return distinct[:num].copy(), ranks


def numpy_rank_u64(
    keys: npt.NDArray[np.uint64],
) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint32]]:
    """Return what `rank_u64` does, without the C extension."""
    order = numpy_argsort_u64(keys)
    in_order = keys[order]
    opens = np.ones(len(keys), dtype=np.bool_)
    opens[1:] = in_order[1:] != in_order[:-1]
    ranks = np.empty(len(keys), dtype=np.uint32)
    ranks[order] = np.cumsum(opens) - 1
    return in_order[opens], ranks
