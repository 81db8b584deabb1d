"""A candidate pair becomes an edge only when its exact Jaccard similarity reaches the threshold."""

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ..corpus.record import ID
from .native import graph_kernel

EDGES = pa.schema([("left", ID), ("right", ID), ("similarity", pa.float32())])


def jaccard(left: npt.NDArray[np.uint64], right: npt.NDArray[np.uint64]) -> float:
    """Return the Jaccard similarity of two sorted arrays of unique hashes; 0 if both are empty."""
    merged = np.concatenate([left, right])
    merged.sort()
    num_shared = int(np.count_nonzero(merged[1:] == merged[:-1]))
    num_distinct = len(merged) - num_shared
    return num_shared / num_distinct if num_distinct else 0.0


def similarities(
    hashes: npt.NDArray[np.uint64],
    offsets: npt.NDArray[np.int64],
    left: npt.NDArray[np.int64],
    right: npt.NDArray[np.int64],
) -> npt.NDArray[np.float64]:
    """Return the Jaccard similarity [num_pairs] of the sets numbered `left` and `right`.

    Set i is `hashes[offsets[i]:offsets[i + 1]]`, sorted and distinct. Memory is the result's.
    """
    native = graph_kernel()
    if native is None:
        return numpy_similarities(hashes, offsets, left, right)
    found = np.empty(len(left), dtype=np.float64)
    numbers = (np.ascontiguousarray(array, dtype=np.int64) for array in (offsets, left, right))
    native.similarities(np.ascontiguousarray(hashes, dtype=np.uint64), *numbers, found)
    return found


def numpy_similarities(
    hashes: npt.NDArray[np.uint64],
    offsets: npt.NDArray[np.int64],
    left: npt.NDArray[np.int64],
    right: npt.NDArray[np.int64],
) -> npt.NDArray[np.float64]:
    """Return what `similarities` does, without the C extension."""
    sets = [hashes[start:end] for start, end in pairwise(offsets.tolist())]
    pairs = zip(left.tolist(), right.tolist(), strict=True)
    return np.array([jaccard(sets[i], sets[j]) for i, j in pairs], dtype=np.float64)


def verify_pairs(
    pairs: pa.Table, shingles_of: Callable[[bytes], npt.NDArray[np.uint64]], threshold: float
) -> pa.Table:
    """Return the pairs (left, right) of at least this similarity, in their order, with it.

    `shingles_of` gives the sorted unique shingle hashes of an item. It is called once for each
    run of equal `left` and once for each `right`, so sorted pairs cost the fewest calls.
    """
    similarities = np.zeros(pairs.num_rows, dtype=np.float64)
    held: tuple[bytes, npt.NDArray[np.uint64]] | None = None
    row = 0
    for batch in pairs.select(["left", "right"]).to_batches(max_chunksize=1 << 16):
        for left, right in zip(*(column.to_pylist() for column in batch.columns), strict=True):
            if held is None or held[0] != left:
                held = (left, shingles_of(left))
            similarities[row] = _similarity_from(held[1], shingles_of(right), threshold)
            row += 1
    passed = similarities >= threshold
    kept = pairs.select(["left", "right"]).filter(pa.array(passed))
    column = pa.array(similarities[passed].astype(np.float32))
    return kept.append_column("similarity", column).cast(EDGES)


def _similarity_from(
    left: npt.NDArray[np.uint64], right: npt.NDArray[np.uint64], threshold: float
) -> float:
    """Return the similarity, or 0 when the sizes alone rule the threshold out."""
    smaller, larger = sorted((len(left), len(right)))
    if larger == 0 or smaller / larger < threshold:
        return 0.0
    return jaccard(left, right)
