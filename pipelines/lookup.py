"""Why: everything the ledger knows of one document, kept or dropped.

A document is named by its id (or a prefix of it), as collection:path, or by its URL. One name may
stand for several documents: versions of a file, or all copies of one content.
"""

import difflib
import re
from collections.abc import Sequence
from urllib.parse import urlsplit

import msgspec

from ..corpus.errors import GristmillError
from ..filters.rule import Rule
from .decontamination import HITS_COLUMN, BenchmarkHit
from .explanation import Document, Explanation, LedgerRow, Reference, Related, RuleVerdict
from .funnel import recipe_rules
from .tables import BuildTables, open_tables
from .trace import trace
from .trace_text import Trace, format_trace
from .why_text import format_why

__all__ = ["Explanation", "Trace", "format_trace", "format_why", "trace", "why"]

MAX_MATCHES = 50
MAX_RELATED = 20
MIN_PREFIX = 6  # hex digits
MAX_CANDIDATES = 1000  # names compared when nothing matches

_HEX = re.compile(rf"[0-9a-fA-F]{{{MIN_PREFIX},32}}")


def why(out: str, doc: str) -> Explanation:
    """Return what the ledger knows of every document that a name stands for.

    Args:
        out: the build directory.
        doc: a hex id or at least 6 digits of it, collection:path, or a URL. A content id or a
            sample id names all documents that have it, and a notebook's path those made of it.

    Raises:
        GristmillError: nothing has this name; the nearest names are in the message.
    """
    with open_tables(out) as tables:
        tables.add_ledger()
        forms = ("id", "group", "name") if _HEX.fullmatch(doc) else ("name",)
        for form in forms:
            name = doc.lower() if form != "name" else doc
            (matches,) = tables.fetch(_Count, _COUNT, (form, name))
            if matches.number:
                return _explain(tables, doc, form, name, matches.number)
        raise _not_found(tables, doc)


class _Count(msgspec.Struct, frozen=True, kw_only=True):
    number: int


class _Name(msgspec.Struct, frozen=True, kw_only=True):
    name: str


class _RelatedRow(Reference, frozen=True, kw_only=True):
    key: str
    number: int


_MATCHES = """
    CASE $1
        WHEN 'id' THEN starts_with(lower(hex(doc_id)), $2)
        WHEN 'group' THEN starts_with(lower(hex(content_id)), $2)
            OR starts_with(lower(hex(sample_id)), $2)
        ELSE path = $2 OR concat(collection, ':', path) = $2
            OR (lower($2) LIKE '%.ipynb' AND (
                starts_with(path, concat($2, '#'))
                OR starts_with(concat(collection, ':', path), concat($2, '#'))
            ))
    END
"""

_COUNT = f"SELECT count(*) AS number FROM ledger WHERE {_MATCHES}"  # noqa: S608  a constant

_ROWS = f"""
    SELECT * EXCLUDE (filename) REPLACE (
        lower(hex(doc_id)) AS doc_id, lower(hex(content_id)) AS content_id,
        lower(hex(bytes_digest)) AS bytes_digest,
        lower(hex(item_id)) AS item_id, lower(hex("cluster")) AS "cluster",
        lower(hex(keeper)) AS keeper, lower(hex(sample_id)) AS sample_id,
        epoch(repository_created)::BIGINT AS repository_created
    )
    FROM ledger WHERE {_MATCHES}
    ORDER BY source, collection, path, revision, doc_id LIMIT {MAX_MATCHES}
"""  # noqa: S608  constants

_RELATED = f"""
    SELECT lower(hex(key)) AS key, lower(hex(doc_id)) AS doc_id, source, collection, path, revision,
        dropped_by, similarity, count(*) OVER (PARTITION BY key) AS number
    FROM (
        SELECT *, CASE ?
            WHEN 'item' THEN item_id WHEN 'cluster' THEN "cluster" ELSE content_id END AS key
        FROM ledger
    )
    WHERE key IN (SELECT unhex(unnest(?)))
    QUALIFY row_number() OVER (
        PARTITION BY key ORDER BY similarity DESC, source, collection, path, revision, doc_id
    ) <= {MAX_RELATED + 1}
    ORDER BY key, similarity DESC, source, collection, path, revision, doc_id
"""  # noqa: S608  constants

_COLLECTION = """
    SELECT DISTINCT collection AS name FROM ledger
    WHERE starts_with($1, concat(collection, ':')) OR collection IN ($1, $2)
    ORDER BY length(collection) DESC LIMIT 1
"""

