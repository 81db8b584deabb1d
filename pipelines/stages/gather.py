"""Texts of the items that are compared: gathered out of every shard, or read where they lie."""

from collections.abc import Generator, Iterator
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ...corpus.record import ID
from ...dedup.columns import id_prefixes
from ...dedup.shingle_sets import TextRun
from ..artifact import InputFile, open_parquet
from ..output import Output
from ..reader import ahead, read_rows
from ..stage import Inputs
from .exchange import Exchange, key_of_number, partition_name, runs_of_equal

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


class Gather(Exchange, frozen=True, kw_only=True):
    """Copies the texts of wanted items out of one shard, one slice a partition of pairs."""

    name: ClassVar[str] = "gather"
    names_shards: ClassVar[bool] = True
    is_temporary: ClassVar[bool] = True

    text_field: str

    def run(self, inputs: Inputs, output: Output) -> None:
        """Write the TEXTs of items, by id and row."""
        rows, items, partitions = self._rows(inputs)
        with self.sorter(key_of_number("place"), output, _in_order) as sorter:
            for first, texts in _some_texts(inputs.one("read"), rows, self.text_field):
                here = slice(
                    int(np.searchsorted(rows, first)),
                    int(np.searchsorted(rows, first + len(texts))),
                )
                column = texts.take(rows[here] - first)
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


def _some_texts(
    file: InputFile, rows: npt.NDArray[np.int64], text_field: str
) -> Iterator[tuple[int, pa.ChunkedArray]]:
    """Yield what the row groups hold that hold any of the rows: number of a first row, texts."""
    with open_parquet(file.url) as parquet:
        sizes = [parquet.metadata.row_group(i).num_rows for i in range(parquet.num_row_groups)]
        held = np.diff(np.searchsorted(rows, np.cumsum([0, *sizes])))
        for found in read_rows(parquet, [text_field], np.flatnonzero(held).tolist()):
            yield found.first, found.table[text_field].cast(pa.large_string())


def gathered_run(file: InputFile) -> TextRun:
    """Return the texts that were gathered of one shard."""

    def texts(ids: pa.Array) -> Iterator[pa.Table]:
        with open_parquet(file.url) as parquet:
            assert file.row_groups is not None, "gathered texts are a slice"
            for group in range(*file.row_groups):
                table = parquet.read_row_group(group, columns=["item_id", "text"])
                yield table.filter(pc.is_in(table["item_id"], value_set=ids))

    return TextRun(lambda: file.read(["item_id", "num_bytes"]), texts)


def text_run(file: InputFile, members: InputFile, text_field: str) -> TextRun:
    """Return a whole shard as a run; the items tell which rows are wanted."""

    def texts(ids: pa.Array) -> Generator[pa.Table, None, None]:
        table = members.read(["item_id", "row"])
        table = table.filter(pc.is_in(table["item_id"], value_set=ids)).sort_by("row")
        rows, items = table["row"].to_numpy(), table["item_id"].combine_chunks()
        for first, column in _some_texts(file, rows, text_field):
            start, stop = np.searchsorted(rows, (first, first + len(column)))
            chosen = column.take(rows[start:stop] - first)
            yield pa.table([items[start:stop], chosen], names=["item_id", "text"])

    return TextRun(lambda: members.read(["item_id", "num_bytes"]), lambda ids: ahead(texts(ids)))


def _in_order(texts: pa.Table) -> pa.Table:
    keys = [(name, "ascending") for name in ("place", "item_id", "row")]
    return texts.take(pc.sort_indices(texts.select(["place", "item_id", "row"]), keys))
