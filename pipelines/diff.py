"""Diff: what each language gained and lost from one build to another, and by which reason.

Documents are paired by id. Ledger files that are the same in both builds are not read, so the
comparison of a corpus with its rebuild costs what has changed.
"""

from collections.abc import Sequence

import msgspec
from rich.box import SIMPLE_HEAD
from rich.table import Table

from ..corpus.storage import join
from .printable import printable, render
from .published import BuildRecord
from .sql import MEMORY_MB
from .tables import BuildTables, open_tables

MAX_ROWS = 40  # of a table for people; the rest becomes one line


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """Documents and tokens that a language gained or lost for one reason; losses are negative."""

    component: str
    language: str
    reason: str
    documents: int
    tokens: int


class LanguageDiff(msgspec.Struct, frozen=True, kw_only=True):
    """What a language has after the change, and by how much that is more than before."""

    component: str
    language: str
    documents: int
    tokens: int


class Diff(msgspec.Struct, frozen=True, kw_only=True):
    """Changes, the largest languages first; those of a language add up to its difference."""

    before: str
    after: str
    languages: tuple[LanguageDiff, ...]  # only those that changed
    changes: tuple[Change, ...]


# Of a document that is kept in both builds, only other tokens are a change; one whose language is
# another leaves the first and comes to the second.
_MOVES = """
    CREATE TEMP TABLE moves AS
    WITH paired AS (
        SELECT b.doc_id IS NOT NULL AS was_seen, a.doc_id IS NOT NULL AS is_seen,
            b.component AS b_component, coalesce(b.language, 'und') AS b_language,
            a.component AS a_component, coalesce(a.language, 'und') AS a_language,
            b.dropped_by AS b_drop, a.dropped_by AS a_drop, b.tokens AS b_tokens,
            a.tokens AS a_tokens, was_seen AND b_drop IS NULL AS was_kept,
            is_seen AND a_drop IS NULL AS is_kept,
            was_kept AND is_kept AND (a_component, a_language) = (b_component, b_language) AS stays
        FROM earlier AS b FULL JOIN ledger AS a ON a.doc_id = b.doc_id
    )
    SELECT b_component AS component, b_language AS language,
        CASE
            WHEN NOT is_seen THEN 'no longer read'
            WHEN is_kept THEN 'now ' || a_component || '/' || a_language
            ELSE 'dropped by ' || a_drop
        END AS reason, -count(*) AS documents, -coalesce(sum(b_tokens), 0)::BIGINT AS tokens
    FROM paired WHERE was_kept AND NOT stays GROUP BY ALL
    UNION ALL
    SELECT a_component, a_language,
        CASE
            WHEN NOT was_seen THEN 'newly read'
            WHEN was_kept THEN 'was ' || b_component || '/' || b_language
            ELSE 'no longer dropped by ' || b_drop
        END AS reason, count(*), coalesce(sum(a_tokens), 0)::BIGINT
    FROM paired WHERE is_kept AND NOT stays GROUP BY ALL
    UNION ALL
    SELECT a_component, a_language, 'other tokens of the same documents', 0,
        sum(a_tokens - b_tokens)::BIGINT
    FROM paired WHERE stays AND a_tokens <> b_tokens GROUP BY ALL
"""

_LANGUAGES = """
    SELECT component, language, sum(documents)::BIGINT AS documents, sum(tokens)::BIGINT AS tokens
    FROM moves GROUP BY ALL ORDER BY abs(sum(tokens)) DESC, component, language
"""

_CHANGES = """
    SELECT component, language, reason, documents, tokens
    FROM moves JOIN (
        SELECT component, language, abs(sum(tokens)) AS size FROM moves GROUP BY ALL
    ) USING (component, language)
    ORDER BY size DESC, component, language, abs(tokens) DESC, reason
"""


def diff(before: str, after: str, *, memory_mb: int = MEMORY_MB) -> Diff:
    """Compare two builds document by document.

    Args:
        before: a build directory.
        after: another one.
        memory_mb: what the queries may hold in memory, in MiB; more goes to a temporary folder.

    Raises:
        GristmillError: one of them holds no build.
    """
    with open_tables(before) as tables:
        earlier = tables.record
    with open_tables(after, memory_mb=memory_mb) as tables:
        _add_changed(tables, before, earlier)
        tables.run(_MOVES)
        return Diff(
            before=earlier.name,
            after=tables.record.name,
            languages=tuple(tables.fetch(LanguageDiff, _LANGUAGES)),
            changes=tuple(tables.fetch(Change, _CHANGES)),
        )


def _add_changed(tables: BuildTables, before: str, earlier: BuildRecord) -> None:
    """Make the tables `earlier` and `ledger` of the files that are not in both builds."""
    ours, theirs = tables.record.ledger, earlier.ledger
    same = {file.digest for file in ours.values()} & {file.digest for file in theirs.values()}
    for name, out, files in (("ledger", tables.out, ours), ("earlier", before, theirs)):
        paths = [join(out, path) for path, file in files.items() if file.digest not in same]
        tables.add_view(name, sorted(paths) or [join(out, min(files))], is_empty=not paths)


def diff_text(found: Diff) -> str:
    """Return a diff as people read it: a row a language, and below it one a reason."""
    if not found.changes:
        return "No language gained or lost a document or a token."
    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column("language", overflow="fold")
    for name in ("documents", "tokens"):
        table.add_column(name, justify="right", no_wrap=True)
    for language in found.languages[:MAX_ROWS]:
        name = f"{language.component}/{language.language}"
        table.add_row(printable(name), *_cells(language.documents, language.tokens))
        for change in _of(found, language):
            table.add_row(f"  {printable(change.reason)}", *_cells(change.documents, change.tokens))
    rest = found.languages[MAX_ROWS:]
    if rest:
        name = f"and {len(rest):,} more (--json has all)"
        table.add_row(name, *_cells(sum(r.documents for r in rest), sum(r.tokens for r in rest)))
    table.add_section()
    every = found.languages
    table.add_row("total", *_cells(sum(e.documents for e in every), sum(e.tokens for e in every)))
    return render(table)


def _of(found: Diff, language: LanguageDiff) -> Sequence[Change]:
    name = (language.component, language.language)
    return [change for change in found.changes if (change.component, change.language) == name]


def _cells(documents: int, tokens: int) -> tuple[str, str]:
    return f"{documents:+,}", f"{tokens:+,}"
