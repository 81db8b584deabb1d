"""Tables of a page that say how well languages are told: recall by detector, confusions."""

from collections.abc import Mapping, Sequence

from . import page
from .language_quality import Confusion
from .page import Bar, TableRow

SHOWN = 40  # rows of a table; the rest is folded


def recall_table(
    title: str, detectors: Sequence[str], rows: Sequence[tuple[str | int | float, ...]]
) -> str:
    """Return each language's recall by every detector, the first one's as a bar.

    Args:
        title: what was measured.
        detectors: their names, ours first.
        rows: language, number of files, and a recall (0 to 1) a detector.
    """
    shown = [
        TableRow(
            name=str(name),
            cells=(page.count(int(number)), *(f"{float(recall):.2f}" for recall in recalls)),
            bar=Bar(fraction=float(recalls[0])),
        )
        for name, number, *recalls in rows
    ]
    return _folded(f"Recall by language, {title}", ("", "files", *detectors), shown)


def confusion_table(title: str, rows: Sequence[Confusion]) -> str:
    """Return the wrong answers, the most frequent first."""
    most = max((row.count for row in rows), default=0) or 1
    shown = [
        TableRow(
            name=row.language,
            note=f"taken for {row.predicted}",
            cells=(page.count(row.count),),
            bar=Bar(fraction=row.count / most, tone="lost"),
        )
        for row in rows
    ]
    return _folded(f"Our wrong answers, {title}", ("", "files"), shown)


def figures_table(
    caption: str, columns: Sequence[str], figures: Mapping[str, Mapping[str, float]]
) -> str:
    """Return a table of name -> column -> figure; a figure that is missing is an empty cell."""
    keys = list(dict.fromkeys(key for row in figures.values() for key in row))
    rows = [
        TableRow(
            name=name.replace("_", " "),
            cells=tuple(f"{row[key]:,.3f}" if key in row else "" for key in keys),
        )
        for name, row in figures.items()
    ]
    return page.table(caption, ("", *columns), rows)


def _folded(caption: str, head: Sequence[str], rows: Sequence[TableRow]) -> str:
    first = page.table(caption, head, rows[:SHOWN])
    rest = rows[SHOWN:]
    if not rest:
        return first
    content = page.table(f"{caption}, the rest", head, rest)
    return first + page.details(f"and {len(rest):,} more", content)
