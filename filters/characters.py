r"""Count characters and lines of a whole column at once, over its code points as one array.

Lines are what `str.split("\n")` gives, without the empty last one that a final line feed leaves;
a carriage return at the end of a line belongs to the line end and is not counted in its length.
Lone carriage returns, form feeds and U+2028 end no line here, unlike in `str.splitlines`, which
StarCoder's filter uses: editors and compilers of today show them inside a line.

Which characters are letters is the running Python's Unicode table.
"""

from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

BATCH_BYTES = 1 << 20  # UTF-8 bytes expanded to code points at a time; a longer text goes alone

_LETTER = 1
_LETTER_OR_DIGIT = 2
_LINE_FEED = 10
_CARRIAGE_RETURN = 13

Counts = npt.NDArray[np.int64]


class CharacterCounts(NamedTuple):
    """Six counts per text; null texts count as empty."""

    num_chars: Counts
    num_alphabetic: Counts
    num_alphanumeric: Counts
    num_lines: Counts
    line_chars: Counts  # characters of all lines without their ends
    max_line_length: Counts


def count_characters(texts: pa.LargeStringArray) -> CharacterCounts:
    """Return the counts of every text, in order; memory is bounded by BATCH_BYTES or one text."""
    if texts.null_count:
        texts = pc.fill_null(texts, "")
    data, byte_offsets = _buffers(texts)
    lengths = np.asarray(pc.utf8_length(texts), dtype=np.int64)
    parts = []
    for first, last in _batches(byte_offsets):
        code_points = _code_points(data[byte_offsets[first] : byte_offsets[last]])
        ends = np.cumsum(lengths[first:last])
        parts.append(
            (lengths[first:last], *_letters(code_points, ends), *_lines(code_points, ends))
        )
    if not parts:
        return CharacterCounts(*(np.zeros(0, dtype=np.int64) for _ in CharacterCounts._fields))
    return CharacterCounts(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def count_characters_slow(text: str) -> tuple[int, int, int, int, int, int]:
    """Return one text's CharacterCounts, as the module's docstring defines them."""
    lines = text.split("\n")
    if lines[-1] == "":
        lines.pop()
    line_lengths = [len(line.removesuffix("\r")) for line in lines]
    num_alphabetic = sum(map(str.isalpha, text))
    num_alphanumeric = sum(map(str.isalnum, text))
    longest = max(line_lengths, default=0)
    return len(text), num_alphabetic, num_alphanumeric, len(lines), sum(line_lengths), longest


@cache
def _classes() -> npt.NDArray[np.uint8]:
    """Return for each of the 0x110000 code points whether it is a letter, or a letter or digit."""
    characters = [chr(code) for code in range(0x110000)]
    letters = np.fromiter(map(str.isalpha, characters), dtype=np.uint8, count=0x110000)
    letters_or_digits = np.fromiter(map(str.isalnum, characters), dtype=np.uint8, count=0x110000)
    return letters * np.uint8(_LETTER) + letters_or_digits * np.uint8(_LETTER_OR_DIGIT)


def _buffers(texts: pa.LargeStringArray) -> tuple[npt.NDArray[np.uint8], Counts]:
    _, offset_buffer, data_buffer = texts.buffers()
    if offset_buffer is None or offset_buffer.size == 0:
        return np.zeros(0, dtype=np.uint8), np.zeros(1, dtype=np.int64)
    offsets = np.frombuffer(offset_buffer, dtype=np.int64)
    data = np.frombuffer(data_buffer if data_buffer is not None else b"", dtype=np.uint8)
    return data, offsets[texts.offset : texts.offset + len(texts) + 1]


def _batches(byte_offsets: Counts) -> Iterator[tuple[int, int]]:
    """Yield ranges of rows that hold at most BATCH_BYTES, or one row."""
    first, num_rows = 0, len(byte_offsets) - 1
    while first < num_rows:
        limit = byte_offsets[first] + BATCH_BYTES
        last = int(np.searchsorted(byte_offsets, limit, side="right")) - 1
        last = min(max(last, first + 1), num_rows)
        yield first, last
        first = last


def _code_points(data: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8] | npt.NDArray[np.uint32]:
    if not len(data) or data.max() < 0x80:
        return data  # ASCII: bytes are the code points
    return np.frombuffer(data.tobytes().decode("utf-8").encode("utf-32-le"), dtype=np.uint32)


def _letters(
    code_points: npt.NDArray[np.uint8] | npt.NDArray[np.uint32], ends: Counts
) -> tuple[Counts, Counts]:
    classes = _classes()[code_points]
    return (
        _sums((classes & _LETTER) != 0, ends),
        _sums((classes & _LETTER_OR_DIGIT) != 0, ends),
    )


def _sums(flags: npt.NDArray[np.bool_], ends: Counts) -> Counts:
    totals = np.zeros(len(flags) + 1, dtype=np.int64)
    np.cumsum(flags, out=totals[1:])
    return np.diff(totals[ends], prepend=0)


def _lines(
    code_points: npt.NDArray[np.uint8] | npt.NDArray[np.uint32], ends: Counts
) -> tuple[Counts, Counts, Counts]:
    """Return per row: number of lines, their characters, and the longest line's length.

    A break is coded 2p + 1 for a line feed at p, and 2e for a row that ends at e without one; so
    the end of a row sorts before a line feed that opens the next row.
    """
    num_rows = len(ends)
    line_feeds = np.flatnonzero(code_points == _LINE_FEED)
    not_empty = np.diff(ends, prepend=0) > 0
    row_ends = ends[not_empty]
    open_ends = row_ends[code_points[row_ends - 1] != _LINE_FEED]
    breaks = np.sort(np.concatenate([line_feeds * 2 + 1, open_ends * 2]))
    stops = breaks >> 1
    starts = np.concatenate([np.zeros(1, dtype=np.int64), ((breaks + 1) >> 1)[:-1]])
    if not len(breaks):
        zeros = np.zeros(num_rows, dtype=np.int64)
        return zeros, zeros, zeros
    line_lengths = stops - starts
    returns = (line_lengths > 0) & (code_points[np.maximum(stops - 1, 0)] == _CARRIAGE_RETURN)
    line_lengths -= returns
    rows = np.searchsorted(ends, starts, side="right")
    num_lines = np.bincount(rows, minlength=num_rows).astype(np.int64)
    line_chars = np.bincount(rows, weights=line_lengths, minlength=num_rows).astype(np.int64)
    longest = np.zeros(num_rows, dtype=np.int64)
    first_lines = np.flatnonzero(np.diff(rows, prepend=-1))
    longest[rows[first_lines]] = np.maximum.reduceat(line_lengths, first_lines)
    return num_lines, line_chars, longest
