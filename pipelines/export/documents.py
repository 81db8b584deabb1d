"""The documents of a build with their texts and where they come from: what was kept of a shard.

The ledger's rows stand in the order of the texts, so both files are read side by side; the texts
come from the work folder, one row group at a time.
"""

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc

from ...corpus.errors import GristmillError
from ...corpus.storage import exists, join
from ...filters.redaction.redact import redact
from ..artifact import artifact_url
from ..published import BuildRecord
from ..stages.redaction import as_findings
from .settings import ExportSettings
from .source import open_source
from .split import Split

DOCUMENT = pa.schema(
    [
        ("id", pa.string()),
        ("component", pa.string()),
        ("language", pa.string()),
        ("source", pa.string()),
        ("kind", pa.string()),
        ("collection", pa.string()),  # repository, host, or data set
        ("path", pa.string()),
        ("revision", pa.string()),  # commit or WARC-Record-ID
        ("licence", pa.string()),
        ("num_tokens", pa.int64()),
        ("text", pa.large_string()),
    ]
)
CHANGES = ("cut_spans", "redactions")  # of a text before tokens are made, if the recipe asks
_LEDGER = (
    *("doc_id", "component", "language", "source", "kind", "collection", "path", "revision"),
    *("licence", "tokens", "dropped_by", "sample_id"),
)


def ledger_path(shard: str) -> str:
    """Return where the ledger of a shard lies below the build directory."""
    return f"ledger/{shard}.parquet"


def text_url(out: str, record: BuildRecord, shard: str) -> str:
    """Return where the texts of a shard lie."""
    return artifact_url(join(out, "work", "read", shard), record.artifacts["read"][shard])


def language_names(table: pa.Table) -> pa.ChunkedArray:
    """Return the languages of ledger rows as token shards call them: `und` where none is known."""
    return pc.fill_null(table["language"].cast(pa.string()), "und")


def is_wanted(table: pa.Table, settings: ExportSettings) -> pa.ChunkedArray:
    """Return which ledger rows were kept and are of the languages asked for."""
    kept = pc.is_null(table["dropped_by"])
    if settings.languages:
        named = pc.is_in(language_names(table), value_set=pa.array(settings.languages, pa.string()))
        kept = pc.and_(kept, named)
    return kept


def document_tables(
    out: str, shard: str, *, texts: str, settings: ExportSettings, split: Split, seed: int
) -> Iterator[pa.Table]:
    """Yield the kept documents of a shard, one row group of texts at a time."""
    if not exists(texts):
        raise GristmillError(
            "the texts of this shard are gone from the work folder",
            where=texts,
            todo="Build again, or export --content samples, which needs the tokens alone.",
        )
    with open_source(join(out, ledger_path(shard))) as file:
        cuts = [name for name in CHANGES if name in file.schema_arrow.names]
        ledger = file.read(columns=[*_LEDGER, *cuts])
    start = 0
    with open_source(texts) as file:
        for group in range(file.num_row_groups):
            rows = ledger.slice(start, file.metadata.row_group(group).num_rows)
            start += rows.num_rows
            if not pc.any(is_wanted(rows, settings)).as_py():
                continue
            read = file.read_row_group(group, columns=["doc_id", "text"])
            if not rows["doc_id"].equals(read["doc_id"]):
                raise _not_of_one_build(shard)
            rows = rows.append_column("text", read["text"]).filter(is_wanted(rows, settings))
            yield _documents(split.rows(rows, ids="sample_id", seed=seed))
    if start != ledger.num_rows:
        raise _not_of_one_build(shard)


def _documents(rows: pa.Table) -> pa.Table:
    names = DOCUMENT.names[1:-2]
    columns = {name: rows[name].cast(pa.string()) for name in names}
    texts = rows["text"].cast(pa.large_string())
    changes = [rows[name].to_pylist() if name in rows.column_names else None for name in CHANGES]
    if any(changes):
        nothing = [None] * rows.num_rows
        found = zip(texts.to_pylist(), *(one or nothing for one in changes), strict=True)
        changed = [redact(text, as_findings(each), cuts or ()) for text, cuts, each in found]
        texts = pa.array(changed, pa.large_string())
    ids = pa.array([name.hex() for name in rows["doc_id"].to_pylist()], pa.string())
    return pa.table(
        {"id": ids, **columns, "num_tokens": rows["tokens"], "text": texts}, schema=DOCUMENT
    )


def _not_of_one_build(shard: str) -> GristmillError:
    return GristmillError(
        "the ledger and the texts are of different builds",
        where=ledger_path(shard),
        todo="Build again with --verify.",
    )
