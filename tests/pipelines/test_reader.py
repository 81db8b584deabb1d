"""Rows read ahead: in order, errors and all, and nothing stays open behind a reader that stops."""

from collections.abc import Generator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gristmill.pipelines.reader import BATCH_ROWS, ahead, read_rows


def counted(last: int, events: list[str]) -> Generator[int, None, None]:
    """Count up to a number, fail there, and say when it is over."""
    try:
        yield from range(last)
        raise ValueError("no more")
    finally:
        events.append("closed")


def test_rows_come_in_order_with_their_numbers(tmp_path: Path) -> None:
    table = pa.table({"n": range(3 * BATCH_ROWS), "other": ["x"] * (3 * BATCH_ROWS)})
    pq.write_table(table, tmp_path / "n.parquet", row_group_size=BATCH_ROWS + 7)
    with pq.ParquetFile(tmp_path / "n.parquet") as parquet:
        found = list(ahead(read_rows(parquet, ["n"])))
    assert pa.concat_tables(rows.table for rows in found).equals(table.select(["n"]))
    assert [rows.first for rows in found] == [rows.table["n"][0].as_py() for rows in found]
    assert [rows.group for rows in found] == [0, 0, 1, 1, 2]


def test_row_groups_that_are_not_wanted_are_passed_over(tmp_path: Path) -> None:
    pq.write_table(pa.table({"n": range(30)}), tmp_path / "n.parquet", row_group_size=10)
    with pq.ParquetFile(tmp_path / "n.parquet") as parquet:
        (rows,) = read_rows(parquet, groups=[1])
    assert (rows.first, rows.table["n"].to_pylist()) == (10, list(range(10, 20)))


def test_an_error_comes_after_what_was_before_it() -> None:
    events: list[str] = []
    items = ahead(counted(3, events))
    assert [next(items) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ValueError, match="no more"):
        next(items)
    assert events == ["closed"]


def test_a_reader_that_stops_closes_what_it_read() -> None:
    events: list[str] = []
    items = ahead(counted(9, events))
    assert next(items) == 0
    items.close()
    assert events == ["closed"]
