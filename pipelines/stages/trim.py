"""Trim: what is cut of kept pages and documents before they are tokens, and whom that leaves empty.

Cuts are ranges of characters, which `tokenize` leaves out. No text is written again.
"""

from typing import ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ...corpus.record import ID
from ...dedup.columns import text_batches
from ...dedup.lines import LineScope, Positions, merge_spans
from ...dedup.substrings import Substrings, blocks, repeated_spans
from ..output import Output
from ..stage import Inputs, Stage
from .lines import LINE_PAGES, is_kept, kept_lines

LITTLE_LEFT = "little_left"

SPANS = pa.schema(
    [
        ("row", pa.int64()),
        ("first_char", pa.int64()),
        ("end_char", pa.int64()),
    ]
)
TRIM = pa.schema(
    [
        ("doc_id", ID),
        ("dropped_by", pa.string()),  # little_left, or null
        ("cut_chars", pa.int64()),  # null for what is never cut, and what is dropped before
        ("cut_spans", pa.list_(pa.int64())),  # first, end, first, end, ... in characters
    ]
)


class Repeats(Stage, frozen=True, kw_only=True):
    """Finds substrings of the kept pages and documents of a shard that repeat earlier ones.

    Texts are compared within blocks of one shard, in the order of their ids.
    """

    name: ClassVar[str] = "repeats"
    version: ClassVar[int] = 1
    reads_text: ClassVar[bool] = True

    settings: Substrings

    def run(self, inputs: Inputs, output: Output) -> None:
        """Write SPANS, one row group a block."""
        rows = np.flatnonzero(is_kept(inputs, ("page", "document")))
        table = inputs.table("read", ["doc_id", "text"]).take(pa.array(rows))
        order = pc.sort_indices(table, [("doc_id", "ascending")])
        texts, rows = table["text"].take(order).combine_chunks(), rows[order.to_numpy()]
        output.write(SPANS.empty_table())
        sizes = pc.binary_length(texts).to_pylist()
        for start, stop in blocks(sizes, self.settings.block_bytes):
            block = pa.chunked_array([texts.slice(start, stop - start)])
            (batch,) = text_batches(block, sum(sizes[start:stop]))
            text, first, end = repeated_spans(batch, min_bytes=self.settings.min_bytes)
            output.write(pa.table([rows[start:stop][text], first, end], schema=SPANS))


class Trim(Stage, frozen=True, kw_only=True):
    """Lists what is cut of the kept texts of a shard, and drops those of which too little is left.

    It runs on every shard, so that every ledger file has the same columns.
    """

    name: ClassVar[str] = "trim"
    version: ClassVar[int] = 1

    scope: LineScope
    min_left_chars: int

    def run(self, inputs: Inputs, output: Output) -> None:
        """Write TRIM, row for row."""
        doc_ids = inputs.table("read", ["doc_id"])["doc_id"]
        kinds = ("page", "document") if inputs.all("repeats") else ("page",)
        is_cut = is_kept(inputs, kinds)
        rows, first, end = self._spans(inputs)
        removed = np.zeros(len(doc_ids), dtype=np.int64)
        np.add.at(removed, rows, end - first)
        sizes = inputs.table("measure", ["num_chars"])["num_chars"].fill_null(0).to_numpy()
        is_dropped = pa.array((removed > 0) & (sizes - removed < self.min_left_chars))
        bounds = 2 * np.searchsorted(rows, np.arange(len(doc_ids) + 1))
        spans = pa.ListArray.from_arrays(
            pa.array(bounds, pa.int32()),
            pa.array(np.stack([first, end], axis=1).reshape(-1)),
            mask=pa.array(~is_cut),
        )
        dropped_by = pc.if_else(is_dropped, pa.scalar(LITTLE_LEFT), pa.scalar(None, pa.string()))
        columns = [doc_ids, dropped_by, pa.array(removed, mask=~is_cut), spans]
        output.write(pa.table(columns, schema=TRIM))
        output.count("chars", {"all": int(sizes[is_cut].sum()), "cut": int(removed.sum())})

    def _spans(self, inputs: Inputs) -> tuple[Positions, Positions, Positions]:
        """Return row, first and end character of what is cut, in order."""
        found = [SPANS.empty_table(), *(file.read(SPANS.names) for file in inputs.all("repeats"))]
        if inputs.all("lines"):
            lines = kept_lines(inputs, self.scope)
            common = [file.read(["line_key"]) for file in inputs.all("common")]
            empty = LINE_PAGES.empty_table().select(["line_key"])
            keys = pa.concat_tables([empty, *common])["line_key"]
            lines = lines.filter(pc.is_in(lines["line_key"], value_set=keys))
            found.append(lines.select(SPANS.names))
        spans = pa.concat_tables(found)
        return merge_spans(*(spans[name].to_numpy() for name in SPANS.names))
