"""The true Jaccard similarity of candidate pairs, from the shingles of their items."""

from itertools import pairwise

import numpy as np
import numpy.typing as npt

from .native import graph_kernel


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
