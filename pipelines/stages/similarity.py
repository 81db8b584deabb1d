"""The true similarity of candidate pairs, measured on their texts; of known pairs, copied.

A pair's items lie in two shards. So the texts of the items of all pairs of a partition are first
gathered, each once, and then compared in one place. What an earlier build has measured is not
gathered. A threshold is applied later: another one measures nothing again.
"""

from collections.abc import Iterator
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ...corpus.record import ID
from ...dedup.cluster import EDGE
from ...dedup.columns import byte_strings, id_prefixes
from ...dedup.merge import Block
from ...dedup.pairs import PAIR, SIDES, distinct_pairs, left_prefixes
from ...dedup.shingle_sets import ShingleSets, TextRun, pair_chunks
from ..artifact import InputFile, open_parquet
from ..stage import Inputs, Output
from .exchange import (
    Exchange,
    key_of_number,
    partition_name,
    run_of,
    runs_of_equal,
    write_shards,
)

WANTED = pa.schema([("item_id", ID), ("shard", pa.uint64())])
TEXT = pa.schema(
    [
        ("place", pa.uint64()),  # partition and upper bits of the item id: what is sorted by
        ("item_id", ID),
        ("row", pa.int64()),
        ("num_bytes", pa.int64()),  # of the text
        ("text", pa.large_string()),
    ]
)
PARTITION_SHIFT = 48
ROW_GROUP_BYTES = 8 << 20


class Unknown(Exchange, frozen=True, kw_only=True):
    """Names the items of one partition whose texts are needed to measure its pairs."""

    name: ClassVar[str] = "unknown"
    is_temporary: ClassVar[bool] = True

    def run(self, inputs: Inputs, output: Output) -> None:
        """Write the WANTED items, one slice a shard."""
        with self.sorter(WANTED, key_of_number("shard"), output, _distinct_items) as sorter:
            for pairs in joined_pairs(self, inputs, output):
                unknown = pairs.filter(pc.is_null(pairs["similarity"]))
                for side in SIDES:
                    columns = [unknown[side], unknown[f"{side}_shard"]]
                    sorter.add(pa.table(columns, schema=WANTED))
            output.write(WANTED.empty_table())
            write_shards(sorter.blocks(), output)


class Gather(Exchange, frozen=True, kw_only=True):
    """Copies the texts of wanted items out of one shard, one slice a partition of pairs."""

    name: ClassVar[str] = "gather"
    names_shards: ClassVar[bool] = True
    is_temporary: ClassVar[bool] = True

    def run(self, inputs: Inputs, output: Output) -> None:
        """Write the TEXTs of items, by id and row."""
        rows, items, partitions = self._rows(inputs)
        with self.sorter(TEXT, key_of_number("place"), output, _in_order) as sorter:
            for first, texts in _row_groups(inputs.one("read"), rows):
                here = slice(
                    int(np.searchsorted(rows, first)),
                    int(np.searchsorted(rows, first + texts.num_rows)),
                )
                column = texts["text"].take(rows[here] - first)
                sorter.add(_texts(items[here], partitions[here], rows[here], column))
            output.write(TEXT.empty_table())
            for table in sorter.blocks():
                for name, part in _row_group_parts(table):
                    output.append(part, slice_name=name, group_rows=part.num_rows)

    def _rows(
        self, inputs: Inputs
    ) -> tuple[npt.NDArray[np.int64], pa.Array, npt.NDArray[np.uint64]]:
        """Return row, item and partition of every text that is wanted, by row."""
        members = inputs.table("items", ["item_id", "row"])
        found = []
        for file in inputs.all("wanted"):
            wanted = file.read(["item_id"])["item_id"].combine_chunks()
            chosen = members.filter(pc.is_in(members["item_id"], value_set=wanted))
            number = pa.scalar(int(file.shard.removeprefix("p")), pa.uint64())
            found.append(chosen.append_column("part", pa.repeat(number, chosen.num_rows)))
        table = pa.concat_tables(found).sort_by([("row", "ascending"), ("part", "ascending")])
        items = table["item_id"].combine_chunks()
        return table["row"].to_numpy(), items, table["part"].to_numpy()


def _row_group_parts(table: pa.Table) -> Iterator[tuple[str, pa.Table]]:
    """Cut sorted TEXTs by partition, and so that a part has some MiB or one text."""
    partitions = table["place"].to_numpy() >> np.uint64(PARTITION_SHIFT)
    blocks = np.cumsum(table["num_bytes"].to_numpy()) // ROW_GROUP_BYTES
    for first, last in runs_of_equal(partitions << np.uint64(32) | blocks.astype(np.uint64)):
        yield partition_name(int(partitions[first])), table.slice(first, last - first)


