"""The keeper order: as declared, and the same as rows and as bytes."""

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from gristmill.dedup.columns import binary_column, byte_strings, id_prefixes, partition_of
from gristmill.dedup.preference import MOST_STARS, Preference, preference_ranks

KEY = pa.binary(29)

SCHEMA = pa.schema(
    [
        ("licence_known", pa.bool_()),
        ("stars", pa.int64()),
        ("path", pa.string()),
        ("item_id", pa.binary(16)),
    ]
)
ITEMS = st.builds(
    Preference,
    licence_known=st.booleans(),
    stars=st.none() | st.integers(-1, 3) | st.integers(-1, MOST_STARS),
    path=st.sampled_from(["a", "b/a", "c/b/a", ""]),
    item_id=st.binary(min_size=16, max_size=16)
    | st.integers(0, 3).map(lambda i: bytes([i] + [0] * 15)),
)


def table_of(items: list[Preference]) -> pa.Table:
    rows = [{name: getattr(item, name) for name in SCHEMA.names} for item in items]
    return pa.Table.from_pylist(rows, schema=SCHEMA)


def declared_order(item: Preference) -> tuple[bool, int, int, bytes]:
    stars = -1 if item.stars is None else item.stars
    return (not item.licence_known, -stars, item.path.count("/"), item.item_id)


@given(st.lists(ITEMS, max_size=20))
def test_ranks_and_ids_follow_the_declared_order(items: list[Preference]) -> None:
    ordered = sorted(items, key=declared_order)
    assert sorted(items, key=lambda item: (item.rank(), item.item_id)) == ordered
    assert preference_ranks(table_of(items)).to_pylist() == [item.rank() for item in items]


def test_each_criterion_decides_only_when_the_earlier_ones_are_equal() -> None:
    fields = [(True, 0, "a/b/c"), (True, None, "a"), (True, None, "a/b"), (False, 9, "a")]
    ranks = [
        Preference(licence_known=known, stars=stars, path=path, item_id=bytes(16)).rank()
        for known, stars, path in fields
    ]
    assert ranks == sorted(set(ranks))


def test_a_null_licence_flag_counts_as_unknown() -> None:
    row = {"licence_known": None, "stars": 1, "path": "a", "item_id": bytes(16)}
    (found,) = preference_ranks(pa.Table.from_pylist([row], schema=SCHEMA)).to_pylist()
    assert found == Preference(licence_known=False, stars=1, path="a", item_id=bytes(16)).rank()


@given(st.lists(st.binary(min_size=16, max_size=16), max_size=20), st.integers(1, 9))
def test_prefixes_and_partitions_follow_the_order_of_the_ids(ids: list[bytes], parts: int) -> None:
    column = pa.chunked_array([pa.array(sorted(ids), pa.binary(16))])
    first, last = id_prefixes(column), id_prefixes(column, half=1)
    assert [
        a.to_bytes(8, "big") + b.to_bytes(8, "big")
        for a, b in zip(first.tolist(), last.tolist(), strict=True)
    ] == sorted(ids)
    partitions = partition_of(first, parts).tolist()
    assert partitions == sorted(partitions)
    assert all(0 <= part < parts for part in partitions)


@given(st.lists(st.binary(min_size=29, max_size=29)), st.data())
def test_binary_columns_order_as_their_bytes_also_when_sliced(
    keys: list[bytes], data: st.DataObject
) -> None:
    cut = data.draw(st.integers(0, len(keys)))
    column = pa.chunked_array(
        [
            pa.array(keys[:cut], KEY),
            pa.array([bytes(29), *keys[cut:]], KEY)[1:],
        ]
    )
    order = byte_strings(column).argsort(kind="stable")
    assert column.take(order).to_pylist() == sorted(keys)


def test_a_byte_matrix_becomes_a_column_and_back() -> None:
    rows = np.arange(96, dtype=np.uint8).reshape(6, 16)
    column = pa.chunked_array([binary_column(rows[::2])])
    assert column.to_pylist() == [bytes(row) for row in rows[::2]]