_NEAR_PATHS = f"""
    SELECT DISTINCT path AS name, jaro_winkler_similarity(path, $2) AS likeness
    FROM ledger WHERE collection = $1 ORDER BY likeness DESC, name LIMIT {MAX_CANDIDATES}
"""  # noqa: S608  a constant

_NEAR_COLLECTIONS = f"""
    SELECT DISTINCT collection AS name, jaro_winkler_similarity(collection, $1) AS likeness
    FROM ledger ORDER BY likeness DESC, name LIMIT {MAX_CANDIDATES}
"""  # noqa: S608  a constant


def _explain(tables: BuildTables, doc: str, form: str, name: str, number: int) -> Explanation:
    rows = tables.fetch_mappings(_ROWS, (form, name))
    documents = msgspec.convert(rows, list[LedgerRow])
    own = frozenset({*LedgerRow.__struct_fields__, HITS_COLUMN})
    keepers = _related(tables, "item", [row.keeper for row in documents])
    members = _related(tables, "cluster", [row.cluster or row.item_id for row in documents])
    copies = _related(tables, "content", [row.content_id for row in documents])
    rules = recipe_rules(tables.record)
    found = []
    for row, columns in zip(documents, rows, strict=True):
        item = members.get(row.cluster or row.item_id or "")
        found.append(
            Document(
                row=row,
                signals={key: value for key, value in columns.items() if key not in own},
                rules=tuple(_verdict(rule, row, columns) for rule in rules if rule.can_fire()),
                benchmark_hits=msgspec.convert(
                    columns.get(HITS_COLUMN) or (), tuple[BenchmarkHit, ...]
                ),
                keeper=_without(keepers.get(row.keeper or ""), row, is_among=False),
                cluster_members=_without(item, row, is_among=row.cluster is not None),
                copies=_without(copies.get(row.content_id or ""), row, is_among=True),
            )
        )
    return Explanation(query=doc, num_matches=number, documents=tuple(found))


def _related(
    tables: BuildTables, column: str, ids: Sequence[str | None]
) -> dict[str, tuple[int, list[Reference]]]:
    """Return, for each id, how many documents have it in a column, and the first of them."""
    wanted = sorted({identity for identity in ids if identity is not None})
    found: dict[str, tuple[int, list[Reference]]] = {}
    if wanted:
        for row in tables.fetch(_RelatedRow, _RELATED, (column, wanted)):
            found.setdefault(row.key, (row.number, []))[1].append(row.reference())
    return found


def _without(
    related: tuple[int, list[Reference]] | None, row: LedgerRow, *, is_among: bool
) -> Related:
    """Return the related documents but the document itself, which `is_among` them or not."""
    number, documents = related or (0, [])
    others = [other for other in documents if other.doc_id != row.doc_id]
    return Related(number=number - (number > 0 and is_among), documents=tuple(others[:MAX_RELATED]))


def _verdict(rule: Rule, row: LedgerRow, columns: dict[str, object]) -> RuleVerdict:
    special = rule.for_language(row.language) if row.language is not None else rule
    return RuleVerdict(
        rule=special,
        value=columns.get(rule.signal),
        applies=special.enabled
        and (not rule.only or row.language in rule.only)
        and row.language not in rule.exclude
        and (not rule.components or row.component in rule.components)
        and (not rule.kinds or row.kind in rule.kinds),
        fires=rule.name in (row.rule_hits or ()),
        is_first=row.dropped_by == rule.name,
    )


def _not_found(tables: BuildTables, doc: str) -> GristmillError:
    host = urlsplit(doc).hostname or doc if "://" in doc else doc
    known = tables.fetch(_Name, _COLLECTION, (doc, host))
    if known:
        collection = known[0].name
        path = doc.removeprefix(f"{collection}:") if doc != collection else ""
        near = _nearest(path, tables.fetch(_Name, _NEAR_PATHS, (collection, path)))
        names = [name if "://" in name else f"{collection}:{name}" for name in near]
        what = f"the ledger has no document `{doc}`"
    else:
        collection, _, path = doc.partition(":")
        names = _nearest(collection, tables.fetch(_Name, _NEAR_COLLECTIONS, (collection,)))
        what = f"the ledger has no document and no collection `{doc}`"
    listed = ", ".join(f"`{name}`" for name in names)
    if tables.file_differences:
        what += f", but it is not whole: {tables.file_differences[0]}"
    return GristmillError(
        what,
        where=tables.out,
        todo=f"The nearest are {listed}" if names else "Name it by id, collection:path, or URL",
    )


def _nearest(name: str, candidates: Sequence[_Name]) -> list[str]:
    names = [candidate.name for candidate in candidates]
    return difflib.get_close_matches(name, names, n=3, cutoff=0.3) or names[:3]
