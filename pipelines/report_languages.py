"""The report's section on detection: what told each language, and how often that is right.

The corpus itself says which evidence decided; recall and precision were measured elsewhere, on
files whose language is known and that no training saw.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec

from ..filters.languages import language_table
from . import page
from .language_quality import LanguageQuality, csv_text, measured_quality
from .page import Bar, TableRow
from .tables import BuildTables

SHOWN: Final = 30
NOTHING: Final = "(none)"
# Columns of the table by language; the evidence that a file carries itself is one of them.
GROUPS: Final[Mapping[str, tuple[str, ...]]] = {
    "name": ("filename", "extension", "modeline", "shebang"),
    "rules": ("heuristic",),
    "content": ("content",),
    "neighbours": ("repository",),
}
NOT_MEASURED: Final = "-"


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """The files of one language that one kind of evidence decided."""

    language: str
    evidence: str
    documents: int
    confidence: float  # the mean


class ToldLanguage(msgspec.Struct, frozen=True, kw_only=True):
    """All files of one language, and what was measured of it."""

    language: str
    documents: int
    confidence: float
    shares: Mapping[str, float]  # by evidence
    quality: LanguageQuality | None


# Sums of integers, because those of fractions depend on the order of the rows.
_TOLD = f"""
    SELECT coalesce(language, '{NOTHING}') AS language,
        coalesce(language_evidence, 'none') AS evidence, count(*) AS documents,
        coalesce(sum(round(language_confidence * 1e6)::BIGINT), 0) / 1e6 / count(*) AS confidence
    FROM ledger WHERE kind = 'file'
    GROUP BY ALL ORDER BY language, evidence
"""  # noqa: S608  a constant


def read_told(tables: BuildTables) -> tuple[Told, ...]:
    """Ask the ledger, which has been added to the tables, about the files of repositories."""
    return tuple(tables.fetch(Told, _TOLD))


def detection_parts(
    told: Sequence[Told], measured: Sequence[LanguageQuality] | None = None
) -> list[str]:
    """Return the contents of the section: evidence, languages, and all of it as CSV.

    Args:
        told: what decided the files of a corpus.
        measured: how good the detector is; the shipped figures by default.
    """
    if not told:
        return [page.paragraph("The corpus holds no files of repositories.")]
    languages = told_languages(told, measured_quality() if measured is None else measured)
    return [
        page.paragraph(
            "What decided the language of each file of a repository, dropped ones included. "
            "Confidence is the detector's own. Recall and precision are those of the content "
            "model alone, without names and rules, measured on so many labelled files that no "
            "training saw."
        ),
        _evidence_table(told),
        *_language_tables(languages),
        page.download("All languages as CSV", "languages.csv", _csv(languages, told)),
    ]


def told_languages(told: Iterable[Told], measured: Iterable[LanguageQuality]) -> list[ToldLanguage]:
    """Return the languages of a corpus, those of most files first."""
    table = language_table()
    qualities = {quality.language: quality for quality in measured}
    rows: dict[str, list[Told]] = {}
    for row in told:
        rows.setdefault(row.language, []).append(row)
    found = []
    for language, parts in rows.items():
        documents = sum(part.documents for part in parts)
        found.append(
            ToldLanguage(
                language=language,
                documents=documents,
                confidence=sum(part.confidence * part.documents for part in parts) / documents,
                shares={part.evidence: part.documents / documents for part in parts},
                quality=qualities.get(language) or qualities.get(table.family(language)),
            )
        )
    return sorted(found, key=lambda row: (-row.documents, row.language))


def _evidence_table(told: Sequence[Told]) -> str:
    total = sum(row.documents for row in told)
    kinds: dict[str, list[Told]] = {}
    for row in told:
        kinds.setdefault(row.evidence, []).append(row)
    rows = []
    for evidence, parts in kinds.items():
        documents = sum(part.documents for part in parts)
        confidence = sum(part.confidence * part.documents for part in parts) / documents
        cells = (page.count(documents), page.percent(documents / total), _trust(confidence))
        rows.append(
            (documents, TableRow(name=evidence, cells=cells, bar=Bar(fraction=documents / total)))
        )
    rows.sort(key=lambda row: (-row[0], row[1].name))
    head = ("", "files", "share", "mean confidence")
    return page.table("Files by the evidence that decided", head, [row for _, row in rows])


def _language_tables(languages: Sequence[ToldLanguage]) -> list[str]:
    head = ("", "files", *GROUPS, "confidence", "recall", "precision", "measured")
    caption = "Files by language: the share that each kind of evidence decided"
    rows = [_row(language) for language in languages]
    parts = [page.table(caption, head, rows[:SHOWN])]
    if rows[SHOWN:]:
        rest = page.table(f"{caption}, the rest", head, rows[SHOWN:])
        parts.append(page.details(f"and {len(rows) - SHOWN:,} more", rest))
    return parts


def _row(found: ToldLanguage) -> TableRow:
    quality = found.quality
    shares = (_share(found, kinds) for kinds in GROUPS.values())
    measured = (
        (NOT_MEASURED,) * 3
        if quality is None
        else (
            page.percent(quality.recall),
            NOT_MEASURED if quality.precision is None else page.percent(quality.precision),
            page.count(quality.num_files),
        )
    )
    confused = "" if quality is None else quality.most_confused_with
    return TableRow(
        name=found.language,
        note=f"most often taken for {confused}" if confused else "",
        cells=(
            page.count(found.documents),
            *(f"{share:.0%}" if share else "" for share in shares),
            _trust(found.confidence),
            *measured,
        ),
    )


def _trust(confidence: float) -> str:
    return f"{confidence:.2f}" if confidence else NOT_MEASURED


def _share(found: ToldLanguage, kinds: Iterable[str]) -> float:
    return sum(found.shares.get(kind, 0.0) for kind in kinds)


def _csv(languages: Sequence[ToldLanguage], told: Sequence[Told]) -> str:
    kinds = sorted({row.evidence for row in told})
    head = ("language", "files", "mean_confidence", *(f"{kind}_fraction" for kind in kinds))
    measured = ("measured_files", "recall", "precision", "most_confused_with")
    rows = [
        (
            *(row.language, row.documents, row.confidence),
            *(row.shares.get(kind, 0.0) for kind in kinds),
            *(getattr(row.quality, name, None) for name in ("num_files", *measured[1:])),
        )
        for row in languages
    ]
    return csv_text((*head, *measured), rows)
