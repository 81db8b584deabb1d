"""The rows of a Parquet file in small tables, the next decoded while one is worked on.

Decoding leaves the interpreter, so a second thread of a worker has the next rows ready by the time
that the last ones are signed or written. Small tables use the same memory again and again: fresh
memory costs as much as decoding does.
"""

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa
import pyarrow.parquet as pq

BATCH_ROWS = 512


def read_batches(
    parquet: pq.ParquetFile,
    columns: Sequence[str] | None = None,
    groups: Iterable[int] | None = None,
) -> Iterator[tuple[int, pa.Table]]:
    """Yield the named columns of all row groups, or of the ones numbered: group, some rows."""
    numbers = range(parquet.num_row_groups) if groups is None else groups
    batches = (
        (number, pa.Table.from_batches([batch]))
        for number in numbers
        for batch in parquet.iter_batches(
            BATCH_ROWS, row_groups=[number], columns=columns, use_threads=False
        )
    )
    with ThreadPoolExecutor(1) as thread:
        coming = thread.submit(next, batches, None)
        while (found := coming.result()) is not None:
            coming = thread.submit(next, batches, None)
            yield found
            del found
