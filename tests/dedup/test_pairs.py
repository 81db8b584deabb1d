"""Pairs out of buckets: those of the twin, the preferred item left, wide buckets bounded."""

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.dedup.merge import Block
from gristmill.dedup.pairs import PAIR, PLACED_BAND, buckets_of, distinct_pairs, pairs_of
from gristmill.dedup.reference import slow_candidate_pairs

Row = tuple[int, int, bytes, int]


def row(band_hash: int, number: int) -> Row:
    """A row of an item; its preference runs against its id."""
    return band_hash, 255 - number % 256, number.to_bytes(16, "big"), number % 3


def block_of(rows: list[Row]) -> Block:
    names = PLACED_BAND.names
    table = pa.Table.from_pylist([dict(zip(names, r, strict=True)) for r in rows], PLACED_BAND)
    return Block(table, table["band_hash"].to_numpy())


def pairs_in(rows: list[Row], *, max_bucket: int = 1000, fanout: int = 32) -> pa.Table:
    found = pairs_of(buckets_of(block_of(rows)), max_bucket=max_bucket, fanout=fanout)
    return distinct_pairs(pa.concat_tables([PAIR.empty_table(), *found]))


def ids_of(table: pa.Table) -> list[tuple[bytes, bytes]]:
    return list(zip(table["left"].to_pylist(), table["right"].to_pylist(), strict=True))


BANDS = st.sampled_from([0, 1, 2, 3, 2**64 - 1])
ROWS = st.lists(
    st.tuples(BANDS, st.integers(0, 12)).map(lambda drawn: row(*drawn)), max_size=60, unique=True
)


@given(ROWS, st.integers(1, 6), st.data())
@settings(max_examples=200, deadline=None)
def test_pairs_equal_the_slow_twin(rows: list[Row], max_bucket: int, data: st.DataObject) -> None:
    fanout = data.draw(st.integers(1, max_bucket))
    found = pairs_in(rows, max_bucket=max_bucket, fanout=fanout)
    assert found.schema == PAIR
    expected = slow_candidate_pairs(
        [(hash_, rank, item) for hash_, rank, item, _ in rows],
        max_bucket=max_bucket,
        fanout=fanout,
    )
    assert ids_of(found) == sorted(expected)


@given(ROWS, st.integers(1, 4))
@settings(max_examples=100, deadline=None)
def test_partitions_of_the_bands_give_together_what_the_whole_gives(
    rows: list[Row], num_partitions: int
) -> None:
    parts = [[r for r in rows if r[0] % num_partitions == part] for part in range(num_partitions)]
    united = {pair for part in parts for pair in ids_of(pairs_in(part))}
    assert sorted(united) == ids_of(pairs_in(rows))


def test_a_pair_carries_the_rank_and_the_shard_of_both_items() -> None:
    (found,) = pairs_in([row(5, 1), row(5, 2), row(6, 2), row(6, 1), row(7, 3)]).to_pylist()
    assert found == {
        "left": row(5, 2)[2],
        "right": row(5, 1)[2],
        "left_rank": 253,
        "right_rank": 254,
        "left_shard": 2,
        "right_shard": 1,
    }


def test_a_wide_bucket_is_counted_and_keeps_every_item_in_some_pair() -> None:
    rows = [row(5, number) for number in range(100)] + [row(6, number) for number in range(10)]
    buckets = buckets_of(block_of(rows))
    assert (buckets.sizes.tolist(), buckets.num_wide(50)) == ([100, 10], 1)
    wide = pairs_in(rows[:100], max_bucket=50, fanout=3)
    assert wide.num_rows == 97 * 3 + 3
    assert {left for left, _ in ids_of(wide)} == {row(0, number)[2] for number in (99, 98, 97)}


def test_pairs_of_ids_that_begin_alike_are_told_apart() -> None:
    ids = [bytes([7] * 8 + [i] * 8) for i in range(4)]
    rows = [(band, 0, item, 0) for band in (1, 2) for item in ids]
    expected = [(a, b) for i, a in enumerate(ids) for b in ids[i + 1 :]]
    assert ids_of(pairs_in(rows)) == expected
    assert np.unique([left for left, _ in expected]).size == 3
