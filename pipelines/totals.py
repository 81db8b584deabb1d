"""Totals by language as a small table of text: kept under review, and compared with a later build.

A line is a component and a language, the documents seen and kept, and the tokens, with tabs
between; two names of one language are one line. Any change of a corpus shows as a changed line.
"""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from ..corpus.errors import GristmillError
from ..corpus.storage import read_bytes, write_bytes
from .audit import Audit, Group

HEAD = ("component", "language", "documents", "kept", "tokens")


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """The documents and tokens of one language of one component."""

    documents: int
    kept: int
    tokens: int


def write_totals(audit: Audit, url: str) -> None:
    """Write the totals of an audit by language to a file."""
    lines = io.StringIO()
    writer = csv.writer(lines, delimiter="\t", lineterminator="\n")
    writer.writerow(HEAD)
    for group in sorted(_languages(audit), key=lambda group: (group.component, group.value)):
        writer.writerow((group.component, group.value, group.documents, group.kept, group.tokens))
    write_bytes(url, lines.getvalue().encode())


def total_differences(audit: Audit, url: str) -> list[str]:
    """Return a sentence for each language whose totals are not those of a file."""
    expected = _read(url)
    found = {(group.component, group.value): _counts(group) for group in _languages(audit)}
    return list(_differences(expected, found))


def _languages(audit: Audit) -> Sequence[Group]:
    (breakdown,) = (part for part in audit.breakdowns if part.by == "language")
    return breakdown.groups


def _counts(group: Group) -> Counts:
    return Counts(documents=group.documents, kept=group.kept, tokens=group.tokens)


def _read(url: str) -> dict[tuple[str, str], Counts]:
    try:
        rows = list(csv.reader(io.StringIO(read_bytes(url).decode()), delimiter="\t"))
        if not rows or tuple(rows[0]) != HEAD:
            raise ValueError("its first line is another")
        return {
            (component, language): Counts(documents=int(seen), kept=int(kept), tokens=int(tokens))
            for component, language, seen, kept, tokens in rows[1:]
        }
    except ValueError as error:
        raise GristmillError(
            f"the file does not hold totals by language ({error})",
            where=url,
            todo="Write it with `gristmill audit DIRECTORY --totals FILE`.",
        ) from error


def _differences(
    expected: Mapping[tuple[str, str], Counts], found: Mapping[tuple[str, str], Counts]
) -> Iterator[str]:
    nothing = Counts(documents=0, kept=0, tokens=0)
    for key in sorted(expected.keys() | found.keys()):
        told, held = expected.get(key, nothing), found.get(key, nothing)
        if told != held:
            change = held.tokens - told.tokens
            yield (f"{key[0]}/{key[1]}: {_text(held)}; expected {_text(told)} ({change:+,} tokens)")


def _text(counts: Counts) -> str:
    return f"{counts.documents:,} documents, {counts.kept:,} kept, {counts.tokens:,} tokens"
