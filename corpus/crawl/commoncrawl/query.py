"""Reads from one part of the index table only what decides, then what is kept of wanted rows.

The row groups that statistics leave are read one by one: the columns of the condition first, and
the others only where a row is wanted. So one row group of a part is in memory at a time.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import duckdb
import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ...errors import GristmillError
from .columns import LATER_COLUMNS, SELECTED_SCHEMA
from .conditions import Condition, bounds_of, condition_of, wanted_row_groups
from .range_file import RangeFile
from .sandbox import open_sandbox
from .selection import IndexQuery

ROW = "row_in_group"
COMPRESSION = "zstd"


class QuerySettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a query over the index may use.

    Attributes:
        max_memory_bytes: of DuckDB; a sort beyond it spills to disk.
    """

    max_memory_bytes: int = 1 << 30


class PartResult(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one part of the table."""

    num_rows: int
    num_read_rows: int
    num_selected: int
    num_requests: int
    fetched_bytes: int


def select_from_part(
    part: RangeFile,
    query: IndexQuery,
    out: Path,
    *,
    seed: int = 0,
    settings: QuerySettings | None = None,
) -> PartResult:
    """Write the wanted records of one part to a Parquet file, in the part's order.

    Args:
        out: is replaced.

    Raises:
        GristmillError: the part is no index table, or the `where` fails on a row.
        OSError: a read failed.
    """
    settings = settings or QuerySettings()
    condition = condition_of(query)
    table = _open_part(part)
    num_read_rows = num_selected = 0
    with (
        open_sandbox(max_memory_bytes=settings.max_memory_bytes) as sandbox,
        pq.ParquetWriter(out, SELECTED_SCHEMA, compression=COMPRESSION) as writer,
    ):
        for index in wanted_row_groups(table.metadata, bounds_of(query)):
            num_read_rows += table.metadata.row_group(index).num_rows
            rows = _select_from_group(table, index, condition, sandbox)
            if query.limit is not None:
                rows = sample_rows(rows, query.limit, seed=seed, sandbox=sandbox)
            num_selected += rows.num_rows
            if rows.num_rows:
                writer.write_table(rows)
    return PartResult(
        num_rows=table.metadata.num_rows,
        num_read_rows=num_read_rows,
        num_selected=num_selected,
        num_requests=part.num_requests,
        fetched_bytes=part.fetched_bytes,
    )


def sample_rows(
    rows: pa.Table, limit: int, *, seed: int, sandbox: duckdb.DuckDBPyConnection
) -> pa.Table:
    """Return the `limit` rows whose place, hashed with the seed, comes first, in their order."""
    if rows.num_rows <= limit:
        return rows
    numbered = rows.append_column(ROW, pa.array(np.arange(rows.num_rows)))
    sandbox.register("selected", numbered)
    chosen = sandbox.sql(
        f"SELECT {ROW} FROM selected ORDER BY {sample_key(seed)}, {ROW} LIMIT {int(limit)}"  # noqa: S608
    ).to_arrow_table()
    sandbox.unregister("selected")
    assert chosen is not None
    return rows.take(chosen.column(ROW).combine_chunks().sort())


def sample_key(seed: int) -> str:
    """Return the SQL expression by which a sample is ordered.

    It depends on the record's place alone, so neither parts nor their order change a sample.
    """
    return f"md5(concat('{int(seed)}:', warc_filename, ':', warc_record_offset))"


def _open_part(part: RangeFile) -> pq.ParquetFile:
    try:
        # Adjacent columns are fetched in one request.
        table = pq.ParquetFile(part, pre_buffer=True)
    except pa.ArrowInvalid as error:
        raise _no_index(part, f"it is no Parquet file: {error}") from error
    missing = set(SELECTED_SCHEMA.names) - set(table.schema_arrow.names)
    if missing:
        raise _no_index(part, f"it has no column {', '.join(sorted(missing))}")
    return table


def _select_from_group(
    table: pq.ParquetFile, index: int, condition: Condition, sandbox: duckdb.DuckDBPyConnection
) -> pa.Table:
    present = set(table.schema_arrow.names)
    deciding = _read(table, index, sorted(condition.columns & present))
    num_rows = table.metadata.row_group(index).num_rows
    chosen = _chosen_rows(deciding, num_rows, condition, sandbox)
    if not len(chosen):
        return SELECTED_SCHEMA.empty_table()
    more = [name for name in SELECTED_SCHEMA.names if name not in condition.columns]
    rest = _read(table, index, more)
    columns = {
        name: (deciding if name in condition.columns else rest).column(name).take(chosen)
        for name in SELECTED_SCHEMA.names
    }
    return pa.table(columns).cast(SELECTED_SCHEMA)


def _chosen_rows(
    deciding: pa.Table, num_rows: int, condition: Condition, sandbox: duckdb.DuckDBPyConnection
) -> pa.Array:
    for name in sorted(condition.columns - set(deciding.schema.names)):
        if name not in LATER_COLUMNS:
            raise GristmillError(
                f"the index has no column {name}", where="where", todo="Leave the condition out."
            )
        deciding = deciding.append_column(name, pa.nulls(num_rows, pa.string()))
    deciding = deciding.append_column(ROW, pa.array(np.arange(num_rows)))
    sandbox.register("part", deciding)
    try:
        found = sandbox.sql(
            f"SELECT {ROW} FROM part WHERE {condition.sql}",  # noqa: S608
            params=condition.parameters,
        ).to_arrow_table()
    except duckdb.Error as error:
        raise GristmillError(
            f"the index query fails: {error}",
            where="where",
            todo="Use try_cast for values that may not fit.",
        ) from error
    finally:
        sandbox.unregister("part")
    assert found is not None
    return found.column(ROW).combine_chunks().sort()


def _read(table: pq.ParquetFile, index: int, columns: Sequence[str]) -> pa.Table:
    return table.read_row_group(index, columns=list(columns), use_threads=False)


def _no_index(part: RangeFile, what: str) -> GristmillError:
    return GristmillError(what, where=part.name, todo="Give a part of Common Crawl's index table.")


def read_selected(
    path: Path, *, first_row: int = 0, num_rows: int | None = None
) -> Iterator[pa.RecordBatch]:
    """Yield the records of a written selection in their order, a batch at a time.

    Only the row groups that hold the rows from `first_row` on are read.
    """
    with pq.ParquetFile(path) as table:
        total = table.metadata.num_rows
        end = total if num_rows is None else min(total, first_row + num_rows)
        start = 0
        for index in range(table.num_row_groups):
            stop = start + table.metadata.row_group(index).num_rows
            if start < end and stop > first_row:
                begin = max(first_row - start, 0)
                group = table.read_row_group(index, use_threads=False)
                yield from group.slice(begin, min(stop, end) - start - begin).to_batches()
            start = stop
