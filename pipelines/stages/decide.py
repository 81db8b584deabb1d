"""Decide: rules over signal columns; a new threshold re-runs this and no text is read."""

from typing import ClassVar

import pyarrow as pa
import pyarrow.compute as pc

from ...corpus.record import READ
from ...filters.rules import Rule, decide
from ...filters.syntax import SYNTAX_SIGNALS
from ..removals import Removals, removed_rows
from ..stage import Inputs, Output, Stage, value_counts

METADATA = [name for name in READ.names if name not in ("text", "read_error")]
REMOVED = "removed"
SIGNAL_COLUMNS = {"syntax": SYNTAX_SIGNALS.names}  # of stages that also write what is no signal


class Decide(Stage, frozen=True, kw_only=True):
    """Applies the take-down list and the recipe's rules to every row."""

    name: ClassVar[str] = "decide"
    version: ClassVar[int] = 1

    rules: tuple[Rule, ...]
    removals: Removals = Removals()

    def run(self, inputs: Inputs, output: Output) -> None:
        """Write doc_id, rule_hits and dropped_by (read_drop, removed, or the first rule)."""
        table = inputs.table("read", METADATA)
        for role in ("language", "measure", "syntax"):
            if not inputs.all(role):  # nobody asked for it
                continue
            features = inputs.table(role, SIGNAL_COLUMNS.get(role))
            for name in features.column_names:
                if name != "doc_id":
                    table = table.append_column(name, features[name])
        verdict = decide(table, self.rules)
        removed = pa.array(removed_rows(table, self.removals))
        dropped_by = pc.if_else(removed, pa.scalar(REMOVED), verdict["dropped_by"])
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
