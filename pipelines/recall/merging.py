"""Rows of many sorted files in one order of texts, with bounded memory."""

from collections.abc import Iterator, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from ..artifact import InputFile

ROW_BYTES = 512  # of memory, with the copies that a merge makes
LEAST_ROWS = 64  # of a file that are read at a time


def merge_sorted(
    files: Sequence[InputFile],
    columns: Sequence[str],
    order: Sequence[str],
    *,
    memory_bytes: int,
) -> Iterator[pa.Table]:
    """Yield the rows of files in their order; rows that agree in its first column come together.

    Args:
        files: each sorted by that column.
        order: columns of texts or ids.
    """
    batch_rows = max(LEAST_ROWS, memory_bytes // (ROW_BYTES * max(len(files), 1)))
    cursors = [_Cursor(file.batches(columns, batch_rows), order[0]) for file in files]
    while cursors := [cursor for cursor in cursors if cursor.num_rows]:
        # Rows of the least last value may still follow; of every smaller one, all are here.
        limit = min((one.last for one in cursors if not one.is_ended), default=None)
        parts = [part for cursor in cursors if (part := cursor.take_below(limit)).num_rows]
        if parts:
            yield pa.concat_tables(parts).sort_by([(name, "ascending") for name in order])
        for cursor in cursors:
            if not cursor.is_ended and (not cursor.num_rows or cursor.last == limit):
                cursor.refill()


class _Cursor:
    """The rows of a file that have been read and not yet taken."""

    def __init__(self, tables: Iterator[pa.Table], column: str) -> None:
        self._tables = tables
        self._column = column
        self._rows: pa.Table | None = None
        self.is_ended = False
        self.refill()

    @property
    def num_rows(self) -> int:
        return 0 if self._rows is None else int(self._rows.num_rows)

    @property
    def last(self) -> str:
        """Return the greatest value that has been read."""
        assert self._rows is not None
        value: str = self._rows[self._column][-1].as_py()
        return value

    def refill(self) -> None:
        """Read the next rows."""
        table = next((table for table in self._tables if table.num_rows), None)
        if table is None:
            self.is_ended = True
        elif self._rows is None:
            self._rows = table
        else:
            self._rows = pa.concat_tables([self._rows, table])

    def take_below(self, limit: str | None) -> pa.Table:
        """Take out the rows of values below the limit, or all rows."""
        assert self._rows is not None
        rows = self._rows
        size = rows.num_rows if limit is None else _num_true(pc.less(rows[self._column], limit))
        self._rows = rows.slice(size)
        return rows.slice(0, size)


def _num_true(flags: pa.ChunkedArray) -> int:
    return int(pc.sum(flags).as_py() or 0)
