"""Page signals: what web pages are made of, where a rule asks for it."""

from typing import ClassVar

import pyarrow as pa
import pyarrow.compute as pc

from ...filters.page_signals import PAGE_SIGNALS, page_columns
from ..output import Output
from ..stage import Inputs, Stage
from .features import row_groups


class PageSignals(Stage, frozen=True, kw_only=True):
    """Measures the pages of a shard; part of a graph only if a rule names such a signal."""

    name: ClassVar[str] = "page_signals"
    version: ClassVar[int] = 1
    reads_text: ClassVar[bool] = True

    def run(self, inputs: Inputs, output: Output) -> None:
        """Write doc_id and PAGE_SIGNALS, row group by row group; no text is read of other kinds."""
        kinds = inputs.table("read", ["doc_id", "kind"])
        if not pc.any(pc.equal(kinds["kind"], "page")).as_py():
            nothing = [pa.nulls(kinds.num_rows, field.type) for field in PAGE_SIGNALS]
            output.write(pa.table([kinds["doc_id"], *nothing], ["doc_id", *PAGE_SIGNALS.names]))
            return
        columns = ["doc_id", "kind", "collection", "path", "text"]
        for rows in row_groups(inputs.one("read"), columns):
            output.write(page_columns(rows).add_column(0, "doc_id", rows["doc_id"]))
