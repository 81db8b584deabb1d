"""Compose: the final verdict of every row, and the training documents that the kept rows make."""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ...corpus.ids import digest_parts, sample_id
from ...filters.natural_engines import UNDETERMINED
from ..order import OrderFile, order_files, split_groups
from ..output import Output
from ..recipe import OrderSettings
from ..stage import Inputs, Stage
from .redaction import REDACTIONS

Row = dict[str, Any]  # one row of a table, as pyarrow gives it

CONTEXT_FILES = (r"go\.mod", r"pyproject\.toml", r"setup\.py", r"setup\.cfg")
VERDICT = pa.schema(
    [
        ("doc_id", pa.binary(16)),
        ("dropped_by", pa.string()),  # read_drop, removed, contaminated, a rule, same_page, ...
        ("item_id", pa.binary(16)),  # what was compared: the document or its repository
        ("cluster", pa.binary(16)),
        ("keeper", pa.binary(16)),  # the item that stands for a dropped duplicate
        ("similarity", pa.float32()),  # Jaccard of the item and its keeper
    ]
)

SAMPLE = pa.schema(
    [
        ("sample_id", pa.binary(16)),
        ("sample_key", pa.binary(16)),  # digest of everything in the sample but its settings
        ("component", pa.string()),
        ("language", pa.string()),
        ("source", pa.string()),
        ("has_headers", pa.bool_()),  # each file opens with a comment that holds its path
        ("rows", pa.list_(pa.int64())),  # of its documents in the shard, in their order
    ]
)


class Select(Stage, frozen=True, kw_only=True):
    """Joins the rules' verdict with the fate of duplicates."""

    name: ClassVar[str] = "select"
    version: ClassVar[int] = 1

    def run(self, inputs: Inputs, output: Output) -> None:
        """Write VERDICT, row for row."""
        decided = inputs.table("decide", ["doc_id", "dropped_by"])
        items = inputs.table("items", ["item_id", "row"])
        dropped = pc.is_valid(decided["dropped_by"])  # by a rule; a page that is no item has its id
        item_of: list[bytes | None] = pc.if_else(dropped, None, decided["doc_id"]).to_pylist()
        for item, row in zip(items["item_id"].to_pylist(), items["row"].to_pylist(), strict=True):
            item_of[row] = item
        fates = {}
        for file in inputs.all("fates"):
            fates.update({fate["item_id"]: fate for fate in file.read().to_pylist()})
        found = [fates.get(item) if item is not None else None for item in item_of]
        column = {
            name: pa.array([fate and fate[name] for fate in found], VERDICT.field(name).type)
            for name in ("cluster", "keeper", "similarity")
        }
        reason = pa.array([fate and fate["reason"] for fate in found], pa.string())
        dropped_by = pc.coalesce(decided["dropped_by"], reason)
        output.write(
            pa.table(
                {
                    "doc_id": decided["doc_id"],
                    "dropped_by": dropped_by,
                    "item_id": pa.array(item_of, pa.binary(16)),
                    **column,
                },
                schema=VERDICT,
            )
        )


