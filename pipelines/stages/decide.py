"""Decide: rules over signal columns; a new threshold re-runs this and no text is read."""

from typing import ClassVar

import pyarrow as pa
import pyarrow.compute as pc

from ...corpus.record import READ
from ...filters.recall.files import file_url
from ...filters.rules import Rule, decide
from ...filters.syntax import SYNTAX_SIGNALS
from ..decontamination import CONTAMINATED, HITS_COLUMN
from ..output import Output
from ..removals import Removals, removed_rows
from ..stage import Inputs, Stage, value_counts
from .recalled import NOT_RECALLED

METADATA = [name for name in READ.names if name not in ("text", "read_error")]
REMOVED = "removed"
SIGNAL_COLUMNS = {"syntax": SYNTAX_SIGNALS.names}  # of stages that also write what is no signal


class Decide(Stage, frozen=True, kw_only=True):
    """Applies the take-down list, the benchmarks' hits and the recipe's rules to every row.

    A contaminated document has that reason whatever rules say, so that the list of them that
    people review does not change with a threshold; `rule_hits` has the rules all the same.
    """

    name: ClassVar[str] = "decide"
    version: ClassVar[int] = 1

    rules: tuple[Rule, ...]
    removals: Removals = Removals()

    def run(self, inputs: Inputs, output: Output) -> None:
        """Write doc_id, rule_hits and dropped_by (read_drop, removed, not_recalled, ...)."""
        table = inputs.table("read", METADATA)
        for role in ("language", "measure", "syntax", "page_signals"):
            if not inputs.all(role):  # nobody asked for it
                continue
            features = inputs.table(role, SIGNAL_COLUMNS.get(role))
            for name in features.column_names:
                if name != "doc_id":
                    table = table.append_column(name, features[name])
        verdict = decide(table, self.rules)
        removed = pa.array(removed_rows(table, self.removals))
        dropped_by = verdict["dropped_by"]
        if inputs.all(
            "collected"
        ):  # of files; which pages were collected is told when they are read
            is_collected = _is_collected(table, inputs.table("collected", ["url"])["url"])
            is_left = pc.and_not(pc.is_null(table["read_drop"]), is_collected)
            dropped_by = pc.if_else(is_left, pa.scalar(NOT_RECALLED), dropped_by)
        if inputs.all("decontaminate"):
            hits = inputs.table("decontaminate", [HITS_COLUMN])[HITS_COLUMN]
            is_hit = pc.fill_null(pc.greater(pc.list_value_length(hits), 0), fill_value=False)
            dropped_by = pc.if_else(is_hit, pa.scalar(CONTAMINATED), dropped_by)
        dropped_by = pc.if_else(removed, pa.scalar(REMOVED), dropped_by)
        output.write(
            pa.table(
                {
                    "doc_id": table["doc_id"],
                    "rule_hits": verdict["rule_hits"],
                    "dropped_by": dropped_by,
                }
            )
        )
        output.count("drops", value_counts(dropped_by))


def _is_collected(table: pa.Table, collected: pa.ChunkedArray) -> pa.Array:
    """Return which files have a URL that a recall target collected."""
    rows = zip(table["collection"].to_pylist(), table["path"].to_pylist(), strict=True)
    urls = [file_url(collection, path) for collection, path in rows]
    return pc.is_in(pa.array(urls, collected.type), value_set=collected.combine_chunks())
