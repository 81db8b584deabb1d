"""The decisions file: what people, or the intervals, said about URL prefixes.

Tab-separated, one prefix a line below one line of column names, sorted, so that git merges what two
people decided: only both deciding the same prefix meets in a line, and that is reported as a
duplicate. The deepest prefix that holds a page decides about it.
"""

import math
import re
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Final, Literal, TypeAlias, get_args

import msgspec

from ...corpus.errors import GristmillError
from .prefixes import Scope

Verdict: TypeAlias = Literal["accept", "reject", "hold"]
AUTO: Final = "auto"  # who decides where no person did

_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_MARKER: Final = re.compile(r"<{7}|={7}|>{7}|\|{7}")
_SHOWN_PROBLEMS: Final = 5


class Decision(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """What holds for a prefix; `hold` leaves its pages out until somebody decides.

    The numbers are the evidence at the time: pages seen, collected, and the interval of their
    share.
    """

    target: str  # the model, such as code or math
    host: str
    prefix: str
    scope: Scope
    verdict: Verdict
    who: str
    date: str  # YYYY-MM-DD, or empty
    iteration: int
    pages: int
    collected: int
    lower: float
    upper: float
    note: str

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What it is about: no file decides that twice."""
        return self.target, self.host, self.prefix, self.scope


COLUMNS: Final = Decision.__struct_fields__
HEADER: Final = "\t".join(COLUMNS)


def format_decisions(decisions: Iterable[Decision]) -> str:
    """Return the text of a decisions file, sorted.

    Raises:
        GristmillError: a field holds what a line cannot, or a prefix is decided twice.
    """
    rows = sorted(decisions)
    problems = [*_duplicates([(i, row) for i, row in enumerate(rows)], "row")]
    for row in rows:
        bad = [name for name in COLUMNS if _CONTROL.search(str(getattr(row, name)))]
        problems += [f"{' '.join(row.key)}: {name} holds a tab or a line end" for name in bad]
    _raise(problems, "the decisions to be written")
    return "".join(f"{line}\n" for line in (HEADER, *map(_format, rows)))


def parse_decisions(text: str, where: str) -> list[Decision]:
    """Return the decisions of a file in their order there.

    Raises:
        GristmillError: lines are no decisions, or decide the same prefix; the first ones are named.
    """
    lines = text.removeprefix("\ufeff").splitlines()
    if not lines or lines[0].split("\t") != list(COLUMNS):
        raise GristmillError(
            "the first line does not name the columns of a decisions file",
            where=f"{where}:1",
            todo=f"Begin it with (tabs between): {HEADER.replace(chr(9), ' ')}.",
        )
    problems: list[str] = []
    found: list[tuple[int, Decision]] = []
    for number, line in enumerate(lines[1:], start=2):
        if not line.strip():
            continue
        row = _parse(line)
        if isinstance(row, str):
            problems.append(f"line {number}: {row}")
        else:
            found.append((number, row))
    _raise([*problems, *_duplicates(found, "line")], where)
    return [row for _, row in found]


def _parse(line: str) -> Decision | str:
    """Return a line's decision, or what is wrong with it."""
    if _MARKER.match(line):
        return "a merge was left unresolved here"
    fields = line.split("\t")
    if len(fields) != len(COLUMNS):
        return f"there are {len(fields)} columns, not {len(COLUMNS)}"
    texts = dict(zip(COLUMNS, fields, strict=True))
    for name, choices in (("scope", get_args(Scope)), ("verdict", get_args(Verdict))):
        if texts[name] not in choices:
            return f"{name} is {texts[name]!r}, not one of {', '.join(choices)}"
    if not texts["prefix"].startswith("/") or not texts["prefix"].endswith(("/", "?")):
        return f"prefix {texts['prefix']!r} does not begin with / and end in / or ?"
    if not (texts["target"] and texts["host"] and texts["who"]):
        return "target, host or who is empty"
    if texts["date"] and not _is_date(texts["date"]):
        return f"date {texts['date']!r} is not a day as YYYY-MM-DD"
    try:
        row = msgspec.convert(texts, Decision, strict=False)
    except msgspec.ValidationError as error:
        return str(error)
    if not 0 <= row.collected <= row.pages or not _is_interval(row.lower, row.upper):
        return "more pages are collected than seen, or the interval does not lie in 0 to 1"
    return row


def _is_date(text: str) -> bool:
    try:
        return _DATE.fullmatch(text) is not None and date.fromisoformat(text) is not None
    except ValueError:
        return False


def _is_interval(lower: float, upper: float) -> bool:
    return math.isfinite(lower) and 0 <= lower <= upper <= 1


def _format(row: Decision) -> str:
    """Return a line; four digits of an interval are plenty and do not change with rounding."""
    values = (getattr(row, name) for name in COLUMNS)
    return "\t".join(f"{one:.4f}" if isinstance(one, float) else str(one) for one in values)


def _duplicates(rows: Sequence[tuple[int, Decision]], unit: str) -> list[str]:
    first: dict[tuple[str, str, str, str], int] = {}
    return [
        f"{unit} {number} decides {' '.join(row.key[1:])} of {row.target} again, after {unit}"
        f" {first[row.key]}"
        for number, row in rows
        if first.setdefault(row.key, number) != number
    ]


def _raise(problems: list[str], where: str) -> None:
    if not problems:
        return
    more = len(problems) - _SHOWN_PROBLEMS
    shown = "; ".join(problems[:_SHOWN_PROBLEMS])
    raise GristmillError(
        shown + (f"; and {more} more" if more > 0 else ""),
        where=where,
        todo="Correct the lines; each needs all columns, and each prefix one line.",
    )


def combine(written: Iterable[Decision], proposed: Iterable[Decision]) -> list[Decision]:
    """Return the decisions of the next iteration, sorted: people's stay, automatic ones are new."""
    kept = {row.key: row for row in written if row.who != AUTO}
    return sorted({**{row.key: row for row in proposed}, **kept}.values())
