"""The words to train on, from the shards that hold them to one order by hash."""

from collections.abc import Iterator
from typing import ClassVar, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ...filters.recall.passages import first_words
from ...filters.recall.sampling import Rows, sample_keys
from ..artifact import InputFile, open_parquet
from ..output import Output
from ..stage import Inputs
from .exchange import Exchange, key_of_number, run_of, write_partitions
from .recall_draw import COMPARED, NEGATIVE, POSITIVE, Draw, below, drawable
from .recall_pages import mask_of, pool_columns

LINES: Final = pa.schema(
    [
        ("order", pa.uint64()),
        ("kind", pa.string()),
        ("words", pa.large_string()),
    ]
)
WORD_BYTES: Final = 8  # with the blank behind it
MOST_WORDS: Final = 1 << 14  # of a page that is read whole, about


class Lines(Draw, frozen=True, kw_only=True):
    """Takes the words of the pages that are drawn, labelled as negatives, or to be compared."""

    name: ClassVar[str] = "recall_lines"
    version: ClassVar[int] = 1

    bounds: dict[str, int]
    train_words: int
    partitions: int

    def run(self, inputs: Inputs, output: Output) -> None:
        """Write LINES, sorted, one slice a partition of the order."""
        chosen = self._chosen(inputs)
        ids = pool_columns(inputs, "doc_id")["doc_id"]
        orders = sample_keys(ids, seed=self.rule.seed, purpose="order")
        parts = [LINES.empty_table()]
        for start, words in _words(inputs.one("pool"), np.concatenate(list(chosen.values()))):
            for kind, rows in chosen.items():
                own = rows[(rows >= start) & (rows < start + len(words))]
                taken = words.take(pa.array(own - start))
                if kind != COMPARED:
                    taken = first_words(taken, self.train_words)
                kinds = pa.repeat(kind, len(own))
                parts.append(pa.table([orders[own], kinds, taken], LINES))
        table = pa.concat_tables(parts).sort_by([("order", "ascending"), ("kind", "ascending")])
        write_partitions([table], key_of_number("order"), self.partitions, output, LINES)

    def _chosen(self, inputs: Inputs) -> dict[str, Rows]:
        """Return the rows of each kind; no page is of two kinds but of those to be compared."""
        rows: dict[str, Rows] = {}
        kinds = (POSITIVE, NEGATIVE, COMPARED)
        for kind, found in zip(kinds, drawable(self, inputs), strict=True):
            rows[kind] = found.rows[below(found.groups, found.keys, self.bounds)]
        labelled = np.flatnonzero(mask_of(inputs, "known", "is_negative"))
        rows[NEGATIVE] = np.concatenate([rows[NEGATIVE], labelled])
        return rows


def _words(file: InputFile, rows: Rows) -> Iterator[tuple[int, pa.ChunkedArray]]:
    """Yield the first row and the words of each row group that has some of the rows."""
    with open_parquet(file.url) as parquet:
        start = 0
        for group in range(parquet.num_row_groups):
            num_rows = parquet.metadata.row_group(group).num_rows
            if ((rows >= start) & (rows < start + num_rows)).any():
                yield start, _group_words(parquet, group)
            start += num_rows


def _group_words(parquet: pq.ParquetFile, group: int) -> pa.ChunkedArray:
    return parquet.read_row_group(group, ["words"])["words"]


class OrderedLines(Exchange, frozen=True, kw_only=True):
    """Merges the words to train on of one partition of their order."""

    name: ClassVar[str] = "recall_ordered"

    train_words: int

    def run(self, inputs: Inputs, output: Output) -> None:
        """Write LINES, sorted."""
        row_bytes = WORD_BYTES * (self.train_words or MOST_WORDS)
        runs = [run_of(file, LINES.names, row_bytes=row_bytes) for file in inputs.all("slices")]
        output.write(LINES.empty_table())
        for block in self.merged_runs(runs, key_of_number("order"), output):
            output.write(block.table.sort_by([("order", "ascending"), ("kind", "ascending")]))
