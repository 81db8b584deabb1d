"""Exchanges: slices of many files, merged in the order of a key, and cut into slices again.

All dedup exchanges move rows that way: each task sorts what it sends, and who receives merges
what is sorted. Memory is what the recipe allows a worker, whatever the corpus is.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise
from typing import ClassVar

import numpy as np
import pyarrow as pa

from ...corpus.ids import digest_parts
from ...dedup.columns import id_prefixes, partition_of, run_starts
from ...dedup.merge import Block, ExternalSorter, KeyOf, Keys, Run, merge_blocks
from ..artifact import InputFile
from ..output import Output
from ..stage import Stage


class Exchange(Stage, frozen=True, kw_only=True):
    """A stage whose memory is bounded by a setting, which is no part of its key."""

    version: ClassVar[int] = 1

    partitions: int
    memory_bytes: int

    def key_settings(self) -> dict[str, object]:
        """Return the settings that decide the output; memory does not."""
        settings = super().key_settings()
        del settings["memory_bytes"]
        return settings

    def merged(
        self, files: Iterable[InputFile], columns: Sequence[str], key_of: KeyOf, output: Output
    ) -> Iterator[Block]:
        """Yield the rows of sorted slices in blocks that no key straddles."""
        runs = [run_of(file, columns) for file in files]
        yield from self.merged_runs(runs, key_of, output)

    def merged_runs(self, runs: Sequence[Run], key_of: KeyOf, output: Output) -> Iterator[Block]:
        """Yield the rows of sorted runs in blocks, with half of the memory."""
        half = self.memory_bytes // 2
        yield from merge_blocks(runs, key_of, memory_bytes=half, folder=output.folder)

    def sorter(
        self,
        key_of: KeyOf,
        output: Output,
        finish: Callable[[pa.Table], pa.Table] | None = None,
    ) -> ExternalSorter:
        """Return a sorter that has the other half of the memory."""
        half = self.memory_bytes // 2
        return ExternalSorter(key_of, memory_bytes=half, folder=output.folder, finish=finish)


def write_partitions(
    tables: Iterable[pa.Table],
    key_of: KeyOf,
    num_partitions: int,
    output: Output,
    schema: pa.Schema,
) -> None:
    """Write tables in ascending order of a key, one slice for each of its partitions."""
    output.write(schema.empty_table())
    for table in tables:
        parts = partition_of(key_of(table), num_partitions)
        for first, last in runs_of_equal(parts):
            name = partition_name(int(parts[first]))
            output.append(table.slice(first, last - first), slice_name=name)


def write_shards(tables: Iterable[pa.Table], output: Output) -> None:
    """Write tables sorted by their column `shard`, one slice for each shard."""
    for table in tables:
        shards = table["shard"].to_numpy()
        for first, last in runs_of_equal(shards):
            part = table.slice(first, last - first)
            output.append(part, slice_name=f"shard-{int(shards[first]):016x}")


def runs_of_equal(values: np.ndarray) -> Iterator[tuple[int, int]]:
    """Yield where each run of equal values begins and ends."""
    bounds = [*run_starts(values).tolist(), len(values)]
    yield from pairwise(bounds)


def run_of(
    file: InputFile,
    columns: Sequence[str],
    change: Callable[[pa.Table], pa.Table] = lambda table: table,
    *,
    row_bytes: int = 0,
) -> Run:
    """Return an input as a sorted run whose tables pass through `change`.

    Args:
        row_bytes: of a row in memory, about; 0 where all columns are ids and numbers.
    """

    def read(batch_rows: int) -> Iterator[pa.Table]:
        return (change(table) for table in file.batches(columns, batch_rows))

    # Ids are the widest that most exchanges merge.
    return Run(file.rows, row_bytes or 16 * (len(columns) + 1), read)


def placed_run(file: InputFile, columns: Sequence[str]) -> Run:
    """Return an input as a run whose rows say which shard they come from."""
    shard = pa.scalar(shard_number(file.shard), pa.uint64())
    return run_of(
        file,
        columns,
        lambda table: table.append_column("shard", pa.repeat(shard, table.num_rows)),
    )


def key_of_id(name: str) -> KeyOf:
    """Return the key of tables that are sorted by an id."""
    return lambda table: id_prefixes(table[name])


def key_of_number(name: str) -> Callable[[pa.Table], Keys]:
    """Return the key of tables that are sorted by a 64-bit number."""
    return lambda table: table[name].to_numpy()


def partition_name(index: int) -> str:
    """Return the slice name of a partition."""
    return f"p{int(index):04d}"


def shard_number(shard: str) -> int:
    """Return the number by which rows name a shard: the same in every build."""
    return int.from_bytes(digest_parts("shard-number", (shard,), size=8), "big")


def shard_slice(shard: str) -> str:
    """Return the name of the slice for a shard."""
    return f"shard-{shard_number(shard):016x}"
