"""Sorted files become one order of rows, a few rows of each in memory."""

from itertools import pairwise
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gristmill.pipelines.artifact import InputFile
from gristmill.pipelines.recall.merging import LEAST_ROWS, merge_sorted

ROWS = st.lists(st.lists(st.tuples(st.sampled_from("abcdé"), st.integers(0, 3))), max_size=4)


def written(folder: Path, parts: list[list[tuple[str, int]]]) -> list[InputFile]:
    files = []
    for number, part in enumerate(parts):
        # Each row many times, so that a file is more than is read of it at a time.
        rows = sorted(part) * LEAST_ROWS
        names, places = zip(*sorted(rows), strict=True) if rows else ((), ())
        schema = pa.schema([("name", pa.string()), ("place", pa.int64())])
        url = str(folder / f"{number}.parquet")
        pq.write_table(pa.table([list(names), list(places)], schema=schema), url)
        files.append(InputFile(shard=str(number), url=url, digest="", rows=len(rows)))
    return files


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ROWS)
def test_rows_come_in_their_order(tmp_path: Path, parts: list[list[tuple[str, int]]]) -> None:
    files = written(tmp_path, parts)
    tables = list(merge_sorted(files, ["name", "place"], ["name", "place"], memory_bytes=1))
    rows = [(row["name"], row["place"]) for table in tables for row in table.to_pylist()]
    assert rows == sorted(row for part in parts for row in part * LEAST_ROWS)
    names = [set(table["name"].to_pylist()) for table in tables]
    assert all(a.isdisjoint(b) for a, b in pairwise(names))
