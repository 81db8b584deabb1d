"""Parquet under zstd, in row groups of a bounded number of bytes."""

from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

LEVEL = 3
GROUP_BYTES = 64 << 20
_REPEATED = ("component", "language", "source", "kind", "collection", "revision", "licence")


def write_columns(path: Path, tables: Iterable[pa.Table], *, schema: pa.Schema) -> None:
    """Write the rows; a row group closes with the table that takes it past GROUP_BYTES."""
    with pq.ParquetWriter(
        path,
        schema,
        compression="zstd",
        compression_level=LEVEL,
        use_dictionary=[name for name in _REPEATED if name in schema.names],
        write_page_checksum=True,
        store_schema=False,
    ) as writer:
        pending: list[pa.Table] = []
        num_bytes = 0
        for table in tables:
            pending.append(table)
            num_bytes += table.nbytes
            if num_bytes >= GROUP_BYTES:
                _write_group(writer, pending)
                pending, num_bytes = [], 0
        _write_group(writer, pending)


def _write_group(writer: pq.ParquetWriter, tables: list[pa.Table]) -> None:
    if tables:
        table = pa.concat_tables(tables)
        if table.num_rows:
            writer.write_table(table, row_group_size=table.num_rows)
