"""Where a running task writes: one Parquet file, in slices that other tasks take one by one."""

from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from ..corpus.ids import ID_BYTES
from .artifact import Slice, row_group_digest

COMPRESSION = "zstd"
COMPRESSION_LEVEL = 1  # 287 MB/s against 157 at level 3 for 3 % more bytes on source text


PAGE_BYTES = 1 << 16  # a merge of many files holds a page of each
TEXT_PAGE_BYTES = 1 << 20  # texts compress better together
ROW_GROUP_ROWS = 1 << 17  # of a slice that is written in parts


class Output:
    """Where a running task writes its one Parquet file, slice by slice."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.counts: dict[str, dict[str, int]] = {}
        self._writer: pq.ParquetWriter | None = None
        self._num_row_groups = 0
        self._rows = 0
        self._pending: dict[str, tuple[int, int, int]] = {}
        self._details: dict[str, tuple[int, dict[int, tuple[str, int]]]] = {}
        self._buffer: list[pa.Table] = []  # of the slice that `append` is writing
        self._slice_name = ""
        self._slice_start = (0, 0)  # row group and row
        self.texts: frozenset[str] = frozenset()  # columns of strings that seldom repeat

    @property
    def folder(self) -> Path:
        """Where a task may keep files of its own while it runs; on this machine."""
        return self.path.parent

    def write(
        self,
        table: pa.Table,
        *,
        slice_name: str | None = None,
        tokens: int = 0,
        buckets: dict[int, tuple[str, int]] | None = None,
    ) -> None:
        """Append a table as one row group; a named slice is written by one call."""
        table = table.combine_chunks()
        if self._writer is None:
            self._writer = pq.ParquetWriter(
                self.path,
                table.schema,
                **_compression(table.schema),
                use_dictionary=_dictionary_columns(table.schema, self.texts),
                write_page_checksum=True,
                data_page_size=_page_bytes(table.schema, self.texts),
            )
        if table.num_rows == 0:
            return
        self._writer.write_table(table, row_group_size=table.num_rows)
        first = self._num_row_groups
        self._num_row_groups += 1
        self._rows += table.num_rows
        if slice_name is not None:
            assert slice_name not in self._pending, slice_name
            self._pending[slice_name] = (first, self._num_row_groups, table.num_rows)
            self._details[slice_name] = (tokens, buckets or {})

    def append(self, table: pa.Table, *, slice_name: str, group_rows: int = ROW_GROUP_ROWS) -> None:
        """Add rows to a slice; where its parts begin and end does not show in the file."""
        if self._slice_name != slice_name:
            self._end_slice()
            assert slice_name not in self._pending, slice_name
            self._slice_name, self._slice_start = slice_name, (self._num_row_groups, self._rows)
        self._buffer.append(table)
        while sum(part.num_rows for part in self._buffer) >= group_rows > 0:
            rows = pa.concat_tables(self._buffer)
            self.write(rows.slice(0, group_rows))
            self._buffer = [rows.slice(group_rows)]

    def _end_slice(self) -> None:
        if self._buffer:
            self.write(pa.concat_tables(self._buffer))
            self._buffer = []
        first, first_row = self._slice_start
        if self._slice_name and self._rows > first_row:
            rows = self._rows - first_row
            self._pending[self._slice_name] = (first, self._num_row_groups, rows)
            self._details[self._slice_name] = (0, {})

    def count(self, what: str, values: Mapping[str, int]) -> None:
        """Add to a named table of counts of the manifest."""
        table = self.counts.setdefault(what, {})
        for name, value in values.items():
            table[name] = table.get(name, 0) + value

    def adopt(self, rows: int) -> None:
        """Say that the file at `path` was written by other means and has so many rows."""
        self._rows = rows

    def finish(self) -> tuple[int, dict[str, Slice]]:
        """Close the file; return its number of rows and its slices."""
        self._end_slice()
        if self._writer is not None:
            self._writer.close()
        if not self._pending:
            return self._rows, {}
        slices = {}
        metadata = pq.read_metadata(self.path)
        with self.path.open("rb") as file:
            for name, (first, last, rows) in sorted(self._pending.items()):
                tokens, buckets = self._details[name]
                slices[name] = Slice(
                    rows=rows,
                    row_groups=(first, last),
                    digest=row_group_digest(file, metadata, first, last),
                    tokens=tokens,
                    buckets=buckets,
                )
        return self._rows, slices


def _compression(schema: pa.Schema) -> dict[str, object]:
    """Signatures are hashes, which do not compress; whoever writes them writes no nested column."""
    wide = [
        field.name
        for field in schema
        if pa.types.is_fixed_size_binary(field.type) and field.type.byte_width > ID_BYTES
    ]
    if not wide:
        return {"compression": COMPRESSION, "compression_level": COMPRESSION_LEVEL}
    others = [name for name in schema.names if name not in wide]
    return {
        "compression": dict.fromkeys(others, COMPRESSION) | dict.fromkeys(wide, "none"),
        "compression_level": dict.fromkeys(others, COMPRESSION_LEVEL),
    }


def _page_bytes(schema: pa.Schema, texts: frozenset[str]) -> int:
    has_text = bool(texts) or any(pa.types.is_large_string(kind) for kind in schema.types)
    return TEXT_PAGE_BYTES if has_text else PAGE_BYTES


def _dictionary_columns(schema: pa.Schema, texts: frozenset[str]) -> list[str]:
    """Only short repeated strings gain from a dictionary; on text it costs memory and time."""
    return [
        field.name for field in schema if pa.types.is_string(field.type) and field.name not in texts
    ]
