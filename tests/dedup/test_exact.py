"""Exact duplicates: one keeper for each content, the most preferred."""

from random import Random

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gristmill.corpus.errors import GristmillError
from gristmill.dedup.exact import EXACT, exact_duplicates
from gristmill.dedup.preference import PREFERENCE_KEY

SCHEMA = pa.schema(
    [("item_id", pa.binary(16)), ("content_id", pa.binary(16)), ("preference_key", PREFERENCE_KEY)]
)
Item = tuple[bytes, bytes, bytes]


def item(number: int, *, content: int, stars: int = 0) -> Item:
    item_id = number.to_bytes(16, "little")
    return item_id, content.to_bytes(16, "little"), bytes([255 - stars] * 13) + item_id


def table_of(items: list[Item]) -> pa.Table:
    return pa.Table.from_pylist(
        [dict(zip(SCHEMA.names, row, strict=True)) for row in items], SCHEMA
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
    for item_id, content, _ in items:
        keeper = min((row for row in items if row[1] == content), key=lambda row: row[2])[0]
        if keeper != item_id:
            expected[item_id] = keeper
    shuffler.shuffle(items)
    result = exact_duplicates(table_of(items))
    assert result.schema == EXACT
    rows = list(zip(*(result[name].to_pylist() for name in EXACT.names), strict=True))
    assert rows == sorted(expected.items())


def test_different_contents_have_no_duplicates() -> None:
    assert exact_duplicates(table_of([item(i, content=i) for i in range(9)])).num_rows == 0


def test_an_item_that_was_read_twice_is_an_error_that_names_it() -> None:
    with pytest.raises(GristmillError, match=r"document 03000.*read twice"):
        exact_duplicates(table_of([item(3, content=1), item(4, content=1), item(3, content=1)]))
