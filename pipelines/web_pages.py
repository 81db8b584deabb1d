"""Web pages of a build: by what their texts were made, and what of formulas and code is in them.

A page that asks too much of the fine tier has the cheap text. That costs its formulas, so it is
counted here, by reason.
"""

import msgspec
from rich.box import SIMPLE_HEAD
from rich.table import Table

from ..corpus.record import FELL_BACK
from . import page
from .page import TableRow
from .printable import printable, render
from .tables import BuildTables

HEAD = ("fine", "cheap", "raw", "no text", "formulas kept", "of", "code lines kept", "of")


class WebSource(msgspec.Struct, frozen=True, kw_only=True):
    """The pages of one source, dropped ones included."""

    source: str
    fine: int
    cheap: int
    raw: int  # text payloads, taken as they are
    unread: int
    formulas_found: int
    formulas_kept: int
    code_lines_found: int
    code_lines_kept: int


class Fallback(msgspec.Struct, frozen=True, kw_only=True):
    """Pages of one source that have the cheap text in place of the fine one, for one reason."""

    source: str
    reason: str
    pages: int


class WebPages(msgspec.Struct, frozen=True, kw_only=True):
    """Every source of pages, and all fallbacks, those of most pages first."""

    sources: tuple[WebSource, ...]
    fallbacks: tuple[Fallback, ...]


class _Column(msgspec.Struct, frozen=True, kw_only=True):
    name: str


# A build of before these columns were has none.
_COLUMN = "SELECT column_name AS name FROM (DESCRIBE ledger) WHERE column_name = 'extracted_by'"

_SOURCES = """
    SELECT source, count_if(extracted_by = 'fine') AS fine,
        count_if(extracted_by = 'cheap') AS cheap, count_if(extracted_by = 'raw') AS raw,
        count_if(extracted_by IS NULL) AS unread,
        coalesce(sum(formulas_found), 0)::BIGINT AS formulas_found,
        coalesce(sum(formulas_kept), 0)::BIGINT AS formulas_kept,
        coalesce(sum(code_lines_found), 0)::BIGINT AS code_lines_found,
        coalesce(sum(code_lines_kept), 0)::BIGINT AS code_lines_kept
    FROM ledger WHERE kind = 'page' GROUP BY source ORDER BY source
"""

_FALLBACKS = """
    SELECT source, split_part(extract_reason, ':', 1) AS reason, count(*) AS pages
    FROM ledger WHERE kind = 'page' AND starts_with(extract_reason, ?)
    GROUP BY ALL ORDER BY pages DESC, source, reason
"""


def read_web_pages(tables: BuildTables) -> WebPages:
    """Ask the ledger, which has been added to the tables."""
    if not tables.fetch(_Column, _COLUMN):
        return WebPages(sources=(), fallbacks=())
    return WebPages(
        sources=tuple(tables.fetch(WebSource, _SOURCES)),
        fallbacks=tuple(tables.fetch(Fallback, _FALLBACKS, (FELL_BACK,))),
    )


def web_pages_text(found: WebPages) -> list[str]:
    """Return the table of an audit, and a line for each fallback; nothing without pages."""
    if not found.sources:
        return []
    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column("web pages", overflow="fold")
    for name in HEAD:
        table.add_column(name, justify="right")
    for one in found.sources:
        table.add_row(printable(one.source), *_cells(one))
    lines = [
        f"{one.pages:,} pages of {printable(one.source)} have the cheap text: {one.reason}"
        for one in found.fallbacks
    ]
    return ["\n".join([render(table), *lines])]


def web_pages_parts(found: WebPages) -> list[str]:
    """Return the contents of the report's section."""
    if not found.sources:
        return [page.paragraph("The corpus holds no web pages.")]
    rows = [TableRow(name=one.source, cells=_cells(one)) for one in found.sources]
    parts = [
        page.paragraph(
            "By which tier the texts of pages were made, dropped pages included, and how many of "
            "the formulas and lines of code that were found on them are in their texts."
        ),
        page.table("Pages by source and tier", ("", *HEAD), rows),
    ]
    if found.fallbacks:
        rows = [
            TableRow(name=one.source, note=one.reason, cells=(page.count(one.pages),))
            for one in found.fallbacks
        ]
        caption = "Pages with the cheap text in place of the fine one"
        parts.append(page.table(caption, ("", "pages"), rows))
    return parts


def _cells(one: WebSource) -> tuple[str, ...]:
    numbers = (one.fine, one.cheap, one.raw, one.unread, one.formulas_kept, one.formulas_found)
    code_lines = (one.code_lines_kept, one.code_lines_found)
    return tuple(f"{number:,}" for number in (*numbers, *code_lines))
