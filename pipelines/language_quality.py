"""How well languages are told: recall, precision and confusions, language by language.

accuracy.csv beside the content model holds what was measured on files that no training saw.
"""

import csv
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from importlib.resources import files
from io import StringIO
from typing import Final

import msgspec

MEASURED: Final = ("data", "content", "accuracy.csv")
NOTHING: Final = "(none)"  # what a detector that abstains is counted as


class LanguageQuality(msgspec.Struct, frozen=True, kw_only=True):
    """What was measured of one language; `precision` is None where it was never predicted."""

    language: str
    num_files: int
    recall: float
    precision: float | None
    most_confused_with: str = ""


class Confusion(msgspec.Struct, frozen=True, kw_only=True):
    """So many files of a language were taken for another one, or for none."""

    language: str
    predicted: str
    count: int


def measured_quality() -> tuple[LanguageQuality, ...]:
    """Return what was measured of the shipped detector, by language; empty if nothing was."""
    path = files("gristmill.filters").joinpath(*MEASURED)
    if not path.is_file():
        return ()
    rows = csv.DictReader(StringIO(path.read_text("utf-8")))
    return tuple(
        LanguageQuality(
            language=row["language"],
            num_files=int(row["num_files"]),
            recall=float(row["recall"]),
            precision=float(row["precision"]) if row["precision"] else None,
            most_confused_with=row["most_confused_with"],
        )
        for row in rows
    )


def language_quality(
    languages: Sequence[str], predicted: Sequence[str | None]
) -> list[LanguageQuality]:
    """Return recall and precision of each language that has files, by name.

    Args:
        languages: the true one of each file; "" for a file of a language that does not count.
        predicted: what a detector said, None where it abstained.
    """
    totals, claims = Counter(languages), Counter(predicted)
    right = Counter(
        language for language, found in zip(languages, predicted, strict=True) if language == found
    )
    worst: dict[str, Confusion] = {}
    for confusion in confusions(languages, predicted):
        worst.setdefault(confusion.language, confusion)
    return [
        LanguageQuality(
            language=language,
            num_files=totals[language],
            recall=right[language] / totals[language],
            precision=right[language] / claims[language] if claims[language] else None,
            most_confused_with=worst[language].predicted if language in worst else "",
        )
        for language in sorted(totals)
        if language
    ]


def scores(
    languages: Sequence[str], predicted: Sequence[str | None], *, counted: Collection[str]
) -> dict[str, float]:
    """Return accuracy, macro_recall and background_claimed, each 0 of no files.

    Args:
        languages: the true one of each file, "" for background.
        predicted: what a detector said, None where it abstained.
        counted: the languages that a background file must not be taken for.
    """
    recalls = [row.recall for row in language_quality(languages, predicted)]
    pairs = list(zip(languages, predicted, strict=True))
    right = [language == found for language, found in pairs if language]
    claimed = [found in counted for language, found in pairs if not language]
    return {
        "accuracy": sum(right) / max(len(right), 1),
        "macro_recall": sum(recalls) / max(len(recalls), 1),
        "background_claimed": sum(claimed) / max(len(claimed), 1),
    }


def confusions(languages: Sequence[str], predicted: Sequence[str | None]) -> list[Confusion]:
    """Return every wrong answer with its number of files, the most frequent first."""
    wrong = Counter(
        (language, found or NOTHING)
        for language, found in zip(languages, predicted, strict=True)
        if language and language != found
    )
    return [
        Confusion(language=language, predicted=found, count=count)
        for (language, found), count in sorted(wrong.items(), key=lambda item: (-item[1], item[0]))
    ]


def recall_rows(
    languages: Sequence[str], predicted: Mapping[str, Sequence[str | None]]
) -> list[tuple[str | int | float, ...]]:
    """Return each language with its number of files and every detector's recall."""
    every = [language_quality(languages, answers) for answers in predicted.values()]
    return [
        (rows[0].language, rows[0].num_files, *(row.recall for row in rows))
        for rows in zip(*every, strict=True)
    ]


def csv_text(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return rows as CSV; shares have four digits, and nothing stands for None."""
    stream = StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(head)
    writer.writerows(
        [f"{cell:.4f}" if isinstance(cell, float) else cell for cell in row] for row in rows
    )
    return stream.getvalue()
