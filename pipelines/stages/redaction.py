"""Redaction: what a text holds of addresses and secrets, and which of it becomes a placeholder.

`sensitive` reads the texts once and lists everything; `redact` is the recipe's policy over that
list, so that another policy reads no text again. Only `tokenize` puts the placeholders in.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any, ClassVar

import pyarrow as pa
import pyarrow.compute as pc

from ...corpus.placeholders import PLACEHOLDERS, RedactionClass
from ...corpus.record import ID
from ...filters.redaction.credits import is_credits
from ...filters.redaction.find import sensitive_column
from ...filters.redaction.kinds import CLASSES, FINDINGS, Finding
from ..output import Output
from ..redaction_settings import RedactionSettings
from ..stage import Inputs, Stage
from .features import row_groups

COUNTS: dict[RedactionClass, str] = {
    "email": "redacted_emails",
    "ip_address": "redacted_ip_addresses",
    "key": "redacted_keys",
    "password": "redacted_passwords",
}
REDACTIONS = "redactions"  # the column of what is redacted
REDACT = pa.schema(
    [("doc_id", ID), *((name, pa.int64()) for name in COUNTS.values()), (REDACTIONS, FINDINGS)]
)


class Sensitive(Stage, frozen=True, kw_only=True):
    """Lists the addresses, keys and passwords of every text; there only if a recipe redacts."""

    name: ClassVar[str] = "sensitive"
    version: ClassVar[int] = 2
    reads_text: ClassVar[bool] = True

    def run(self, inputs: Inputs, output: Output) -> None:
        """Write doc_id and the findings, in code points; null where there is no text."""
        for rows in row_groups(inputs.one("read"), ["doc_id", "text"]):
            found = sensitive_column(rows["text"])
            output.write(pa.table({"doc_id": rows["doc_id"], "findings": found}))
            kinds = pc.list_flatten(found).field("kind").to_pylist()
            output.count("findings", dict(Counter(kinds)))


class Redact(Stage, frozen=True, kw_only=True):
    """Chooses which findings of the kept documents become placeholders."""

    name: ClassVar[str] = "redact"
    version: ClassVar[int] = 1

    settings: RedactionSettings

    def run(self, inputs: Inputs, output: Output) -> None:
        """Write REDACT, row for row; all null for what is dropped or has no text."""
        table = inputs.table("read", ["doc_id", "component", "kind", "path"])
        found = inputs.table("sensitive", ["findings"])["findings"].to_pylist()
        dropped = inputs.table("select", ["dropped_by"])["dropped_by"]
        for trim in (file.read(["dropped_by"]) for file in inputs.all("trim")):
            dropped = pc.coalesce(dropped, trim["dropped_by"])
        lists: list[list[dict[str, object]] | None] = []
        for row, findings, reason in zip(
            table.select(["component", "kind", "path"]).to_pylist(),
            found,
            dropped.to_pylist(),
            strict=True,
        ):
            if findings is None or reason is not None:
                lists.append(None)
                continue
            wanted = set(self.settings.of(row["component"]))
            keeps = row["component"] in self.settings.keep_credits and row["kind"] == "file"
            if keeps and is_credits(row["path"]):
                wanted.discard("email")
            lists.append([each for each in findings if CLASSES[each["kind"]] in wanted])
        counts = [redaction_counts(each) for each in lists]
        columns = [
            pa.array([None if count is None else count[name] for count in counts], pa.int64())
            for name in COUNTS
        ]
        output.write(
            pa.table([table["doc_id"], *columns, pa.array(lists, FINDINGS)], schema=REDACT)
        )
        for name in PLACEHOLDERS:
            output.count("redacted", {name: sum(count[name] for count in counts if count)})


def redaction_counts(findings: list[dict[str, object]] | None) -> Counter[RedactionClass] | None:
    """Return how many placeholders of each class a text gets; None where there is none."""
    if findings is None:
        return None
    return Counter(CLASSES[str(each["kind"])] for each in findings)


def redactions_of(inputs: Inputs) -> dict[int, list[Finding]]:
    """Return what is redacted of each row that anything is redacted of."""
    if not inputs.all("redact"):
        return {}
    column = inputs.table("redact", [REDACTIONS])[REDACTIONS].to_pylist()
    return {row: as_findings(found) for row, found in enumerate(column) if found}


def as_findings(found: Sequence[dict[str, Any]] | None) -> list[Finding]:
    """Return what a row's column `redactions` says."""
    return [Finding(each["kind"], each["start"], each["stop"]) for each in found or ()]
