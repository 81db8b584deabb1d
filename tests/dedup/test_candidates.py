"""Candidate pairs: those of the twin, for any order and partitioning, and wide buckets bounded."""

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.dedup.candidates import PAIRS, candidate_pairs
from gristmill.dedup.preference import PREFERENCE_KEY
from gristmill.dedup.reference import slow_candidate_pairs
from gristmill.dedup.verify import EDGES, jaccard, verify_pairs

SCHEMA = pa.schema(
    [
        ("band_hash", pa.uint64()),
        ("item_id", pa.binary(16)),
        ("content_id", pa.binary(16)),
        ("preference_key", PREFERENCE_KEY),
    ]
)
Row = tuple[int, bytes, bytes, bytes]


def row(band_hash: int, number: int, *, content: int | None = None) -> Row:
    """A row of an item; its preference runs against its id, its content is its own by default."""
    item_id = number.to_bytes(16, "big")
    content_id = (number if content is None else content).to_bytes(16, "little")
    return band_hash, item_id, content_id, bytes([255 - number % 256] * 13) + item_id


def table_of(rows: list[Row]) -> pa.Table:
    return pa.Table.from_pylist([dict(zip(SCHEMA.names, r, strict=True)) for r in rows], SCHEMA)


def pairs_of(table: pa.Table) -> list[tuple[bytes, bytes]]:
    return list(zip(table["left"].to_pylist(), table["right"].to_pylist(), strict=True))


BANDS = st.sampled_from([0, 1, 2, 3, 2**64 - 1])
ROWS = st.lists(
    st.tuples(BANDS, st.integers(0, 12)).map(lambda drawn: row(*drawn, content=drawn[1] // 2)),
    max_size=60,
)


@given(ROWS, st.integers(1, 6), st.data())
@settings(max_examples=200, deadline=None)
def test_pairs_equal_the_slow_twin(rows: list[Row], max_bucket: int, data: st.DataObject) -> None:
    fanout = data.draw(st.integers(1, max_bucket))
    found = candidate_pairs(table_of(rows), max_bucket=max_bucket, fanout=fanout)
    assert found.pairs.schema == PAIRS
    expected = slow_candidate_pairs(rows, max_bucket=max_bucket, fanout=fanout)
    assert pairs_of(found.pairs) == sorted(expected)


@given(ROWS, st.integers(1, 4))
@settings(max_examples=100, deadline=None)
def test_partitions_of_the_bands_give_together_what_the_whole_gives(
    rows: list[Row], num_partitions: int
) -> None:
    whole = pairs_of(candidate_pairs(table_of(rows)).pairs)
    parts = [[r for r in rows if r[0] % num_partitions == part] for part in range(num_partitions)]
    united = {pair for part in parts for pair in pairs_of(candidate_pairs(table_of(part)).pairs)}
    assert sorted(united) == whole


def test_the_preferred_item_is_left_and_stands_for_its_content() -> None:
    rows = [row(5, 1), row(5, 2, content=8), row(5, 3, content=8), row(6, 1), row(6, 3, content=8)]
    result = candidate_pairs(table_of(rows))
    assert pairs_of(result.pairs) == [(rows[2][1], rows[0][1])]
    assert (result.num_buckets, result.num_wide_buckets, result.largest_bucket) == (2, 0, 2)


def test_one_content_alone_in_a_bucket_makes_no_pair() -> None:
    result = candidate_pairs(table_of([row(5, number, content=1) for number in range(50)]))
    assert (result.pairs.num_rows, result.num_buckets, result.largest_bucket) == (0, 0, 1)


def test_a_wide_bucket_is_counted_and_keeps_every_item_in_some_pair() -> None:
    rows = [row(5, number) for number in range(100)] + [row(6, number) for number in range(10)]
    result = candidate_pairs(table_of(rows), max_bucket=50, fanout=3)
    assert (result.num_buckets, result.num_wide_buckets, result.largest_bucket) == (2, 1, 100)
    wide = candidate_pairs(table_of(rows[:100]), max_bucket=50, fanout=3).pairs
    assert wide.num_rows == 97 * 3 + 3
    assert {left for left, _ in pairs_of(wide)} == {row(0, number)[1] for number in (99, 98, 97)}


def test_many_blocks_of_pairs_give_the_same_pairs_as_one() -> None:
    generator = np.random.default_rng(2)
    rows = [row(int(b), int(n)) for b, n in generator.integers(0, 40, (400, 2))]
    whole = pairs_of(candidate_pairs(table_of(rows)).pairs)
    assert pairs_of(candidate_pairs(table_of(rows), block_pairs=7).pairs) == whole


def test_only_pairs_at_the_threshold_become_edges() -> None:
    sets = {bytes([i] * 16): np.arange(i, i + 10, dtype=np.uint64) for i in range(12)}
    names = list(sets)
    pairs = pa.Table.from_pylist(
        [{"left": names[0], "right": other} for other in names[1:]], schema=PAIRS
    )
    edges = verify_pairs(pairs, sets.__getitem__, 7 / 13)
    assert edges.schema == EDGES
    assert edges["right"].to_pylist() == names[1:4]
    assert edges["similarity"].to_pylist() == [np.float32(s) for s in (9 / 11, 8 / 12, 7 / 13)]


@given(st.sets(st.integers(0, 30)), st.sets(st.integers(0, 30)))
def test_jaccard_is_intersection_over_union_and_none_for_two_empty_sets(
    left: set[int], right: set[int]
) -> None:
    expected = len(left & right) / len(left | right) if left | right else 0.0
    arrays = (np.array(sorted(one), dtype=np.uint64) for one in (left, right))
    assert jaccard(*arrays) == expected
