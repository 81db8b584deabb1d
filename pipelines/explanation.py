"""What is told about one document: its ledger row, every rule's verdict, and its relatives."""

import msgspec

from ..filters.rule import Rule
from .decontamination import BenchmarkHit


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """Where a document came from; the id and the digest of its bytes are hex."""

    doc_id: str
    source: str
    kind: str
    collection: str
    path: str
    revision: str
    origin_file: str
    origin_offset: int | None
    bytes_digest: str | None
    licence: str | None
    language: str | None

    @property
    def place(self) -> str:
        """Return repository@commit:path of a file, else the URL or locator, its file and offset."""
        if self.kind == "file":
            return f"{self.collection}@{self.revision or 'unversioned'}:{self.path}"
        record = f" {self.revision}" if self.revision else ""
        unit = "byte" if self.kind == "page" else "row"
        offset = "" if self.origin_offset is None else f" at {unit} {self.origin_offset:,}"
        return f"{self.path} ({self.origin_file}{offset}{record})"


class LedgerRow(Origin, frozen=True, kw_only=True):
    """The columns of the ledger that every build has; ids are hex, times Unix seconds."""

    component: str
    content_id: str | None
    num_bytes: int
    encoding: str | None
    repository_created: int | None
    stars: int | None
    declared_licence: str | None
    licence_files: list[str] | None
    language_hint: str | None
    read_drop: str | None
    read_error: str | None
    language_evidence: str | None
    language_confidence: float | None
    rule_hits: list[str] | None
    dropped_by: str | None
    item_id: str | None
    cluster: str | None
    keeper: str | None
    similarity: float | None
    sample_id: str | None
    tokens: int | None
    shard: str | None


class Reference(msgspec.Struct, frozen=True, kw_only=True):
    """Another document, by its names and its fate."""

    doc_id: str
    source: str
    collection: str
    path: str
    revision: str
    dropped_by: str | None
    similarity: float | None

    def reference(self) -> "Reference":
        """Return these fields alone, without those of a subclass."""
        names = Reference.__struct_fields__
        return Reference(**{name: getattr(self, name) for name in names})


class Related(msgspec.Struct, frozen=True, kw_only=True):
    """Documents that share something with one: how many there are, and the first of them."""

    number: int
    documents: tuple[Reference, ...]


class RuleVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """One rule as it stands for the document's language, and what it made of the signal's value."""

    rule: Rule
    value: object
    applies: bool  # to a document of this language, component and kind
    fires: bool
    is_first: bool


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """One document explained; `keeper` is what stands for it if it is a duplicate."""

    row: LedgerRow
    signals: dict[str, object]
    rules: tuple[RuleVerdict, ...]
    benchmark_hits: tuple[BenchmarkHit, ...]  # those of most words first
    keeper: Related
    cluster_members: Related
    copies: Related


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a name stands for; of very many matches the first are explained."""

    query: str
    num_matches: int
    documents: tuple[Document, ...]
