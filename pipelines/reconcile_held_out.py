"""Reconciliation of what is held out: its shards, held_out.json, build.json and the ledger."""

from collections.abc import Iterator

import msgspec

from ..corpus.errors import GristmillError
from ..corpus.held_out import MANIFEST, read_manifest
from ..corpus.storage import exists, join
from ..corpus.tokenizer_info import Sentinels
from .reconcile_queries import FOOTERS, FooterRows
from .stages.held_out import HELD_OUT
from .tables import BuildTables


class _Shard(msgspec.Struct, frozen=True, kw_only=True):
    shard: str
    rows: int
    tokens: int
    text_bytes: int
    without_eos: int


class _Stray(msgspec.Struct, frozen=True, kw_only=True):
    documents: int
    example: str | None


_SHARDS = """
    SELECT shard, count(*) AS rows, sum(len(tokens))::BIGINT AS tokens,
        sum(num_bytes)::BIGINT AS text_bytes, count_if(tokens[-1] IS DISTINCT FROM ?) AS without_eos
    FROM held_out_rows GROUP BY shard ORDER BY shard
"""

_DOCUMENTS = """
    CREATE TEMP TABLE held_out_documents AS
    SELECT DISTINCT unnest(
        CASE WHEN len(files) = 0 THEN [doc_id] ELSE list_transform(files, lambda f: f.doc_id) END
    ) AS doc_id
    FROM held_out_rows
"""

_NOT_TOLD = """
    SELECT count(*) AS documents, min(lower(hex(h.doc_id))) AS example
    FROM held_out_documents AS h
    LEFT JOIN ledger AS l ON l.doc_id = h.doc_id AND l.dropped_by = ?
    WHERE l.doc_id IS NULL
"""

_NOT_HELD = """
    SELECT count(*) AS documents, min(lower(hex(l.doc_id))) AS example
    FROM ledger AS l ANTI JOIN held_out_documents AS h ON h.doc_id = l.doc_id
    WHERE l.dropped_by = ?
"""


def held_out_differences(tables: BuildTables, *, check: bool) -> Iterator[str]:
    """Yield what is wrong with the held-out documents of a build whose ledger has been added.

    Args:
        check: read every row of their shards; else their footers alone.
    """
    readable = tables.add_held_out_rows()
    yield from _manifest_differences(tables)
    if not readable:
        return
    if check:
        yield from _row_differences(tables)
        tables.run(_DOCUMENTS)
        yield from _strays(tables, _NOT_TOLD, "held_out/ has {n} that the ledger does not call so")
        yield from _strays(tables, _NOT_HELD, "held_out/ lacks {n} that the ledger says it holds")
        return
    names = {tables.file_name(path): path for path in readable}
    for footer in tables.fetch(FooterRows, FOOTERS, (list(names),)):
        yield from _counted(tables, names[footer.file], footer.rows, footer.tokens)


def _manifest_differences(tables: BuildTables) -> Iterator[str]:
    record = tables.record
    if not record.held_out and not exists(join(tables.out, MANIFEST)):
        return
    try:
        manifest = read_manifest(tables.out)
    except GristmillError as error:
        yield f"{MANIFEST}: {error.what}"
        return
    named = {shard.path: (shard.digest, shard.num_bytes) for shard in manifest.shards}
    built = {path: (shard.digest, shard.text_bytes) for path, shard in record.held_out.items()}
    for path in sorted(named.keys() | built.keys()):
        if named.get(path) != built.get(path):
            yield f"{path} is another one in {MANIFEST} than in build.json"


def _row_differences(tables: BuildTables) -> Iterator[str]:
    eos = _eos(tables)
    for found in tables.fetch(_Shard, _SHARDS, (eos,)):
        path = f"held_out/{found.shard}"
        yield from _counted(tables, path, found.rows, found.tokens)
        told = tables.record.held_out[path].text_bytes
        if found.text_bytes != told:
            yield f"{path} holds {found.text_bytes:,} bytes of text, build.json says {told:,}"
        if found.without_eos:
            yield f"{path}: {found.without_eos:,} rows do not end with EOS"


def _eos(tables: BuildTables) -> int:
    """Return the id that rows end with; of a manifest that is wrong, another check speaks."""
    try:
        return read_manifest(tables.out).sentinels.eos
    except GristmillError:
        return Sentinels().eos


def _counted(tables: BuildTables, path: str, rows: int, tokens: int) -> Iterator[str]:
    named = tables.record.held_out[path]
    if (rows, tokens) != (named.rows, named.tokens):
        yield (
            f"{path} holds {rows:,} rows and {tokens:,} tokens, "
            f"build.json says {named.rows:,} and {named.tokens:,}"
        )


def _strays(tables: BuildTables, query: str, sentence: str) -> Iterator[str]:
    (found,) = tables.fetch(_Stray, query, (HELD_OUT,))
    if found.documents:
        number = "1 document" if found.documents == 1 else f"{found.documents:,} documents"
        yield f"{sentence.format(n=number)} (such as {found.example})"
