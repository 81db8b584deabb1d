"""Exact duplicates: one keeper for each content, the most preferred."""

from random import Random

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gristmill.corpus.errors import GristmillError
from gristmill.dedup.cluster import FATE
from gristmill.dedup.exact import CONTENT, exact_copies

Item = tuple[bytes, bytes, int, int]


def item(number: int, *, content: int, stars: int = 0) -> Item:
    return number.to_bytes(16, "little"), content.to_bytes(16, "little"), 255 - stars, number % 2


def table_of(items: list[Item]) -> pa.Table:
    return pa.Table.from_pylist(
        [dict(zip(CONTENT.names, row, strict=True)) for row in items], CONTENT
    )


ITEMS = st.lists(
    st.builds(item, st.integers(0, 300), content=st.integers(0, 5), stars=st.integers(0, 2)),
    unique_by=lambda row: row[0],
    max_size=30,
)


@given(ITEMS, st.randoms())
def test_every_other_item_of_a_content_names_the_most_preferred(
    items: list[Item], shuffler: Random
) -> None:
    expected = {}
    for item_id, content, _, shard in items:
        keeper = min((row for row in items if row[1] == content), key=lambda row: (row[2], row[0]))
        if keeper[0] != item_id:
            expected[item_id] = (keeper[0], shard)
    shuffler.shuffle(items)
    result = exact_copies(table_of(items))
    assert result.schema == FATE
    rows = result.to_pylist()
    assert {row["item_id"]: (row["keeper"], row["shard"]) for row in rows} == expected
    assert all(row["subject"] == row["keeper"] and row["is_copy"] for row in rows)
    assert all(row["similarity"] == 1 for row in rows)


def test_different_contents_have_no_duplicates() -> None:
    assert exact_copies(table_of([item(i, content=i) for i in range(9)])).num_rows == 0


def test_an_item_that_was_read_twice_is_an_error_that_names_it() -> None:
    twice = [item(3, content=1), (*item(3, content=1)[:3], 7)]
    with pytest.raises(GristmillError, match=r"document 03000.*read twice"):
        exact_copies(table_of([twice[0], item(4, content=1), twice[1]]))


def test_an_item_of_several_rows_is_one() -> None:
    rows = [item(3, content=1), item(4, content=1), item(3, content=1), item(4, content=1)]
    assert exact_copies(table_of(rows))["item_id"].to_pylist() == [item(4, content=1)[0]]
