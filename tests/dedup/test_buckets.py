"""Pairs of buckets: the extension and numpy yield the same blocks, and those of a plain loop."""

from itertools import combinations, groupby

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.dedup.buckets import bucket_pairs, bucket_sizes, numpy_bucket_pairs
from gristmill.dedup.native import graph_kernel

HASHES = st.lists(st.sampled_from([0, 1, 2, 3, 5, 2**64 - 1]), max_size=40).map(sorted)


def slow_pairs(hashes: list[int], max_bucket: int, fanout: int) -> list[tuple[int, int]]:
    pairs: list[tuple[int, int]] = []
    for _, run in groupby(range(len(hashes)), key=lambda row: hashes[row]):
        rows = list(run)
        num_left = fanout if len(rows) > max_bucket else len(rows)
        pairs += [pair for pair in combinations(rows, 2) if pair[0] < rows[0] + num_left]
    return sorted(pairs, key=lambda pair: (pair[1], pair[0]))


@given(HASHES, st.integers(1, 10), st.integers(1, 10), st.integers(1, 30))
@settings(max_examples=400, deadline=None)
def test_blocks_are_those_of_numpy_and_hold_the_pairs_of_a_plain_loop(
    values: list[int], fanout: int, more: int, block_pairs: int
) -> None:
    hashes, max_bucket = np.array(values, dtype=np.uint64), fanout + more - 1
    ours = list(bucket_pairs(hashes, max_bucket=max_bucket, fanout=fanout, block_pairs=block_pairs))
    twins = list(numpy_bucket_pairs(hashes, max_bucket, fanout, block_pairs))
    assert [np.stack(block).tolist() for block in ours] == [
        np.stack(block).tolist() for block in twins
    ]
    assert all(len(left) == block_pairs for left, _ in ours[:-1])
    found = [pair for block in ours for pair in zip(*map(np.ndarray.tolist, block), strict=True)]
    assert found == slow_pairs(values, max_bucket, fanout)


@given(HASHES)
@settings(max_examples=100, deadline=None)
def test_sizes_are_those_of_the_runs_of_at_least_two(values: list[int]) -> None:
    runs = [len(list(run)) for _, run in groupby(values)]
    assert bucket_sizes(np.array(values, dtype=np.uint64)).tolist() == [n for n in runs if n > 1]


def test_a_state_outside_the_rows_is_refused_by_the_extension() -> None:
    native = graph_kernel()
    assert native is not None, "the C extension was not built: is there a compiler?"
    hashes, room = np.zeros(4, dtype=np.uint64), np.zeros(9, dtype=np.int64)
    for state in ([-1, 0, 0], [2, 1, 0], [0, 5, 0], [0, 0, -1], [0, 0]):
        with pytest.raises(ValueError, match="no such state"):
            native.bucket_pairs(hashes, 9, 9, np.array(state), room, room.copy())
    with pytest.raises(ValueError, match="unequal room"):
        native.bucket_pairs(hashes, 9, 9, np.zeros(3, dtype=np.int64), room, room[:-1].copy())
