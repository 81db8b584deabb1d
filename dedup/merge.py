"""Rows in the order of a 64-bit key with bounded memory: a merge of sorted runs, and a sorter.

A run is a file, or a part of one, whose rows are sorted by the key. A merge gives blocks that no
key straddles, so that whoever groups by the key sees each group whole. Memory is a setting: of a
block, of the runs' buffers and of what the sorter holds before it spills. Only the rows of one key
always lie in memory together. What comes out does not depend on the setting, but where blocks end
does.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from .sorting import argsort_u64

Keys = npt.NDArray[np.uint64]
KeyOf = Callable[[pa.Table], Keys]

MAX_FAN_IN = 256  # files open at a time
MIN_FAN_IN = 8
RUN_BYTES = 1 << 20  # of memory that an open file takes besides the rows that are asked of it
MIN_BATCH_ROWS = 1024
COPIES = 4  # of a row while a block is made: buffer, block, keys, what the caller takes from it


class Run(NamedTuple):
    """Rows sorted by the key; `read` yields them in tables of about as many rows as asked for."""

    num_rows: int
    row_bytes: int  # of one row in memory, about
    read: Callable[[int], Iterator[pa.Table]]


class Block(NamedTuple):
    """All rows of a range of keys, in no order."""

    table: pa.Table
    keys: Keys

    def sorted(self) -> pa.Table:
        """Return the rows in the order of their keys."""
        return self.table.take(argsort_u64(self.keys))


def merge_blocks(
    runs: Sequence[Run], key_of: KeyOf, *, memory_bytes: int, folder: Path
) -> Iterator[Block]:
    """Yield the rows of all runs in blocks of ascending keys; no key is in two blocks.

    Args:
        runs: more than memory has room for, or MAX_FAN_IN, are merged by groups into files first.
        key_of: returns the keys of a table, by which each run is sorted.
        memory_bytes: what buffers and block may take together, unless one key has more rows.
        folder: where those files lie meanwhile.
    """
    runs = [run for run in runs if run.num_rows]
    if sum(run.num_rows * run.row_bytes for run in runs) * COPIES <= memory_bytes:
        tables = [table for run in runs for table in run.read(run.num_rows)]
        if tables:
            yield _block(tables, key_of)
        return
    fan_in = min(MAX_FAN_IN, max(MIN_FAN_IN, memory_bytes // RUN_BYTES))
    if len(runs) > fan_in:
        with _spill_directory(folder) as spill:
            merged = []
            for first in range(0, len(runs), fan_in):
                group = runs[first : first + fan_in]
                blocks = merge_blocks(group, key_of, memory_bytes=memory_bytes, folder=folder)
                merged.append(
                    _spill((block.sorted() for block in blocks), Path(spill) / str(first))
                )
            yield from merge_blocks(merged, key_of, memory_bytes=memory_bytes, folder=folder)
        return
    yield from _merge(runs, key_of, memory_bytes // COPIES)


def _merge(runs: Sequence[Run], key_of: KeyOf, buffer_bytes: int) -> Iterator[Block]:
    """Yield blocks of about half of what all buffers hold.

    Every run is read on once its buffer is nearly empty, not only the one that ends first: else a
    block would hold the rows of one refill, and each would be looked for in all runs.
    """
    share = buffer_bytes // len(runs) // 2  # a nearly empty buffer keeps its last table alive
    cursors = [_Cursor(run, max(MIN_BATCH_ROWS, share // run.row_bytes), key_of) for run in runs]
    while cursors := [cursor for cursor in cursors if len(cursor.keys)]:
        # Rows of the least last key may still follow; of every smaller key, all are here.
        limit = min((cursor.keys[-1] for cursor in cursors if not cursor.is_last), default=None)
        tables = [table for cursor in cursors if (table := cursor.take_below(limit)).num_rows]
        if tables:
            yield _block(tables, key_of)
        for cursor in cursors:
            if limit is not None and not cursor.is_last and cursor.is_short(limit):
                cursor.refill()


class _Cursor:
    """The buffered rows of a run."""

    def __init__(self, run: Run, batch_rows: int, key_of: KeyOf) -> None:
        self._tables = run.read(batch_rows)
        self._few_rows = batch_rows // 4
        self._key_of = key_of
        self.is_last = False
        self._table: pa.Table | None = None
        self.keys: Keys = np.empty(0, dtype=np.uint64)
        self.refill()

    def is_short(self, limit: np.uint64) -> bool:
        """Whether more rows are needed, or soon will be."""
        return len(self.keys) < self._few_rows or bool(self.keys[-1] == limit)

    def refill(self) -> None:
        """Add the next rows to those that are left."""
        table = next((table for table in self._tables if table.num_rows), None)
        if table is None:
            self.is_last = True
            return
        keys = self._key_of(table)
        assert (keys[1:] >= keys[:-1]).all(), "a run is not sorted by its key"
        self.keys = np.concatenate([self.keys, keys])
        self._table = table if self._table is None else pa.concat_tables([self._table, table])

    def take_below(self, limit: np.uint64 | None) -> pa.Table:
        """Take out the rows of keys below the limit, or all rows."""
        assert self._table is not None
        size = len(self.keys) if limit is None else int(np.searchsorted(self.keys, limit))
        taken = self._table.slice(0, size)
        self._table, self.keys = self._table.slice(size), self.keys[size:]
        if limit is None:
            self.is_last = True
        return taken


def _block(tables: list[pa.Table], key_of: KeyOf) -> Block:
    table = pa.concat_tables(tables).combine_chunks()
    return Block(table, key_of(table))


class ExternalSorter:
    """Sorts more rows than fit in memory: sorted runs on disk, merged at the end."""

    def __init__(
        self,
        key_of: KeyOf,
        *,
        memory_bytes: int,
        folder: Path,
        finish: Callable[[pa.Table], pa.Table] | None = None,
    ) -> None:
        """Make a sorter.

        Args:
            key_of: what is sorted by.
            memory_bytes: what the rows may take before they are spilled, and while they are merged.
            folder: where runs lie meanwhile.
            finish: brings the rows of each block into their final order and leaves out repeats;
                it keeps the order of the keys.
        """
        self._key_of = key_of
        self._memory_bytes = memory_bytes
        self._folder = folder
        self._finish = finish or (lambda table: table.take(argsort_u64(key_of(table))))
        self._pending: list[pa.Table] = []
        self._pending_bytes = 0
        self._runs: list[Run] = []
        self._spill: TemporaryDirectory[str] | None = None
        self._names = count()

    def __enter__(self) -> "ExternalSorter":
        return self

    def __exit__(self, *_: object) -> None:
        if self._spill is not None:
            self._spill.cleanup()

    def add(self, table: pa.Table) -> None:
        """Take rows in any order."""
        if not table.num_rows:
            return
        self._pending.append(table)
        self._pending_bytes += table.nbytes
        if self._pending_bytes * COPIES > self._memory_bytes:
            self._flush()

    def blocks(self) -> Iterator[pa.Table]:
        """Yield all rows in their order, once."""
        if not self._runs:
            if self._pending:
                yield self._take_pending()
            return
        self._flush()
        merged = merge_blocks(
            self._runs, self._key_of, memory_bytes=self._memory_bytes, folder=self._folder
        )
        for block in merged:
            yield self._finish(block.table)

    def _flush(self) -> None:
        if not self._pending:
            return
        if self._spill is None:
            self._spill = _spill_directory(self._folder)
        path = Path(self._spill.name) / str(next(self._names))
        self._runs.append(_spill(iter([self._take_pending()]), path))

    def _take_pending(self) -> pa.Table:
        table = pa.concat_tables(self._pending).combine_chunks()
        self._pending, self._pending_bytes = [], 0
        return self._finish(table)


def _spill(tables: Iterator[pa.Table], path: Path) -> Run:
    """Write sorted rows to a file of Arrow's own format."""
    num_rows = num_bytes = 0
    writer: pa.RecordBatchFileWriter | None = None
    with pa.OSFile(str(path), "wb") as sink:
        for table in tables:
            writer = writer or pa.ipc.new_file(sink, table.schema)
            writer.write_table(table, max_chunksize=MIN_BATCH_ROWS)
            num_rows += table.num_rows
            num_bytes += table.nbytes
        if writer is not None:
            writer.close()
    row_bytes = max(1, num_bytes // max(1, num_rows))
    return Run(num_rows, row_bytes, lambda batch_rows: _spilled(path, batch_rows))


def _spilled(path: Path, batch_rows: int) -> Iterator[pa.Table]:
    with pa.OSFile(str(path), "rb") as source:
        reader = pa.ipc.open_file(source)
        step = max(1, batch_rows // MIN_BATCH_ROWS)
        for first in range(0, reader.num_record_batches, step):
            last = min(first + step, reader.num_record_batches)
            yield pa.Table.from_batches([reader.get_batch(i) for i in range(first, last)])


def _spill_directory(folder: Path) -> "TemporaryDirectory[str]":
    return TemporaryDirectory(dir=folder, prefix=".spill.", suffix=".partial")
