"""Pairs worth verifying: items that share a band hash, each pair once, the preferred item left.

A bucket first shrinks to one item for each content (exact duplicates need no verification), the
most preferred one. All items of one content fall into the same buckets, so that item is the same
in every bucket and every partition.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ..corpus.record import ID
from .columns import byte_strings

PAIRS = pa.schema([("left", ID), ("right", ID)])


class CandidatePairs(NamedTuple):
    """The candidate pairs of one partition, and what its buckets were like."""

    pairs: pa.Table  # PAIRS, unique, sorted by (left, right)
    num_buckets: int  # with at least two contents
    num_wide_buckets: int  # with more than max_bucket contents, so not all pairs were made
    largest_bucket: int  # contents in the largest bucket


class _Buckets(NamedTuple):
    """Items in the order of their bucket and, inside it, of preference; all arrays [num_rows]."""

    items: npt.NDArray[np.uint64]  # number of the item in the order of ids
    starts: npt.NDArray[np.int64]  # row at which the item's bucket starts
    sizes: npt.NDArray[np.int64]  # contents in the item's bucket


def candidate_pairs(
    bands: pa.Table, *, max_bucket: int = 1000, fanout: int = 32, block_pairs: int = 1 << 22
) -> CandidatePairs:
    """Return the pairs of items of one partition of the band-hash space that share a bucket.

    `bands` has one row for each band of each item: band_hash, item_id, content_id and
    preference_key. In a bucket of more than `max_bucket` contents every item is paired with the
    `fanout` most preferred ones only, and the bucket is counted as wide. Pairs are
    made `block_pairs` at a time. Memory is about 200 bytes a row, 40 a distinct pair and 60 a
    pair of a block.
    """
    assert 1 <= fanout <= max_bucket
    _, first_rows, ranks = np.unique(
        byte_strings(bands["preference_key"]), return_index=True, return_inverse=True
    )
    assert len(first_rows) < 1 << 32, "two item numbers share 64 bits: use more partitions"
    ids = bands["item_id"].take(first_rows)  # by preference
    by_id = np.argsort(byte_strings(ids))
    numbers = np.empty(len(ids), dtype=np.uint64)
    numbers[by_id] = np.arange(len(ids), dtype=np.uint64)
    _, contents = np.unique(byte_strings(bands["content_id"]), return_inverse=True)
    buckets = _fill_buckets(bands["band_hash"].to_numpy(), contents, ranks, numbers)
    num_left = np.where(buckets.sizes > max_bucket, fanout, buckets.sizes)
    codes = _unique_codes(_pair_blocks(buckets, num_left, block_pairs), block_pairs)
    at_start = buckets.starts == np.arange(len(buckets.starts))
    sizes = buckets.sizes[at_start]
    return CandidatePairs(
        pairs=_pair_table(codes, ids.take(by_id)),
        num_buckets=int(np.count_nonzero(sizes >= 2)),
        num_wide_buckets=int(np.count_nonzero(sizes > max_bucket)),
        largest_bucket=int(sizes.max(initial=0)),
    )


def _fill_buckets(
    hashes: npt.NDArray[np.uint64],
    contents: npt.NDArray[np.int64],
    ranks: npt.NDArray[np.int64],
    numbers: npt.NDArray[np.uint64],
) -> _Buckets:
    """Return the buckets of rows whose items have these ranks; `numbers` is by rank."""
    order = np.lexsort((ranks, contents, hashes))
    represents = np.ones(len(order), dtype=np.bool_)
    represents[1:] = _differs(hashes[order]) | _differs(contents[order])
    rows = order[represents]
    rows = rows[np.lexsort((ranks[rows], hashes[rows]))]
    opens = np.ones(len(rows), dtype=np.bool_)
    opens[1:] = _differs(hashes[rows])
    bounds = np.append(np.flatnonzero(opens), len(rows))
    sizes = np.diff(bounds)
    return _Buckets(numbers[ranks[rows]], np.repeat(bounds[:-1], sizes), np.repeat(sizes, sizes))


def _pair_blocks(
    buckets: _Buckets, num_left: npt.NDArray[np.int64], block_pairs: int
) -> Iterator[npt.NDArray[np.uint64]]:
    """Yield pairs as codes: number of the left item in the upper half, of the right in the lower.

    `num_left` [num_rows] says how many items of a row's bucket may stand left.
    """
    places = np.arange(len(buckets.items)) - buckets.starts
    num_partners = np.minimum(places, num_left)
    ends = np.cumsum(num_partners)
    first = 0
    while first < len(places):
        room = block_pairs + (int(ends[first - 1]) if first else 0)
        last = max(first + 1, int(np.searchsorted(ends, room, side="right")))
        counts = num_partners[first:last]
        within = np.arange(int(counts.sum())) - np.repeat(np.cumsum(counts) - counts, counts)
        left = buckets.items[np.repeat(buckets.starts[first:last], counts) + within]
        yield (left << np.uint64(32)) | np.repeat(buckets.items[first:last], counts)
        first = last


def _unique_codes(
    blocks: Iterator[npt.NDArray[np.uint64]], block_pairs: int
) -> npt.NDArray[np.uint64]:
    """Return the sorted distinct codes; repeats go as soon as they could outweigh the rest."""
    found = np.empty(0, dtype=np.uint64)
    pending: list[npt.NDArray[np.uint64]] = []
    num_pending = 0
    for block in blocks:
        pending.append(_distinct(block))
        num_pending += len(pending[-1])
        if num_pending > max(len(found), block_pairs):
            found = _distinct(np.concatenate([found, *pending]))
            pending, num_pending = [], 0
    return _distinct(np.concatenate([found, *pending]))


def _pair_table(codes: npt.NDArray[np.uint64], items: pa.ChunkedArray) -> pa.Table:
    left = (codes >> np.uint64(32)).astype(np.int64)
    right = (codes & np.uint64(0xFFFFFFFF)).astype(np.int64)
    return pa.table([items.take(left), items.take(right)], schema=PAIRS)


def _distinct(codes: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Return the sorted distinct codes; np.unique would hash them, which is slow on millions."""
    codes = np.sort(codes)
    fresh = np.ones(len(codes), dtype=np.bool_)
    fresh[1:] = _differs(codes)
    return codes[fresh]


def _differs(values: npt.NDArray[np.generic]) -> npt.NDArray[np.bool_]:
    return np.asarray(values[1:] != values[:-1], dtype=np.bool_)
