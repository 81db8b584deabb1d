"""Which signatures of a few resemble any of many: by bands first, then by equal positions."""

from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from .columns import byte_strings
from .minhash import MinHashScheme, band_hashes, estimate_jaccard

_BATCH_ROWS = 1 << 12  # of the many, whose pairs are in memory at a time


def resembling_rows(
    few: pa.ChunkedArray, many: pa.ChunkedArray, scheme: MinHashScheme
) -> npt.NDArray[np.int64]:
    """Return the rows of `few` that share a band with a row of `many` and reach the threshold.

    Both are columns of signatures; a null resembles nothing. The similarity is the share of equal
    positions, 0.03 off at 256 of them. Memory is that of `few` and, for a batch of `many`, their
    pairs.
    """
    rows, left = _matrix(few, scheme)
    _, right = _matrix(many, scheme)
    is_found = np.zeros(len(left), dtype=np.bool_)
    right = np.unique(right, axis=0)
    for start in range(0, len(right), _BATCH_ROWS):
        open_rows = np.flatnonzero(~is_found)
        if not len(open_rows):
            break
        batch = right[start : start + _BATCH_ROWS]
        one, other = _pairs(left[open_rows], batch, scheme)
        for first, last in pairwise([*range(0, len(one), _BATCH_ROWS), len(one)]):
            pairs = one[first:last], other[first:last]
            likeness = estimate_jaccard(left[open_rows][pairs[0]], batch[pairs[1]])
            is_found[open_rows[pairs[0][likeness >= scheme.threshold]]] = True
    found: npt.NDArray[np.int64] = rows[is_found]
    return found


def _matrix(
    signatures: pa.ChunkedArray, scheme: MinHashScheme
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.uint32]]:
    """Return the rows that have a signature, and their signatures."""
    present = np.flatnonzero(pc.is_valid(signatures).to_numpy())
    flat = byte_strings(pc.drop_null(signatures)).view(np.uint32)
    return present, flat.reshape(len(present), scheme.num_permutations)


def _pairs(
    left: npt.NDArray[np.uint32], right: npt.NDArray[np.uint32], scheme: MinHashScheme
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return the distinct pairs of rows that share a band."""
    ours, theirs = band_hashes(left, scheme), band_hashes(right, scheme)
    found = [np.empty(0, dtype=np.int64)]
    for band in range(scheme.num_bands):
        order = np.argsort(theirs[:, band], kind="stable")
        hashes = theirs[order, band]
        first = np.searchsorted(hashes, ours[:, band], side="left")
        counts = np.searchsorted(hashes, ours[:, band], side="right") - first
        rows = np.repeat(np.arange(len(left)), counts)
        places = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts - first, counts)
        found.append(rows * len(right) + order[places])
    codes = np.unique(np.concatenate(found))
    return codes // max(len(right), 1), codes % max(len(right), 1)
