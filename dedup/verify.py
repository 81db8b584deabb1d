"""A candidate pair becomes an edge only when its exact Jaccard similarity reaches the threshold."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ..corpus.record import ID

EDGES = pa.schema([("left", ID), ("right", ID), ("similarity", pa.float32())])


def jaccard(left: npt.NDArray[np.uint64], right: npt.NDArray[np.uint64]) -> float:
    """Return the Jaccard similarity of two sorted arrays of unique hashes; 0 if both are empty."""
    merged = np.concatenate([left, right])
    merged.sort()
    num_shared = int(np.count_nonzero(merged[1:] == merged[:-1]))
    num_distinct = len(merged) - num_shared
    return num_shared / num_distinct if num_distinct else 0.0


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
