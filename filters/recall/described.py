"""Files with detailed descriptions: how much prose explains how much code, and from where it is so.

DeepSeek-Coder-V2 collected by hand "high-quality source code, such as those containing detailed
descriptions"; this is the rule in its place. A description is prose in a comment or a docstring,
or in Markdown around fenced code. A line is prose if it has LINE_WORDS words and is letters and
blanks for the most part, so code that was commented out is none; nor are comments that speak of
copyright or licence. A Chinese or Japanese character is a word.

Measured once a file; a new threshold reads no text. About 6 MB/s on one core.
"""

import re
from collections.abc import Iterator
from functools import cache
from typing import Final, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ..comments import FRAME, LICENCE, comment_signs, line_pattern

FENCED: Final = frozenset(("Markdown", "RMarkdown", "MDX", "mdsvex"))
FENCES: Final = ("```", "~~~")
MARKS: Final = " \t#>*-+|"  # that open a heading, a quotation, an item or a cell
# Languages in which a triple-quoted string that opens a line describes what stands beside it.
DOCSTRINGS: Final = frozenset(
    ("Python", "Cython", "Sage", "Snakemake", "Starlark", "Xonsh", "Mojo", "Julia", "Elixir")
)
LINE_WORDS: Final = 4
LINE_LETTERS: Final = 0.8  # of a line's characters that are letters or blanks
CJK: Final = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U0003ffff"

DESCRIBED: Final = pa.schema(
    [
        ("prose_words", pa.int64()),
        ("prose_fraction", pa.float64()),  # characters of lines of prose among all
        ("num_code_lines", pa.int64()),  # that are not blank, comments and docstrings taken out
    ]
)

# The second alternative is a string that is code: its end must not be taken for a beginning.
_STRINGS: Final = (
    r"^[ \t]*(?:@\w*doc[ \t]+)?[rRuU]?(?P<quote>\"{3}|'{3})((?s:.)*?)(?:(?P=quote)|\Z)",
    r"(?P<opening>\"{3}|'{3})(?P<string>(?s:.)*?)(?:(?P=opening)|\Z)",
)
_WORD: Final = re.compile(rf"[{CJK}]|[^\W\d_{CJK}]+")
_NO_LETTER: Final = re.compile(r"[\d_]|[^\w \t]")


class DescribedSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """From where a file is one with detailed descriptions."""

    least_words: int = 100
    least_fraction: float = 0.15
    most_fraction: float = 0.75  # above, there is little code that the prose could be about
    least_code_lines: int = 15

    def __post_init__(self) -> None:
        if min(self.least_words, self.least_code_lines) < 0:
            raise ValueError("least_words and least_code_lines must be at least 0")
        if not 0 <= self.least_fraction <= self.most_fraction <= 1:
            raise ValueError("least_fraction and most_fraction must lie in order between 0 and 1")


class Description(NamedTuple):
    """The prose of one text, and the lines that are code."""

    prose_words: int
    prose_chars: int
    num_code_lines: int


def measure_described(texts: pa.ChunkedArray, languages: pa.ChunkedArray) -> pa.Table:
    """Return DESCRIBED of every text, row for row; of a null, nulls.

    Args:
        languages: names of the language table; a text without one has no prose.
    """
    rows: dict[str, list[float | None]] = {name: [] for name in DESCRIBED.names}
    for text, language in zip(texts, languages.to_pylist(), strict=True):
        found = _row(text.as_py(), language)
        for name, value in zip(DESCRIBED.names, found, strict=True):
            rows[name].append(value)
    return pa.table({name: pa.array(rows[name], DESCRIBED.field(name).type) for name in rows})


def _row(text: str | None, language: str | None) -> tuple[float | None, ...]:
    if text is None:
        return (None,) * len(DESCRIBED)
    words, chars, lines = describe(text, language)
    return words, chars / max(len(text), 1), lines


def is_described(measured: pa.Table, settings: DescribedSettings) -> npt.NDArray[np.bool_]:
    """Return which rows of DESCRIBED are files with detailed descriptions."""
    fraction = measured["prose_fraction"]
    flags = [
        pc.greater_equal(measured["prose_words"], settings.least_words),
        pc.greater_equal(fraction, settings.least_fraction),
        pc.less_equal(fraction, settings.most_fraction),
        pc.greater_equal(measured["num_code_lines"], settings.least_code_lines),
    ]
    found = [np.asarray(pc.fill_null(flag, fill_value=False), dtype=np.bool_) for flag in flags]
    is_found: npt.NDArray[np.bool_] = np.logical_and.reduce(found)
    return is_found


def describe(text: str, language: str | None) -> Description:
    """Return the prose of one text, and the lines that are code."""
    if language in FENCED:
        prose, code = _split_fenced(text)
    else:
        prose, code = _split_comments(text, language)
    found = [line for line in prose if is_prose(line)]
    return Description(
        prose_words=sum(len(_WORD.findall(line)) for line in found),
        prose_chars=sum(map(len, found)),
        num_code_lines=sum(bool(line.strip()) for line in code),
    )


def is_prose(line: str) -> bool:
    """Tell whether a line, without the signs around it, says something in words."""
    num_letters = len(line) - len(_NO_LETTER.findall(line))
    return num_letters >= LINE_LETTERS * len(line) and len(_WORD.findall(line)) >= LINE_WORDS


def _split_fenced(text: str) -> tuple[list[str], list[str]]:
    prose: list[str] = []
    code: list[str] = []
    fence = ""
    for line in text.split("\n"):
        mark = line.strip()[:3]
        if mark in FENCES and fence in ("", mark):
            fence = "" if fence else mark
        elif fence:
            code.append(line)
        else:
            prose.append(line.strip(MARKS))
    return prose, code


def _split_comments(text: str, language: str | None) -> tuple[list[str], list[str]]:
    pattern = _pattern(language) if language is not None else None
    if pattern is None:
        return [], text.split("\n")
    prose: list[str] = []
    for run in _runs(text, pattern):
        if not LICENCE.search(run):
            prose += (line.strip(FRAME) for line in run.split("\n"))
    return prose, pattern.sub(_code_of, text).split("\n")


def _code_of(match: re.Match[str]) -> str:
    return match[0] if _is_code(match) else ""


def _is_code(match: re.Match[str]) -> bool:
    return match.groupdict().get("string") is not None


@cache
def _pattern(language: str) -> re.Pattern[str] | None:
    """Return the pattern of a language's descriptions; the last group of each is what it says."""
    line, block = comment_signs(language) or (None, None)
    parts: list[str] = []
    if language in DOCSTRINGS:
        parts += _STRINGS
    if line is not None:
        parts.append(line_pattern(line))
    if block is not None:
        opening, closing = map(re.escape, block)
        parts.append(rf"{opening}((?s:.)*?)(?:{closing}|\Z)")
    return re.compile("|".join(parts), re.MULTILINE) if parts else None


def _runs(text: str, pattern: re.Pattern[str]) -> Iterator[str]:
    """Yield descriptions; those with no more than a line end between them are one."""
    run: list[str] = []
    end = 0
    for match in pattern.finditer(text):
        if _is_code(match):
            continue
        gap = text[end : match.start()]
        if run and (gap.strip() or gap.count("\n") > 1):
            yield "\n".join(run)
            run = []
        run.append(match[match.lastindex or 0])
        end = match.end()
    if run:
        yield "\n".join(run)
