"""Pages of an iteration for a person's eye, drawn from all shards a few at a time."""

from typing import ClassVar, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ...filters.recall.sampling import Keys, Rows, sample_keys
from ...filters.recall.words import WordKind
from ..artifact import InputFile, open_parquet
from ..output import Output
from ..recall.samples import BELOW, NEAR_PAGES, NEW, SAMPLE_PAGES, beginnings
from ..stage import Inputs, Stage
from .recall_pages import Logits, logits_of, mask_of

SHOWN: Final = pa.schema(
    [
        ("kind", pa.string()),
        ("sample", pa.uint64()),  # the hash that orders the pages of a kind
        ("logit", pa.float32()),
        ("url", pa.string()),
        ("language", pa.string()),
        ("num_tokens", pa.int64()),
        ("words", pa.string()),  # their first characters
    ]
)


class ShownPages(Stage, frozen=True, kw_only=True):
    """Lists the pages of a shard that may be shown: the first new ones, the highest below."""

    name: ClassVar[str] = "recall_shown"
    version: ClassVar[int] = 1

    iteration: int
    words: WordKind

    def run(self, inputs: Inputs, output: Output) -> None:
        """Write SHOWN."""
        pages = inputs.table("pool", ["doc_id", "url", "language", "num_tokens"])
        logits = logits_of(inputs)
        parts = [SHOWN.empty_table()]
        for kind, name in ((NEW, "is_new"), (BELOW, "is_below")):
            rows = np.flatnonzero(mask_of(inputs, "verdicts", name))
            keys = sample_keys(pages["doc_id"], seed=self.iteration, purpose=kind)[rows]
            first = first_of(kind, keys, logits[rows])
            rows, keys = rows[first], keys[first]
            table = pages.take(rows)
            words = beginnings(_words(inputs.one("pool"), rows), self.words)
            columns = [table["url"], table["language"], table["num_tokens"], words]
            kinds = pa.repeat(kind, len(rows))
            parts.append(pa.table([kinds, keys, logits[rows], *columns], schema=SHOWN))
        output.write(pa.concat_tables(parts))


class ShownOfMany(Stage, frozen=True, kw_only=True):
    """Lists the pages that may be shown of some shards together."""

    name: ClassVar[str] = "recall_shown_of"
    version: ClassVar[int] = 1

    def run(self, inputs: Inputs, output: Output) -> None:
        """Write SHOWN."""
        found = SHOWN.empty_table()
        for file in inputs.all("shown"):
            found = first_pages(pa.concat_tables([found, file.read()]))
        output.write(found)


def first_pages(table: pa.Table) -> pa.Table:
    """Return the first pages of each kind."""
    parts = []
    for kind in (NEW, BELOW):
        of = table.filter(pc.equal(table["kind"], kind))
        rows = first_of(kind, of["sample"].to_numpy(), of["logit"].to_numpy())
        parts.append(of.take(rows))
    return pa.concat_tables(parts)


def first_of(kind: str, keys: Keys, logits: Logits) -> Rows:
    """Return the new pages of the least hashes, or the pages that miss the threshold by least."""
    if kind == NEW:
        return np.argsort(keys, kind="stable")[:SAMPLE_PAGES]
    return np.lexsort((keys, -logits))[:NEAR_PAGES]


def _words(file: InputFile, rows: Rows) -> pa.ChunkedArray:
    """Return the words of some pages in their order; a row group lies in memory."""
    order = np.argsort(rows, kind="stable")
    ascending, start = rows[order], 0
    chunks: list[pa.Array] = []
    with open_parquet(file.url) as parquet:
        for group in range(parquet.num_row_groups):
            num_rows = parquet.metadata.row_group(group).num_rows
            first, last = np.searchsorted(ascending, [start, start + num_rows])
            if last > first:
                column = parquet.read_row_group(group, ["words"])["words"]
                chunks += column.take(pa.array(ascending[first:last] - start)).chunks
            start += num_rows
    found = pa.chunked_array(chunks, pa.large_string())
    return found.take(pa.array(np.argsort(order, kind="stable")))
