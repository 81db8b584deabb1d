"""What a web page's text is made of: code, formulas, and the prose around them.

Prose is what is left once code blocks, code inside lines and formulas are taken out, so that a
page is not taken for noise because it holds them. The marks are those of the fine tier's Markdown;
in a cheap text, which has none, code and formulas count as prose.
"""

import re
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

NGRAM_WORDS: Final = 10  # the longest of Gopher's repeated n-grams (Rae et al. 2021, table A1)

_FENCE: Final = re.compile(r"[ \t>]*(`{3,}|~{3,})")
# What is inside a line begins with a character of its own, which is what makes the search fast. A
# dollar opens and closes as pandoc has it, no space inside it and no digit after it, so that money
# is none. Formulas are bounded, so that a lone dollar costs no more than a paragraph.
_INLINE: Final = re.compile(
    r"(?P<code>`(?<![`\\]`)(?:[^`\n]+`(?!`)|`(?!`)[^\n]{1,2000}?(?<!`)``(?!`)))"
    r"|\$(?<!\\\$)(?:\$(?:[^$\\]|\\.){1,20000}?\$\$"
    r"|(?<![\w$]\$)(?=[^\s$])(?:[^$\\]|\\.){1,2000}?(?<=\S)\$(?![\w$]))",
    re.DOTALL,
)
_HOLE: Final = "\ue000"  # stands for what was taken out
_MARKUP: Final = re.compile(
    r"^[ \t]*(?:(?:#{1,6}|[-*+>]|\d{1,3}[.)])[ \t]+)+|\|(?:[ \t:-]*-{3,}[ \t:|-]*)?", re.MULTILINE
)
_LIST_LINE: Final = re.compile(r"(?:[-*+\u2022\u00b7\u25aa\u25e6\u2023]|\d{1,3}[.)])[ \t]")
_ADDRESS: Final = re.compile(r"(?:https?://|www\.)[^\s<>()\"']+")
_CJK: Final = "\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\U00020000-\U0003ffff"
_WORD: Final = re.compile(rf"{_HOLE}|[{_CJK}]|[^\W_{_CJK}]+")
_ALPHANUMERIC: Final = re.compile(r"[^\W_]+")
_BASE: Final = 0x9E3779B97F4A7C15  # odd


class PageText(msgspec.Struct, frozen=True, kw_only=True):
    """What is measured of a page's text; the fractions lie between 0 and 1.

    Attributes:
        prose_chars: characters that are no code, no formula and no space.
        code_fraction: of all characters, those of code, with its marks.
        formula_fraction: of all characters, those of formulas, with their marks.
        prose_symbol_fraction: of the prose without marks of headings, lists and tables, what is
            no letter and no digit.
        duplicate_line_fraction: of the prose, what stands in a line that was there before.
        duplicate_ngram_fraction: of the words, those in ten that were there before; a Chinese
            character is a word.
        list_line_fraction: of the lines with prose, items of lists.
        url_fraction: of the prose, what is in addresses.
    """

    prose_chars: int
    code_fraction: float
    formula_fraction: float
    prose_symbol_fraction: float
    duplicate_line_fraction: float
    duplicate_ngram_fraction: float
    list_line_fraction: float
    url_fraction: float


def measure_page(text: str) -> PageText:
    """Return what a page's text is made of."""
    prose, code_chars, formula_chars = split_page(text)
    num_chars = max(len(text), 1)
    prose_chars = _visible(prose)
    lines = [line for line in map(str.strip, prose.splitlines()) if line.strip(f" {_HOLE}")]
    num_items = sum(_LIST_LINE.match(line) is not None for line in lines)
    address_chars = sum(map(len, _ADDRESS.findall(prose)))
    return PageText(
        prose_chars=prose_chars,
        code_fraction=code_chars / num_chars,
        formula_fraction=formula_chars / num_chars,
        prose_symbol_fraction=_symbol_fraction(prose),
        duplicate_line_fraction=_duplicate_line_chars(lines) / max(prose_chars, 1),
        duplicate_ngram_fraction=_duplicate_ngram_fraction(_WORD.findall(prose.casefold())),
        list_line_fraction=num_items / max(len(lines), 1),
        url_fraction=min(address_chars / max(prose_chars, 1), 1.0),
    )


def split_page(text: str) -> tuple[str, int, int]:
    """Return the prose of a text, and how many characters of code and of formulas it has.

    What is inside a line leaves a character of private use, so that words do not run together.
    """
    prose, code_chars = _without_blocks(text)
    formula_chars = 0
    for found in _INLINE.finditer(prose):
        length = found.end() - found.start()
        if found["code"] is not None:
            code_chars += length
        else:
            formula_chars += length
    return _INLINE.sub(_HOLE, prose), code_chars, formula_chars


def _without_blocks(text: str) -> tuple[str, int]:
    lines: list[str] = []
    code_chars, fence = 0, ""
    for line in text.splitlines(keepends=True):
        mark = _FENCE.match(line)
        is_code = bool(fence) or mark is not None
        if is_code:
            code_chars += len(line)
        else:
            lines.append(line)
        if mark is not None and not fence:
            fence = mark[1]
        elif mark is not None and mark[1].startswith(fence) and line.strip(" \t>\r\n") == mark[1]:
            fence = ""
    return "".join(lines), code_chars


def _visible(text: str) -> int:
    return len("".join(text.split())) - text.count(_HOLE)


def _symbol_fraction(prose: str) -> float:
    visible = "".join(_MARKUP.sub("", prose).replace(_HOLE, "").split())
    return len(_ALPHANUMERIC.sub("", visible)) / max(len(visible), 1)


def _duplicate_line_chars(lines: list[str]) -> int:
    """Count the characters of repeated lines; one that something was taken out of is its own."""
    seen: set[str] = set()
    num_chars = 0
    for line in lines:
        if line in seen:
            num_chars += _visible(line)
        elif _HOLE not in line:
            seen.add(line)
    return num_chars


def _duplicate_ngram_fraction(words: list[str]) -> float:
    if len(words) <= NGRAM_WORDS:
        return 0.0
    encoded = pa.array(words).dictionary_encode()
    numbers = encoded.indices.to_numpy().astype(np.uint64)
    if _HOLE in words:  # what was taken out is like nothing else
        holes = np.flatnonzero(numbers == numbers[words.index(_HOLE)])
        numbers[holes] = len(words) + holes
    _, first, group = np.unique(_ngram_hashes(numbers), return_index=True, return_inverse=True)
    repeated = np.flatnonzero(first[group] != np.arange(len(group)))
    depth = np.zeros(len(words) + 1, dtype=np.int64)
    np.add.at(depth, repeated, 1)
    np.add.at(depth, repeated + NGRAM_WORDS, -1)
    return float(np.count_nonzero(np.cumsum(depth[:-1])) / len(words))


def _ngram_hashes(numbers: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Return a hash of every run of NGRAM_WORDS numbers."""
    length = len(numbers) - NGRAM_WORDS + 1
    hashes = np.zeros(length, dtype=np.uint64)
    for place in range(NGRAM_WORDS):
        hashes = (hashes + numbers[place : place + length] + np.uint64(1)) * np.uint64(_BASE)
        hashes ^= hashes >> np.uint64(29)
    return hashes
