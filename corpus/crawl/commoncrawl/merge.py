"""Brings the records of many parts into one list, sorted by file and offset."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

import duckdb
import pyarrow.parquet as pq

from .columns import SELECTED_SCHEMA
from .query import COMPRESSION, QuerySettings, sample_key

BATCH_ROWS = 65_536


def merge_selected(
    parts: Sequence[Path],
    out: Path,
    *,
    limit: int | None = None,
    seed: int = 0,
    settings: QuerySettings | None = None,
) -> int:
    """Write the records of all parts to one Parquet file in the order they are fetched in.

    A sort that does not fit into memory goes through a temporary folder beside `out`.

    Args:
        parts: as `select_from_part` wrote them.
        limit: at most so many, the sample of the seed.

    Returns:
        The number of records.
    """
    settings = settings or QuerySettings()
    num_records = 0
    with (
        tempfile.TemporaryDirectory(dir=out.parent, prefix=".sort-") as spill,
        _open_sorter(spill, settings) as connection,
        pq.ParquetWriter(out, SELECTED_SCHEMA, compression=COMPRESSION) as writer,
    ):
        batches = connection.sql(
            _merge_query(limit, seed), params={"parts": [str(part) for part in parts]}
        ).to_arrow_reader(BATCH_ROWS)
        assert batches is not None
        for batch in batches:
            writer.write_batch(batch.cast(SELECTED_SCHEMA))
            num_records += batch.num_rows
    return num_records


def _merge_query(limit: int | None, seed: int) -> str:
    columns = ", ".join(SELECTED_SCHEMA.names)
    query = f"SELECT {columns} FROM read_parquet($parts)"  # noqa: S608
    if limit is not None:
        place = "warc_filename, warc_record_offset"
        query = f"FROM ({query} ORDER BY {sample_key(seed)}, {place} LIMIT {int(limit)})"
    return f"SELECT * FROM ({query}) ORDER BY warc_filename, warc_record_offset"  # noqa: S608


def _open_sorter(spill: str, settings: QuerySettings) -> duckdb.DuckDBPyConnection:
    return duckdb.connect(
        config={
            "memory_limit": f"{settings.max_memory_bytes}B",
            "temp_directory": spill,
            "preserve_insertion_order": "false",
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            "threads": "1",
        }
    )
