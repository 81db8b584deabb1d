"""Documents that share any band hash, as components in memory: candidates and clusters at once."""

import numpy as np
import numpy.typing as npt

from .buckets import bucket_pairs
from .components import numpy_least_ranks
from .native import graph_kernel
from .sorting import MAX_NATIVE_ROWS, argsort_u64


def lsh_components(band_hashes: npt.NDArray[np.uint64]) -> npt.NDArray[np.int64]:
    """Return for each row of [num_rows, num_bands] the least row that it is connected to.

    Rows that share a hash in a column are connected. A row without a signature must be left out:
    such rows would share their hashes. Nothing is verified, so the components are an upper bound
    of the clusters. At most 2^31 rows. Memory is 76 bytes a row beside the hashes, and 32 for each
    row of the most frequent hash of a column.
    """
    num_rows, num_bands = band_hashes.shape
    assert num_rows <= MAX_NATIVE_ROWS, "rows have 32 bits: use more partitions"
    native = graph_kernel()
    if native is None:
        return numpy_lsh_components(band_hashes)
    parents = np.arange(num_rows, dtype=np.uint32)
    native.unite_bands(np.ascontiguousarray(band_hashes, dtype=np.uint64), num_bands, parents)
    return parents.astype(np.int64)


def numpy_lsh_components(band_hashes: npt.NDArray[np.uint64]) -> npt.NDArray[np.int64]:
    """Return what `lsh_components` does, by way of the pairs of each bucket's first row."""
    num_rows, num_bands = band_hashes.shape
    ends = [np.empty((2, 0), dtype=np.uint32)]
    for band in range(num_bands):
        order = argsort_u64(band_hashes[:, band])
        for pair in bucket_pairs(band_hashes[order, band], max_bucket=1, fanout=1):
            ends.append(order[np.stack(pair)].astype(np.uint32))
    left, right = np.concatenate(ends, axis=1)
    return numpy_least_ranks(left, right, num_rows).astype(np.int64)
