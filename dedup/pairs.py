"""Pairs of items: from the buckets of a band, each pair once, the preferred item on the left.

A bucket is the set of items that share a band hash. Where it holds more than `max_bucket` of them,
each is paired with its `fanout` most preferred members only: an item is dropped for a preferred one
or not at all.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ..corpus.record import ID
from .buckets import bucket_pairs, bucket_sizes
from .columns import byte_strings, id_prefixes
from .merge import Block
from .preference import RANK
from .sorting import argsort_u64

MAX_BUCKET = 1000
FANOUT = 32

BAND = pa.schema([("band_hash", pa.uint64()), ("rank", RANK), ("item_id", ID)])
PLACED_BAND = BAND.append(pa.field("shard", pa.uint64()))

SIDES = ("left", "right")
PAIR = pa.schema(
    [
        ("left", ID),
        ("right", ID),
        ("left_rank", RANK),
        ("right_rank", RANK),
        ("left_shard", pa.uint64()),  # where the item lies
        ("right_shard", pa.uint64()),
    ]
)


class Buckets(NamedTuple):
    """The rows of buckets of at least two items, bucket by bucket, the preferred first."""

    rows: pa.Table  # PLACED_BAND
    sizes: npt.NDArray[np.int64]  # [num_buckets]

    def num_wide(self, max_bucket: int = MAX_BUCKET) -> int:
        """Return how many buckets are too large for all of their pairs."""
        return int(np.count_nonzero(self.sizes > max_bucket))


def buckets_of(block: Block) -> Buckets:
    """Return the buckets of a block of PLACED_BAND whose key is the band hash."""
    order = argsort_u64(block.keys)
    keys = block.keys[order]
    same = keys[1:] == keys[:-1]
    shared = np.zeros(len(keys), dtype=np.bool_)
    shared[1:] |= same
    shared[:-1] |= same
    rows = block.table.take(order[shared])
    hashes = keys[shared]
    ids = id_prefixes(rows["item_id"])
    order = argsort_u64(ids)
    order = order[argsort_u64(rows["rank"].to_numpy()[order])]
    order = order[argsort_u64(hashes[order])]
    return Buckets(rows.take(order), bucket_sizes(hashes[order]))


def pairs_of(
    buckets: Buckets, *, max_bucket: int = MAX_BUCKET, fanout: int = FANOUT
) -> Iterator[pa.Table]:
    """Yield the PAIRs of buckets; a pair that shares several bands comes several times."""
    hashes = buckets.rows["band_hash"].to_numpy()
    for left, right in bucket_pairs(hashes, max_bucket=max_bucket, fanout=fanout):
        sides = {name: buckets.rows.take(rows) for name, rows in (("left", left), ("right", right))}
        yield pa.table(
            [
                *(sides[side]["item_id"] for side in SIDES),
                *(sides[side]["rank"] for side in SIDES),
                *(sides[side]["shard"] for side in SIDES),
            ],
            schema=PAIR,
        )


def distinct_pairs(pairs: pa.Table) -> pa.Table:
    """Return the rows sorted by (left, right), each pair once; other columns are the pair's own."""
    pairs = pairs.take(_pair_order(pairs))
    fresh = np.ones(pairs.num_rows, dtype=np.bool_)
    left, right = (byte_strings(pairs[side]) for side in SIDES)
    fresh[1:] = (left[1:] != left[:-1]) | (right[1:] != right[:-1])
    return pairs if fresh.all() else pairs.filter(pa.array(fresh))


def _pair_order(pairs: pa.Table) -> npt.NDArray[np.int64]:
    """Sort by the halves of both ids, the last one first; a radix sort is stable."""
    order = np.arange(pairs.num_rows)
    for side in reversed(SIDES):
        for half in (1, 0):
            order = order[argsort_u64(id_prefixes(pairs[side], half=half)[order])]
    return order


def left_prefixes(pairs: pa.Table) -> npt.NDArray[np.uint64]:
    """Return the key by which pairs are merged."""
    return id_prefixes(pairs["left"])
