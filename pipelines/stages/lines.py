"""Boilerplate: which lines many kept pages have.

Texts are read once, by `lines`; which lines are common is counted over the pages that are kept,
so that near duplicates do not make each other's contents common.
"""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ...corpus.ids import digest_parts
from ...dedup.lines import (
    LINES,
    LineScope,
    line_keys,
    line_table,
    page_counts,
)
from ..output import Output
from ..stage import Inputs, Stage
from .exchange import partition_name, runs_of_equal
from .features import row_groups

LINE_PAGES = pa.schema([("line_key", pa.uint64()), ("num_pages", pa.int64())])


class Lines(Stage, frozen=True, kw_only=True):
    """Hashes the lines of every page that may be cut."""

    name: ClassVar[str] = "lines"
    version: ClassVar[int] = 2
    reads_text: ClassVar[bool] = True

    min_chars: int

    def run(self, inputs: Inputs, output: Output) -> None:
        """Write LINES, row group by row group."""
        start = 0
        for rows in row_groups(inputs.one("read"), ["text"]):
            found = line_table(rows["text"], min_chars=self.min_chars)
            numbers = pa.array(found["row"].to_numpy() + start)
            output.write(found.set_column(0, LINES.field("row"), numbers))
            start += rows.num_rows


class LinePages(Stage, frozen=True, kw_only=True):
    """Counts the kept pages of each line, in one slice a partition of the lines."""

    name: ClassVar[str] = "line_pages"
    version: ClassVar[int] = 1

    scope: LineScope
    partitions: int

    def run(self, inputs: Inputs, output: Output) -> None:
        """Write LINE_PAGES of the shard, sorted by line."""
        lines = kept_lines(inputs, self.scope)
        keys, counts = page_counts(lines["line_key"].to_numpy(), lines["row"].to_numpy())
        table = pa.table([keys, counts], schema=LINE_PAGES)
        output.write(table.slice(0, 0))
        partition = (keys >> np.uint64(48)) * np.uint64(self.partitions) >> np.uint64(16)
        for first, last in runs_of_equal(partition):
            name = partition_name(int(partition[first]))
            output.write(table.slice(first, last - first), slice_name=name)


class CommonLines(Stage, frozen=True, kw_only=True):
    """Finds the lines of one partition that enough pages have."""

    name: ClassVar[str] = "common_lines"
    version: ClassVar[int] = 1
    names_shards: ClassVar[bool] = True

    min_pages: int

    def run(self, inputs: Inputs, output: Output) -> None:
        """Write LINE_PAGES over all shards, in one slice for each shard that has the line."""
        files = sorted(inputs.all("slices"), key=lambda file: file.shard)
        tables = [file.read(LINE_PAGES.names) for file in files]
        rows = pa.concat_tables([LINE_PAGES.empty_table(), *tables])
        keys, position = np.unique(rows["line_key"].to_numpy(), return_inverse=True)
        counts = np.zeros(len(keys), dtype=np.int64)
        np.add.at(counts, position, rows["num_pages"].to_numpy())
        is_common = counts >= self.min_pages
        output.write(LINE_PAGES.empty_table())
        ends = np.cumsum([table.num_rows for table in tables]).tolist()
        for file, start, end in zip(files, [0, *ends], ends, strict=False):
            found = position[start:end][is_common[position[start:end]]]
            if len(found):
                common = pa.table([keys[found], counts[found]], schema=LINE_PAGES)
                output.write(common, slice_name=file.shard)
        output.count("lines", {"seen": len(keys), "common": int(is_common.sum())})


def kept_lines(inputs: Inputs, scope: LineScope) -> pa.Table:
    """Return the LINES of kept pages, each with the key that it is counted by."""
    lines = inputs.table("lines")
    lines = lines.filter(pa.array(is_kept(inputs, ("page",))[lines["row"].to_numpy()]))
    hosts = np.zeros(lines.num_rows, dtype=np.uint64)
    if scope == "host":
        hosts = _hosts(inputs.table("read", ["collection"])["collection"])[lines["row"].to_numpy()]
    keys = line_keys(lines["line_hash"].to_numpy(), hosts)
    return lines.append_column("line_key", pa.array(keys))


def is_kept(inputs: Inputs, kinds: Sequence[str]) -> npt.NDArray[np.bool_]:
    """Tell the rows of some kinds that are no duplicates and that the rules keep."""
    is_kind = pc.is_in(
        inputs.table("read", ["kind"])["kind"], value_set=pa.array(kinds, pa.string())
    )
    kept = pc.is_null(inputs.table("select", ["dropped_by"])["dropped_by"])
    found: npt.NDArray[np.bool_] = pc.and_(is_kind, kept).to_numpy()
    return found


def _hosts(collections: pa.ChunkedArray) -> npt.NDArray[np.uint64]:
    """Return 64 bits that name each row's host, never 0."""
    encoded = pc.dictionary_encode(collections).combine_chunks()
    digests = (digest_parts("host", (name,), size=8) for name in encoded.dictionary.to_pylist())
    numbers = [int.from_bytes(digest, "little") | 1 for digest in digests]
    found: npt.NDArray[np.uint64] = np.array(numbers, dtype=np.uint64)[encoded.indices.to_numpy()]
    return found
