"""Row groups of Parquet inputs; what several tasks of one process read is decoded once.

Decoding is the dearest step of a dedup of Parquet files, and three stages need the texts. Within
`decoded_once`, columns stay in memory as far as a limit allows, the first that are read first;
the rest is decoded again each time.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import Lock

import pyarrow as pa
import pyarrow.parquet as pq

from .artifact import InputFile


class _Kept:
    """Decoded columns, by file digest, row group and name."""

    def __init__(self) -> None:
        self.room_bytes = 0
        self.columns: dict[tuple[str, int, str], pa.ChunkedArray] = {}
        self.lock = Lock()

    def add(self, key: tuple[str, int, str], column: pa.ChunkedArray) -> None:
        with self.lock:
            if key not in self.columns and column.nbytes <= self.room_bytes:
                self.room_bytes -= column.nbytes
                self.columns[key] = column


_kept = _Kept()


@contextmanager
def decoded_once(limit_bytes: int) -> Iterator[None]:
    """Keep up to so many bytes of decoded columns while the block runs; once in a process."""
    assert not _kept.columns, "columns are kept already"
    _kept.room_bytes = limit_bytes
    try:
        yield
    finally:
        _kept.columns, _kept.room_bytes = {}, 0


def read_row_group(
    parquet: pq.ParquetFile, file: InputFile, group: int, columns: Sequence[str] | None = None
) -> pa.Table:
    """Return a row group of an open file with the named columns, or all."""
    names = list(columns) if columns is not None else parquet.schema_arrow.names
    found = {name: _kept.columns.get((file.digest, group, name)) for name in names}
    missing = [name for name, column in found.items() if column is None]
    if missing:
        table = parquet.read_row_group(group, columns=missing)
        for name in missing:
            found[name] = table[name]
            _kept.add((file.digest, group, name), table[name])
    return pa.table(found, schema=pa.schema([parquet.schema_arrow.field(name) for name in names]))
