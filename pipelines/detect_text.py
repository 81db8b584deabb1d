"""What `gristmill detect` prints for people: a line a file, the steps that led to it, a summary."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import cache

import click
import msgspec
from rich.box import SIMPLE_HEAD
from rich.table import Table

from ..filters.languages import language_table
from .detect_command import FileLanguage
from .printable import WIDTH, printable, render

SUMMARY_FILES = 40  # more than fit on a screen
MAX_LANGUAGES = 60
EVIDENCE_WIDTH = 10
CONFIDENCE_WIDTH = 10
RULE = "\u2500"
NOTHING = "-"
SPOKE_NOT = "nothing"


def print_batches(
    batches: Iterable[Sequence[FileLanguage]], *, as_json: bool, explain: bool
) -> None:
    """Print each batch as it comes: objects, steps, or a table and at its end a summary."""
    if as_json:
        for batch in batches:
            click.echo(msgspec.json.Encoder().encode_lines(batch), nl=False)
        return
    summary = Summary()
    is_open = explain
    for batch in batches:
        if not is_open:
            click.echo(table_head())
            is_open = True
        click.echo("\n".join(map(explained if explain else table_line, batch)))
        summary.add(batch)
    if summary.num_files > SUMMARY_FILES:
        click.echo(f"\n{summary.text()}")


def table_head() -> str:
    """Return the names of the columns, and a line below."""
    head = _line("language", "confidence", "evidence", "path")
    return head + "\n" + RULE * WIDTH


def table_line(found: FileLanguage) -> str:
    """Return one file's line; the path comes last because it may have any length."""
    if found.reason is not None:
        return _line(NOTHING, NOTHING, found.reason, printable(found.path))
    confidence = NOTHING if found.language is None else f"{found.confidence:.2f}"
    return _line(found.language or NOTHING, confidence, found.evidence, printable(found.path))


def explained(found: FileLanguage) -> str:
    """Return a file's path and, line by line, what each kind of evidence said of it."""
    lines = [printable(found.path)]
    if found.reason is not None:
        lines.append(f"  {'not read':<{EVIDENCE_WIDTH}}  {found.reason}")
    for step in found.steps or ():
        said = ", ".join(step.languages) or SPOKE_NOT
        detail = f"  ({printable(step.detail)})" if step.detail else ""
        lines.append(f"  {step.evidence:<{EVIDENCE_WIDTH}}  {said}{detail}")
    return "\n".join(lines) + "\n"


class Summary:
    """Counts files by language, or by the reason why there is none."""

    def __init__(self) -> None:
        self.num_files = 0
        self._files: defaultdict[tuple[str, str], int] = defaultdict(int)
        self._confidence: defaultdict[tuple[str, str], float] = defaultdict(float)

    def add(self, batch: Iterable[FileLanguage]) -> None:
        """Count files."""
        for found in batch:
            key = (found.language or "", found.reason or "")
            self.num_files += 1
            self._files[key] += 1
            self._confidence[key] += found.confidence

    def text(self) -> str:
        """Return a table, most files first, with each language's mean confidence."""
        table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
        table.add_column("language")
        for name in ("files", "share", "mean confidence"):
            table.add_column(name, justify="right")
        named = sorted((key for key in self._files if key[0]), key=self._order)
        for key in named[:MAX_LANGUAGES]:
            mean = f"{self._confidence[key] / self._files[key]:.2f}"
            table.add_row(key[0], *self._counted([key]), mean)
        if rest := named[MAX_LANGUAGES:]:
            table.add_row(f"and {len(rest):,} more", *self._counted(rest), "")
        for key in sorted((key for key in self._files if not key[0]), key=self._order):
            table.add_row(f"none: {key[1] or 'not sure'}", *self._counted([key]), "")
        table.add_section()
        table.add_row("total", *self._counted(list(self._files)), "")
        return render(table)

    def _order(self, key: tuple[str, str]) -> tuple[int, tuple[str, str]]:
        return -self._files[key], key

    def _counted(self, keys: Iterable[tuple[str, str]]) -> tuple[str, str]:
        number = sum(self._files[key] for key in keys)
        return f"{number:,}", f"{number / self.num_files:.1%}"


def _line(language: str, confidence: str, evidence: str, path: str) -> str:
    return (
        f"{language:<{_language_width()}}  {confidence:>{CONFIDENCE_WIDTH}}  "
        f"{evidence:<{EVIDENCE_WIDTH}}  {path}"
    )


@cache
def _language_width() -> int:
    """Return the longest width that nine names in ten fit in."""
    widths = sorted({len(row.name) for row in language_table().languages if not row.background})
    return widths[len(widths) * 9 // 10]
