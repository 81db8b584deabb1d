"""Ledger: one row per document ever seen, with everything that was measured and decided."""

from collections.abc import Iterator
from typing import ClassVar

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from ...corpus.record import Component
from ...corpus.shards import bucket_of, shard_path
from ...filters.page_signals import PAGE_SIGNALS
from ...filters.syntax import SYNTAX_SIGNALS
from ..decontamination import HITS_COLUMN
from ..output import Output
from ..stage import Inputs, Stage
from .compose import Row
from .decide import METADATA
from .tokens import bucket_range

FEATURES = ("language", "measure", "sign", "decide")
HIDDEN = frozenset({"doc_id", "signature", "dropped_by"})  # written once, or too big to read


class LanguageShards(msgspec.Struct, frozen=True, kw_only=True):
    """The token shards of one language of one component."""

    component: Component
    language: str
    prefixes: tuple[str, ...]
    names: tuple[str, ...]  # of the files, in the order of the prefixes

    def shard_of(self, bucket: int, bits: int) -> str:
        """Return the path, below tokens/, of the shard that holds a bucket."""
        for prefix, name in zip(self.prefixes, self.names, strict=True):
            first, last = bucket_range(prefix, bits)
            if first <= bucket < last:
                return shard_path(self.component, self.language, name)
        raise AssertionError((self.language, bucket))


class Ledger(Stage, frozen=True, kw_only=True):
    """Joins the columns of every stage for one shard, and says where each document's tokens lie."""

    name: ClassVar[str] = "ledger"
    version: ClassVar[int] = 4

    layout: tuple[LanguageShards, ...]  # of the languages in this shard
    bucket_bits: int

    def run(self, inputs: Inputs, output: Output) -> None:
        """Write the ledger rows, in the order of the shard."""
        table = inputs.table("read", [*METADATA, "read_error"])
        for role in FEATURES:
            features = inputs.table(role)
            for name in features.column_names:
                if name not in HIDDEN:
                    table = table.append_column(name, features[name])
        table = table.append_column("import_evidence", _import_evidence(inputs, table.num_rows))
        for role, names in (("syntax", SYNTAX_SIGNALS.names), ("page_signals", PAGE_SIGNALS.names)):
            signals = inputs.table(role, names) if inputs.all(role) else pa.table({})
            for name in signals.column_names:
                table = table.append_column(name, signals[name])
        if inputs.all("decontaminate"):
            hits = inputs.table("decontaminate", [HITS_COLUMN])[HITS_COLUMN]
            table = table.append_column(HITS_COLUMN, hits)
        verdict = inputs.table("select")
        for trim in (file.read() for file in inputs.all("trim")):
            verdict = _dropped_later(verdict, trim)
            for name in ("cut_chars", "cut_spans"):
                verdict = verdict.append_column(name, trim[name])
        for held_out in (file.read() for file in inputs.all("hold_out")):
            verdict = _dropped_later(verdict, held_out)
        for redactions in (file.read() for file in inputs.all("redact")):
            for name in redactions.column_names:
                if name != "doc_id":
                    verdict = verdict.append_column(name, redactions[name])
        for name in verdict.column_names:
            if name != "doc_id":
                table = table.append_column(name, verdict[name])
        placed = {row["doc_id"]: row for row in self._placements(inputs)}
        ids = table["doc_id"].to_pylist()
        for name, kind in (
            ("sample_id", pa.binary(16)),
            ("tokens", pa.int64()),
            ("shard", pa.string()),
        ):
            values = [placed[i][name] if i in placed else None for i in ids]
            table = table.append_column(name, pa.array(values, kind))
        output.write(table)

    def _placements(self, inputs: Inputs) -> Iterator[Row]:
        """Yield, for each document in a token shard: its sample, shard and number of tokens."""
        layout = {(entry.component, entry.language): entry for entry in self.layout}
        columns = ["doc_id", "num_tokens", "language", "component", "shuffle_key", "files"]
        for row in inputs.table("tokenize", columns).to_pylist():
            entry = layout[row["component"], row["language"]]
            shard = entry.shard_of(
                bucket_of(row["shuffle_key"], self.bucket_bits), self.bucket_bits
            )
            tokens: dict[bytes, int] = {}
            files = row["files"] or [{"doc_id": row["doc_id"], "offset": 0}]
            ends = [file["offset"] for file in files[1:]] + [row["num_tokens"]]
            for file, end in zip(files, ends, strict=True):
                tokens[file["doc_id"]] = tokens.get(file["doc_id"], 0) + end - file["offset"]
            for document, count in tokens.items():
                yield {
                    "doc_id": document,
                    "sample_id": row["doc_id"],
                    "tokens": count,
                    "shard": shard,
                }


def _dropped_later(verdict: pa.Table, later: pa.Table) -> pa.Table:
    """Return a verdict with the reasons of a later stage where there was none."""
    dropped_by = pc.coalesce(verdict["dropped_by"], later["dropped_by"])
    column = verdict.schema.get_field_index("dropped_by")
    return verdict.set_column(column, "dropped_by", dropped_by)


def _import_evidence(inputs: Inputs, num_rows: int) -> pa.ChunkedArray | pa.Array:
    """Return what found each file's imports; all null where no order asked for them."""
    if not inputs.all("imports"):
        return pa.nulls(num_rows, pa.string())
    return inputs.table("imports", ["import_evidence"])["import_evidence"]
