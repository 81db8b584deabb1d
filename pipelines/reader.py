"""The rows of a Parquet file in small tables, the next made while one is worked on.

Decoding leaves the interpreter, so a second thread of a worker has the next rows ready by the time
that the last ones are signed, compared or written. Small tables use the same
memory again and again: fresh memory costs as much as decoding does.
"""

from collections.abc import Generator, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import NamedTuple, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

Item = TypeVar("Item")

BATCH_ROWS = 512


class Rows(NamedTuple):
    """Neighbouring rows of a row group."""

    group: int
    first: int  # the number of the first row in the file
    table: pa.Table


def read_rows(
    parquet: pq.ParquetFile,
    columns: Sequence[str] | None = None,
    groups: Iterable[int] | None = None,
) -> Generator[Rows, None, None]:
    """Yield the named columns of all row groups, or of the ones that are numbered."""
    sizes = [parquet.metadata.row_group(i).num_rows for i in range(parquet.num_row_groups)]
    for group in range(len(sizes)) if groups is None else groups:
        first = sum(sizes[:group])
        for batch in parquet.iter_batches(
            BATCH_ROWS, row_groups=[group], columns=columns, use_threads=False
        ):
            yield Rows(group, first, pa.Table.from_batches([batch]))
            first += batch.num_rows


def ahead(items: Generator[Item, None, None]) -> Generator[Item, None, None]:
    """Yield what a generator does, none of it None; a thread makes the next item meanwhile."""
    with closing(items), ThreadPoolExecutor(1) as thread:
        coming = thread.submit(next, items, None)
        while (item := coming.result()) is not None:
            coming = thread.submit(next, items, None)
            yield item
            del item  # so that its memory serves the one after the next
