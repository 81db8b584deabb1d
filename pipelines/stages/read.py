"""Read: units of input in, one row per document ever seen out; the only stage that writes text.

Of a source that keeps recalled pages alone, the other pages are rows without a text.
"""

from collections.abc import Iterator
from typing import Any, ClassVar

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from ...corpus.ids import content_id, digest_parts, doc_id
from ...corpus.record import FELL_BACK, READ, Record
from ...corpus.sources import read_unit
from ...corpus.sources.unit import ReadLimits, ReadOptions, Unit
from ...filters.datatrove.rewrite import rewritten
from ...filters.datatrove.settings import DatatroveStep, step_assets
from ...filters.datatrove.steps import LoadedStep
from ..output import Output
from ..removals import Removals
from ..stage import Inputs, Stage, value_counts
from .recalled import RecalledPages

BATCH_TEXT_BYTES = 8 << 20
BATCH_ROWS = 16384


class Read(Stage, frozen=True, kw_only=True):
    """Reads the units of one shard; all files of a repository are rows of the same shard."""

    name: ClassVar[str] = "read"
    version: ClassVar[int] = 3
    reads_text: ClassVar[bool] = True

    source: str
    component: str
    kind: str
    units: tuple[Unit, ...]
    limits: ReadLimits
    options: ReadOptions
    removed: Removals = Removals()  # lines of the take-down list that concern this shard
    rewrite: tuple[DatatroveStep, ...] = ()  # of datatrove, run on every text

    def key_settings(self) -> dict[str, object]:
        """Return what decides the rows; where the units lie does not."""
        settings: dict[str, Any] = super().key_settings()
        settings["units"] = [_identity(unit) for unit in self.units]
        if self.kind != "repository":
            del settings["limits"]["notebooks"]
        if self.options.extract == "cheap":  # as before there was a choice
            del settings["options"]["extract"]
        for name in ("date_field", "licence_field"):
            if not settings["options"][name]:  # as before there were any
                del settings["options"][name]
        settings["rewrite"] = [step.key_settings() for step in self.rewrite]
        if not self.rewrite:
            del settings["rewrite"]
        return settings

    def assets(self) -> dict[str, str]:
        """Return the versions of what rewrites texts, if anything does."""
        return step_assets(self.rewrite)

    def run(self, inputs: Inputs, output: Output) -> None:
        """Write the rows of every unit, in the order of the units' names."""
        columns, seen = _Batch(), _Identities(self.source)
        recalled = RecalledPages.of(inputs)
        kind = {"repository": "file", "warc": "page", "documents": "document"}[self.kind]
        for record in self._records(recalled):
            identity = seen.identify(record, is_file=kind == "file")
            if self.removed.matches(record):  # its doc_id stays that of the text it had
                record, identity = _without_text(record), (identity[0], None)
            columns.add(
                record,
                identity=identity,
                source=self.source,
                component=self.component,
                kind=kind,
            )
            if columns.text_bytes >= BATCH_TEXT_BYTES or len(columns.rows) >= BATCH_ROWS:
                _write(columns, output)
                columns = _Batch()
        _write(columns, output)
        output.count("read", {"units": len(self.units)})

    def _records(self, recalled: RecalledPages | None) -> Iterator[Record]:
        steps = [LoadedStep(step) for step in self.rewrite]
        records = self._read(recalled)
        return rewritten(records, steps) if steps else records

    def _read(self, recalled: RecalledPages | None) -> Iterator[Record]:
        for unit in sorted(self.units, key=lambda unit: unit.name):
            if recalled is None:
                yield from read_unit(unit, self.limits, options=self.options)
                continue
            wanted = recalled.of_file(unit.relative)
            found = read_unit(unit, self.limits, options=self.options, wanted=wanted)
            yield from recalled.checked(found, unit)


def _write(columns: "_Batch", output: Output) -> None:
    """Write rows, and count by what the texts of pages were made and why not by the fine tier."""
    table = columns.table()
    output.write(table)
    output.count("extracted", value_counts(table["extracted_by"]))
    reasons = table["extract_reason"]
    reasons = reasons.filter(pc.fill_null(pc.starts_with(reasons, FELL_BACK), fill_value=False))
    # What stands before the colon is the class; behind it are a page's own numbers.
    output.count("fell_back", value_counts(pc.replace_substring_regex(reasons, ":.*", "")))


def _identity(unit: Unit) -> dict[str, object]:
    """Return what a unit is, without where it lies on this machine."""
    settings: dict[str, object] = msgspec.to_builtins(unit)
    del settings["url"], settings["size_bytes"]
    return settings


class _Batch:
    """Rows that become one row group."""

    def __init__(self) -> None:
        self.rows: list[dict[str, object]] = []
        self.text_bytes = 0

    def add(
        self,
        record: Record,
        *,
        identity: tuple[bytes, bytes | None],
        source: str,
        component: str,
        kind: str,
    ) -> None:
        self.text_bytes += len(record.text) if record.text is not None else 0
        self.rows.append(
            {
                "doc_id": identity[0],
                "content_id": identity[1],
                "source": source,
                "component": component,
                "kind": kind,
                **{name: getattr(record, name) for name in Record.__struct_fields__},
            }
        )

    def table(self) -> pa.Table:
        return pa.Table.from_pylist(self.rows, schema=READ)


class _Identities:
    """Gives each record of a shard its own doc_id, also to one that occurs twice in its input."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._seen: dict[bytes, int] = {}

    def identify(self, record: Record, *, is_file: bool) -> tuple[bytes, bytes | None]:
        content = None if record.text is None else content_id(record.text)
        revision = record.revision if is_file else f"{record.revision}\n{record.origin_file}"
        identity = doc_id(
            source=self._source,
            collection=record.collection,
            path=record.path,
            revision=revision,
            content=content or digest_parts("unread", (record.read_drop or "",)),
        )
        again = self._seen.get(identity, 0)
        self._seen[identity] = again + 1
        if again:
            identity = digest_parts("again", (identity, str(again)))
        return identity, content


def _without_text(record: Record) -> Record:
    return Record(
        collection=record.collection,
        path=record.path,
        revision=record.revision,
        origin_file=record.origin_file,
        origin_offset=record.origin_offset,
        num_bytes=record.num_bytes,
        read_drop="removed",
        read_error="taken down",
    )
