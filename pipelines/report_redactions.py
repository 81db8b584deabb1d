"""The report's section on redactions: placeholders by class and language, where there are any."""

from . import page
from .page import TableRow
from .tables import BuildTables

SHOWN = 30

_COLUMNS = r"""
    SELECT column_name AS name FROM (DESCRIBE ledger)
    WHERE starts_with(column_name, 'redacted_') ORDER BY ALL
"""

_REDACTED = r"""
    SELECT component, coalesce(language, 'und') AS language,
        coalesce(sum(COLUMNS('redacted_(.*)')), 0)::BIGINT AS '\1'
    FROM ledger WHERE dropped_by IS NULL GROUP BY component, coalesce(language, 'und')
"""


def redaction_parts(tables: BuildTables) -> list[str]:
    """Return the contents of the section; the ledger has been added."""
    if not tables.fetch_mappings(_COLUMNS):
        return [page.paragraph("Nothing is redacted in this build.")]
    rows = [_row(row) for row in tables.fetch_mappings(_REDACTED)]
    rows = sorted((row for row in rows if sum(row[1])), key=lambda row: (-sum(row[1]), row[0]))
    names = [str(row["name"]) for row in tables.fetch_mappings(_COLUMNS)]
    head = [name.removeprefix("redacted_").replace("_", " ") for name in names]
    shown = [_table_row(*row) for row in rows[:SHOWN]]
    total = [sum(row[1][i] for row in rows) for i in range(len(names))]
    shown.append(
        TableRow(name="total", cells=tuple(page.count(number) for number in total), is_total=True)
    )
    caption = f"Placeholders in kept documents by language, {len(rows):,} in all"
    return [page.table(caption, ("", *head), shown)]


def _row(row: dict[str, object]) -> tuple[tuple[str, str], list[int]]:
    counts = {name: value for name, value in row.items() if name not in ("component", "language")}
    numbers = [value for _, value in sorted(counts.items()) if isinstance(value, int)]
    return (str(row["component"]), str(row["language"])), numbers


def _table_row(name: tuple[str, str], counts: list[int]) -> TableRow:
    cells = tuple(page.count(number) for number in counts)
    return TableRow(name=name[1], note=name[0], cells=cells)