class Assemble(Stage, frozen=True, kw_only=True):
    """Lists the training documents of a shard: pages and documents alone, files by repository."""

    name: ClassVar[str] = "assemble"
    version: ClassVar[int] = 1

    order: OrderSettings
    seed: int

    def run(self, inputs: Inputs, output: Output) -> None:
        """Write SAMPLE, sorted by component, language and sample id."""
        table = inputs.table(
            "read", ["doc_id", "component", "source", "collection", "path", "kind", "num_bytes"]
        )
        table = table.append_column("language", inputs.table("language", ["language"])["language"])
        if inputs.all("imports"):
            table = table.append_column("imports", inputs.table("imports", ["imports"])["imports"])
        dropped = inputs.table("select", ["dropped_by"])["dropped_by"]
        if inputs.all("trim"):
            trim = inputs.table("trim", ["dropped_by", "cut_spans"])
            dropped = pc.coalesce(dropped, trim["dropped_by"])
            table = table.append_column("cut_spans", trim["cut_spans"])
        if inputs.all("hold_out"):
            held_out = inputs.table("hold_out", ["dropped_by"])["dropped_by"]
            dropped = pc.coalesce(dropped, held_out)
        if inputs.all("redact"):
            redactions = inputs.table("redact", [REDACTIONS])[REDACTIONS]
            table = table.append_column(REDACTIONS, redactions)
        kept = np.flatnonzero(self._is_wanted(dropped).to_numpy())
        rows = table.take(pa.array(kept)).to_pylist()
        context = _context(table) if self.order.method == "dependency" else {}
        samples = [*self._alone(rows, kept), *self._repositories(rows, kept, context)]
        samples.sort(key=lambda row: (row["component"], row["language"], row["sample_id"]))
        output.write(pa.Table.from_pylist(samples, schema=SAMPLE))

    def _is_wanted(self, dropped_by: pa.ChunkedArray) -> pa.ChunkedArray:
        return pc.is_null(dropped_by)

    def _alone(self, rows: list[Row], kept: np.ndarray) -> Iterator[Row]:
        for row, index in zip(rows, kept, strict=True):
            if row["kind"] != "file":
                yield _sample(row["doc_id"], [row], [int(index)])

    def _repositories(
        self, rows: list[Row], kept: np.ndarray, context: Mapping[str, list[OrderFile]]
    ) -> Iterator[Row]:
        groups: dict[tuple[str, str, str], list[int]] = {}
        for position, row in enumerate(rows):
            if row["kind"] == "file":
                name = (row["source"], row["collection"], row["language"] or "")
                groups.setdefault(name, []).append(position)
        for (source, collection, language), members in groups.items():
            members.sort(key=lambda position: (rows[position]["path"], rows[position]["doc_id"]))
            files = [_order_file(rows[position]) for position in members]
            ordered = order_files(
                files,
                method=self.order.method,
                seed=self.seed,
                context=context.get(collection, ()),
            )
            sizes = [file.num_bytes for file in files]
            parts = split_groups(ordered, sizes, max_bytes=self.order.max_sample_bytes)
            for part, chosen in enumerate(parts):
                identity = sample_id(
                    source=source, collection=collection, language=language, part=part
                )
                positions = [members[i] for i in chosen]
                yield _sample(
                    identity, [rows[p] for p in positions], [int(kept[p]) for p in positions]
                )


def _sample(identity: bytes, rows: list[Row], indices: list[int]) -> Row:
    first = rows[0]
    component, language = first["component"], first["language"] or UNDETERMINED
    content = [identity, component, language, *(row["doc_id"] for row in rows)]
    if any(row.get("cut_spans") for row in rows):
        content += (str(row["cut_spans"]) for row in rows)
    if any(row.get(REDACTIONS) for row in rows):
        content += (str(row[REDACTIONS]) for row in rows)
    return {
        "sample_id": identity,
        "sample_key": digest_parts("sample-key", content),
        "component": component,
        "language": language,
        "source": first["source"],
        "has_headers": first["kind"] == "file",
        "rows": indices,
    }


def _context(table: pa.Table) -> dict[str, list[OrderFile]]:
    """Return the files that tell where modules begin, by repository; dropped ones tell it too."""
    is_context = pc.match_substring_regex(table["path"], rf"(^|/)({'|'.join(CONTEXT_FILES)})$")
    found: dict[str, list[OrderFile]] = {}
    for row in table.filter(pc.and_(is_context, pc.equal(table["kind"], "file"))).to_pylist():
        found.setdefault(row["collection"], []).append(_order_file(row))
    return found


def _order_file(row: Row) -> OrderFile:
    return OrderFile(
        doc_id=row["doc_id"],
        path=row["path"],
        language=row["language"] or "",
        imports=tuple(row.get("imports") or ()),
        num_bytes=row["num_bytes"],
    )
