"""The report's section on decontamination: hits by benchmark, and the list that people review."""

from typing import Final

import msgspec

from . import page
from .decontamination import CONTAMINATED, HITS_COLUMN
from .language_quality import csv_text
from .page import TableRow
from .tables import BuildTables

SHOWN: Final = 30  # documents
LISTED: Final = 5000  # hits of the list that is saved


class BenchmarkCount(msgspec.Struct, frozen=True, kw_only=True):
    """What was found of one benchmark."""

    benchmark: str
    items: int
    documents: int
    dropped: int  # of the documents, for this reason


class ContaminatedDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A document and one of its hits, the first in the list being that of most words."""

    place: str
    doc_id: str
    num_hits: int
    benchmark: str
    item: str
    field: str
    kind: str
    start: int
    length: int
    num_words: int
    excerpt: str


class Contamination(msgspec.Struct, frozen=True, kw_only=True):
    """Everything the section shows."""

    num_scanned: int
    num_documents: int
    benchmarks: tuple[BenchmarkCount, ...]
    documents: tuple[ContaminatedDocument, ...]  # the first, with their first hit
    hits: tuple[ContaminatedDocument, ...]  # all hits, the first of them


class _Column(msgspec.Struct, frozen=True, kw_only=True):
    name: str


class _Count(msgspec.Struct, frozen=True, kw_only=True):
    scanned: int
    documents: int


_COLUMN = "SELECT column_name AS name FROM (DESCRIBE ledger) WHERE column_name = ?"

_COUNT = f"""
    SELECT count({HITS_COLUMN}) AS scanned, count_if(len({HITS_COLUMN}) > 0) AS documents
    FROM ledger
"""  # noqa: S608  a constant

_BENCHMARKS = f"""
    SELECT hit.benchmark AS benchmark, count(DISTINCT hit.item) AS items,
        count(DISTINCT doc_id) AS documents,
        count(DISTINCT doc_id) FILTER (dropped_by = '{CONTAMINATED}') AS dropped
    FROM (SELECT doc_id, dropped_by, unnest({HITS_COLUMN}) AS hit FROM ledger)
    GROUP BY ALL ORDER BY dropped DESC, benchmark
"""  # noqa: S608  constants


def _hits_query(most: int, limit: int) -> str:
    """Return the query of the first hits of each document, those of most words first."""
    return f"""
        SELECT place, doc_id, num_hits, hit.*
        FROM (
            SELECT CASE WHEN kind = 'file' THEN concat(collection, ':', path) ELSE path END
                    AS place,
                lower(hex(doc_id)) AS doc_id, len({HITS_COLUMN}) AS num_hits,
                unnest({HITS_COLUMN}[:{most}]) AS hit
            FROM ledger WHERE len({HITS_COLUMN}) > 0
        )
        ORDER BY hit.num_words DESC, place, doc_id, hit.start, hit.benchmark, hit.item
        LIMIT {limit}
    """  # noqa: S608  constants


def read_contamination(tables: BuildTables) -> Contamination | None:
    """Ask the ledger, which has been added to the tables; None where no index was named."""
    if not tables.fetch(_Column, _COLUMN, (HITS_COLUMN,)):
        return None
    (count,) = tables.fetch(_Count, _COUNT)
    return Contamination(
        num_scanned=count.scanned,
        num_documents=count.documents,
        benchmarks=tuple(tables.fetch(BenchmarkCount, _BENCHMARKS)),
        documents=tuple(tables.fetch(ContaminatedDocument, _hits_query(1, SHOWN))),
        hits=tuple(tables.fetch(ContaminatedDocument, _hits_query(LISTED, LISTED))),
    )


def contamination_parts(found: Contamination | None) -> list[str]:
    """Return the contents of the section."""
    if found is None:
        return [page.paragraph("The recipe names no index of benchmarks: nothing was looked for.")]
    parts = [
        page.paragraph(
            f"{found.num_documents:,} of {found.num_scanned:,} texts hold ten words in a row of a "
            "benchmark's item, or all of a shorter string of it. They are dropped, unless they "
            "could not be read or were taken down."
        )
    ]
    if not found.benchmarks:
        return parts
    rows = [
        TableRow(
            name=each.benchmark,
            cells=(page.count(each.items), page.count(each.documents), page.count(each.dropped)),
        )
        for each in found.benchmarks
    ]
    head = ("", "items found", "documents", "dropped for it")
    parts.append(page.table("Documents by benchmark", head, rows))
    rows = [
        TableRow(
            name=each.place,
            note=f"{each.benchmark} {each.item}, {each.field}: {each.excerpt}",
            cells=(each.kind, page.count(each.num_words), page.count(each.num_hits)),
        )
        for each in found.documents
    ]
    head = ("", "kind", "words", "hits")
    parts.append(page.table("Documents to review, those with most words first", head, rows))
    names = ContaminatedDocument.__struct_fields__
    listed = [tuple(getattr(hit, name) for name in names) for hit in found.hits]
    label = f"the first {len(listed):,} hits as CSV"
    parts.append(page.download(label, "contamination.csv", csv_text(names, listed)))
    return parts
