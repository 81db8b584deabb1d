"""A page of HTML without a script: escaped text, tables whose rows carry bars, and histograms."""

from base64 import b64encode
from collections.abc import Sequence
from html import escape
from importlib.resources import files

import msgspec

from .printable import printable

# Nothing is fetched and nothing runs, whatever a repository's name says.
POLICY = "default-src 'none'; style-src 'unsafe-inline'"

_SHORT_NOTE = 16  # characters that stand behind a name, not below it
_EXACT_BELOW = 1_000_000_000
_UNITS = ((1_000_000_000_000, "T"), (1_000_000_000, "B"))
_BYTE_UNITS = ((1_000_000_000_000, "TB"), (1_000_000_000, "GB"), (1_000_000, "MB"), (1000, "kB"))


class Bar(msgspec.Struct, frozen=True, kw_only=True):
    """The line under a row's name: a share of its full width, after it another, and a mark."""

    fraction: float
    tone: str = "plain"  # a component, or plain
    second: float = 0.0
    second_tone: str = "lost"  # or more
    mark: float | None = None


class TableRow(msgspec.Struct, frozen=True, kw_only=True):
    """One row: its name, a note in smaller letters, and the cells after it."""

    name: str
    cells: tuple[str, ...]
    note: str = ""
    bar: Bar | None = None
    is_total: bool = False


def text(value: str) -> str:
    """Return a text as HTML; invisible characters are spelled out."""
    return escape(printable(value), quote=True)


def count(number: int) -> str:
    """Return a number with separators, from a billion on with four digits."""
    if number < _EXACT_BELOW:
        return f"{number:,}"
    size, unit = next(pair for pair in _UNITS if number >= pair[0])
    return f"{number / size:,.4g} {unit}"


def size_text(num_bytes: int) -> str:
    """Return a number of bytes in decimal units."""
    for size, unit in _BYTE_UNITS:
        if num_bytes >= size:
            return f"{num_bytes / size:,.1f} {unit}"
    return f"{num_bytes:,} B"


def percent(fraction: float) -> str:
    """Return a share with one digit."""
    return f"{fraction:.1%}"


def section(identity: str, title: str, *parts: str) -> str:
    """Return a section with its heading."""
    heading = f'<h2 id="{identity}-title">{text(title)}</h2>'
    return f'<section aria-labelledby="{identity}-title">{heading}{"".join(parts)}</section>'


def paragraph(value: str) -> str:
    """Return a paragraph of plain text."""
    return f"<p>{text(value)}</p>"


def items(values: Sequence[str]) -> str:
    """Return a list of plain texts."""
    return "<ul>" + "".join(f"<li>{text(value)}</li>" for value in values) + "</ul>"


def details(summary: str, content: str) -> str:
    """Return content that a reader opens."""
    return f"<details><summary>{text(summary)}</summary>{content}</details>"


def download(label: str, name: str, content: str) -> str:
    """Return a link that saves CSV which the page itself holds."""
    data = b64encode(content.encode()).decode()
    kind = "data:text/csv;charset=utf-8;base64"
    return f'<p><a download="{text(name)}" href="{kind},{data}">{text(label)}</a></p>'


def table(
    caption: str, head: Sequence[str], rows: Sequence[TableRow], *, has_long_names: bool = False
) -> str:
    """Return a table in a frame that scrolls by itself, so that the page never does.

    The first column names the row; the others hold numbers or short texts, right aligned.

    Args:
        has_long_names: names and notes are sentences, so they take what room there is.
    """
    columns = "".join(f'<th scope="col">{text(name)}</th>' for name in head)
    body = "".join(_row(row) for row in rows)
    label = text(caption)
    kind = ' class="long"' if has_long_names else ""
    return (
        f'<div class="frame" role="region" tabindex="0" aria-label="{label}"><table{kind}>'
        f"<caption>{label}</caption><thead><tr>{columns}</tr></thead>"
        f"<tbody>{body}</tbody></table></div>"
    )


def _row(row: TableRow) -> str:
    place = "note" if len(row.note) <= _SHORT_NOTE else "note long"
    note = f' <span class="{place}">{text(row.note)}</span>' if row.note else ""
    bar = _bar(row.bar) if row.bar is not None else ""
    cells = "".join(f"<td>{text(cell)}</td>" for cell in row.cells)
    kind = ' class="total"' if row.is_total else ""
    return f'<tr{kind}><th scope="row">{text(row.name)}{note}{bar}</th>{cells}</tr>'


def _bar(bar: Bar) -> str:
    parts = ['<rect class="track" width="100%" height="6" rx="3"/>']
    if bar.fraction > 0:
        width = max(bar.fraction, 0.002)
        parts.append(f'<rect class="{text(bar.tone)}" width="{width:.2%}" height="6" rx="3"/>')
    if bar.second > 0:
        start, width = bar.fraction, max(bar.second, 0.004)
        kind = text(bar.second_tone)
        parts.append(f'<rect class="{kind}" x="{start:.2%}" width="{width:.2%}" height="6"/>')
    if bar.mark is not None:
        parts.append(f'<rect class="mark" x="{bar.mark:.2%}" width="2" height="6"/>')
    return f'<svg class="bar" height="6" aria-hidden="true">{"".join(parts)}</svg>'


def histogram(label: str, bins: Sequence[tuple[str, int]]) -> str:
    """Return columns with their numbers above and their names below, for a table beside it."""
    highest = max((number for _, number in bins), default=0) or 1
    step = 48
    parts = []
    for i, (name, number) in enumerate(bins):
        height = 90 * number / highest
        middle = i * step + step / 2
        parts.append(
            f'<rect class="plain" x="{i * step + 5}" y="{110 - height:.1f}" '
            f'width="{step - 10}" height="{height:.1f}"/>'
            f'<text x="{middle:g}" y="{104 - height:.1f}">{text(count(number))}</text>'
            f'<text class="axis" x="{middle:g}" y="126">{text(name)}</text>'
        )
    width = max(len(bins), 1) * step
    return (
        f'<svg class="histogram" viewBox="0 0 {width} 132" role="img" aria-label="{text(label)}" '
        f'style="max-width:{width}px">{"".join(parts)}</svg>'
    )


def page(title: str, parts: Sequence[str]) -> str:
    """Return the whole document."""
    css = files(__package__).joinpath("data", "report.css").read_text("utf-8")
    body = "\n".join(parts)
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{text(title)}</title>\n<style>\n{css}</style>\n</head>\n"
        f"<body>\n{body}\n</body>\n</html>\n"
    )