def _texts(
    items: pa.Array,
    partitions: npt.NDArray[np.uint64],
    rows: npt.NDArray[np.int64],
    texts: pa.ChunkedArray,
) -> pa.Table:
    shift = np.uint64(PARTITION_SHIFT)
    prefixes = id_prefixes(pa.chunked_array([items]))
    places = partitions << shift | prefixes >> (np.uint64(64) - shift)
    num_bytes = pc.binary_length(texts).cast(pa.int64())
    return pa.table([places, items, rows, num_bytes, texts], schema=TEXT)


def _row_groups(file: InputFile, rows: npt.NDArray[np.int64]) -> Iterator[tuple[int, pa.Table]]:
    """Yield the row groups that hold any of the rows: number of its first row, texts."""
    with open_parquet(file.url) as parquet:
        first = 0
        for group in range(parquet.num_row_groups):
            last = first + parquet.metadata.row_group(group).num_rows
            if np.searchsorted(rows, first) < np.searchsorted(rows, last):
                yield first, parquet.read_row_group(group, columns=["text"])
            first = last


class Near(Exchange, frozen=True, kw_only=True):
    """Measures the Jaccard similarity of the pairs of one partition.

    `texts` and the `previous` artifact are hints: they cannot change the output. It reads the
    texts of candidates only, so it counts as columnar.
    """

    name: ClassVar[str] = "near"
    version: ClassVar[int] = 2

    ngram: int

    def run(self, inputs: Inputs, output: Output) -> None:
        """Write all EDGEs in the order of the pairs, also those of little similarity."""
        files = inputs.all("texts")
        sets = ShingleSets([_text_run(file) for file in files], ngram=self.ngram)
        output.write(EDGE.empty_table())
        for pairs in joined_pairs(self, inputs, output):
            missing = np.flatnonzero(pc.is_null(pairs["similarity"]).to_numpy())
            values = pc.fill_null(pairs["similarity"], 0.0).to_numpy().copy()
            todo = pairs.take(missing)
            for first, last in pair_chunks(todo, sets, self.memory_bytes // 2):
                chunk = todo.slice(first, last - first)
                values[missing[first:last]] = sets.similarities(chunk)
            output.append(_with_similarity(pairs, pa.array(values)), slice_name="all")
            copied = pairs.num_rows - len(missing)
            output.count("pairs", {"measured": len(missing), "copied": copied})


def _text_run(file: InputFile) -> TextRun:
    return TextRun(
        sizes=lambda: file.read(["item_id", "num_bytes"]),
        texts=lambda: _row_group_texts(file),
    )


def _row_group_texts(file: InputFile) -> Iterator[pa.Table]:
    with open_parquet(file.url) as parquet:
        assert file.row_groups is not None, "gathered texts are a slice"
        for group in range(*file.row_groups):
            yield parquet.read_row_group(group, columns=["item_id", "text"])


def joined_pairs(stage: Exchange, inputs: Inputs, output: Output) -> Iterator[pa.Table]:
    """Yield the pairs in order, as EDGEs: with the similarity measured by an earlier build."""
    runs = [run_of(inputs.one("pairs"), PAIR.names, _without_similarity)]
    runs += [run_of(file, EDGE.names) for file in inputs.all("previous")]
    for block in stage.merged_runs(runs, left_prefixes, output):
        yield from _joined(block)


def _joined(block: Block) -> Iterator[pa.Table]:
    table = block.table
    is_new = pc.is_null(table["similarity"])
    pairs = distinct_pairs(table.filter(is_new))
    old = table.filter(pc.invert(is_new))
    if old.num_rows:
        rows = pc.index_in(_names(pairs), value_set=_names(old))
        pairs = _with_similarity(pairs, old["similarity"].take(rows))
    if pairs.num_rows:
        yield pairs


def _names(pairs: pa.Table) -> pa.Array:
    """Return both ids of each pair as one string of bytes."""
    sides = [np.frombuffer(byte_strings(pairs[side]).tobytes(), "V16") for side in SIDES]
    joined = np.stack(sides, axis=1).tobytes()
    return pa.FixedSizeBinaryArray.from_buffers(
        pa.binary(32), pairs.num_rows, [None, pa.py_buffer(joined)]
    )


def _without_similarity(pairs: pa.Table) -> pa.Table:
    return _with_similarity(pairs, pa.nulls(pairs.num_rows, pa.float64()))


def _with_similarity(pairs: pa.Table, values: pa.Array | pa.ChunkedArray) -> pa.Table:
    return pairs.select(PAIR.names).append_column(EDGE.field("similarity"), values)


def _distinct_items(items: pa.Table) -> pa.Table:
    distinct = items.group_by(["item_id", "shard"], use_threads=False).aggregate([])
    return distinct.select(WANTED.names).sort_by([("shard", "ascending"), ("item_id", "ascending")])


def _in_order(texts: pa.Table) -> pa.Table:
    keys = [(name, "ascending") for name in ("place", "item_id", "row")]
    return texts.take(pc.sort_indices(texts.select(["place", "item_id", "row"]), keys))
