"""Lines that many pages share: which of a page's lines may be cut, and where they stand.

A line is its bytes without the spaces around it, hashed to 64 bits; the hash is a polynomial
modulo 2^64 over its bytes, so that all lines of a column are hashed by one running sum. Layout
that repeats without being boilerplate is protected: short lines, lines without a letter, what
marks say is code or a formula, and what looks like code: lines that begin with a space, or begin
or end with a character that code does.
"""

from functools import lru_cache
from itertools import groupby
from typing import Final, Literal

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from .columns import TextBatch, text_batches
from .marked_lines import MARKS, marked_ranges
from .mixing import mix64

LineScope = Literal["host", "corpus"]


class Boilerplate(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which lines of web pages are cut; the paper has no such step, so it is off by default."""

    min_pages: int = 0  # a line that so many kept pages have is cut from all of them; 0: none is
    scope: LineScope = "host"  # whose pages are counted: the host's own, or the corpus's
    min_chars: int = 20  # shorter lines stay

    def __post_init__(self) -> None:
        if self.min_pages != 0 and self.min_pages < 2:
            raise ValueError("min_pages must be 0 or at least 2: one page has every line it has")
        if self.min_chars < 1:
            raise ValueError("min_chars must be at least 1")


LINES = pa.schema(
    [
        ("row", pa.int64()),  # of the text in the column
        ("line_hash", pa.uint64()),
        ("first_char", pa.int64()),
        ("end_char", pa.int64()),  # where the next line that is not blank begins, or the text ends
    ]
)
SPACES: Final = bytes(range(33))  # controls count as spaces
CODE_FIRST: Final = b"#$%()*./<>@[]`{|}"
CODE_LAST: Final = b"(,;=[\\{|}"
BASE: Final = 0x9E3779B97F4A7C15  # odd, so that it has an inverse modulo 2^64
BASE_INVERSE: Final = pow(BASE, -1, 1 << 64)
LENGTH_STEP: Final = 0xD6E8FEB86659FD93

_BATCH_BYTES = 1 << 16  # what it takes stays in the cache
_LF, _SPACE = 10, 32

Bytes = npt.NDArray[np.uint8]
Positions = npt.NDArray[np.int64]
Hashes = npt.NDArray[np.uint64]


def line_table(texts: pa.ChunkedArray, *, min_chars: int) -> pa.Table:
    """Return LINES of a string column: its lines that may be cut, in order."""
    tables = [LINES.empty_table()]
    row = 0
    for batch in text_batches(texts, _BATCH_BYTES):
        tables.append(_batch_lines(batch, row, min_chars))
        row += batch.num_texts
    return pa.concat_tables(tables).combine_chunks()


def _batch_lines(batch: TextBatch, first_row: int, min_chars: int) -> pa.Table:
    data, offsets = batch.data, batch.offsets
    breaks = np.flatnonzero(data == _LF) + 1
    starts = np.sort(np.concatenate([offsets, breaks]), kind="stable")
    starts = starts[:-1][starts[1:] > starts[:-1]]  # the last one is the end of the data
    visible = np.flatnonzero(data >= len(SPACES))
    bounds = np.searchsorted(visible, np.append(starts, len(data)))
    has_visible = bounds[1:] > bounds[:-1]
    starts, low, high = starts[has_visible], bounds[:-1][has_visible], bounds[1:][has_visible]
    first, stop = visible[low], visible[high - 1] + 1  # of the visible part
    owner = np.searchsorted(offsets, starts, side="right") - 1
    ends = np.minimum(np.append(starts[1:], len(data)), offsets[owner + 1])
    chars = _running((data & 0xC0) != 0x80)
    chosen = chars[stop] - chars[first] >= min_chars
    chosen &= ~_looks_like_code(data, starts, first, stop)
    chosen &= ~_is_marked(data, owner, first, stop)
    letters = _running(_is_letter(data))
    chosen &= letters[stop] > letters[first]
    before = chars[offsets[owner[chosen]]]
    return pa.table(
        [
            owner[chosen] + first_row,
            _hashes(data, first[chosen], stop[chosen]),
            chars[starts[chosen]] - before,
            chars[ends[chosen]] - before,
        ],
        schema=LINES,
    )


def _looks_like_code(
    data: Bytes, starts: Positions, first: Positions, stop: Positions
) -> npt.NDArray[np.bool_]:
    found: npt.NDArray[np.bool_] = data[starts] == _SPACE
    found |= _is_any(data[first], CODE_FIRST)
    found |= _is_any(data[stop - 1], CODE_LAST)
    return found


def _is_marked(
    data: Bytes, owner: Positions, first: Positions, stop: Positions
) -> npt.NDArray[np.bool_]:
    """Tell the lines that marks of their text protect."""
    counts = _running(_is_any(data, MARKS))
    candidates = np.flatnonzero(counts[stop] > counts[first])
    found = np.zeros(len(first), dtype=np.bool_)
    for text, numbers in groupby(candidates.tolist(), key=lambda line: owner[line]):
        lines = ((line, data[first[line] : stop[line]].tobytes()) for line in numbers)
        end = int(np.searchsorted(owner, text, side="right"))
        for low, high in marked_ranges(lines, end):
            found[low:high] = True
    return found


def _is_letter(data: Bytes) -> npt.NDArray[np.bool_]:
    """Tell the bytes of letters; beyond ASCII every character counts as one."""
    lower = data | np.uint8(0x20)
    return ((lower >= ord("a")) & (lower <= ord("z"))) | (data >= 0x80)


def _is_any(data: Bytes, characters: bytes) -> npt.NDArray[np.bool_]:
    table = np.zeros(256, dtype=np.bool_)
    table[list(characters)] = True
    return table[data]


def _running(flags: npt.NDArray[np.bool_]) -> Positions:
    """Return how many flags are set before each position, and in all."""
    counts = np.zeros(len(flags) + 1, dtype=np.int64)
    np.cumsum(flags, out=counts[1:])
    return counts


def _hashes(data: Bytes, first: Positions, stop: Positions) -> Hashes:
    """Return the hash of each range of bytes."""
    size = 1 << (max(len(data), _BATCH_BYTES) - 1).bit_length()
    powers, inverses = _powers(size)
    sums = np.zeros(len(data) + 1, dtype=np.uint64)
    np.cumsum((data + np.uint64(1)) * powers[: len(data)], out=sums[1:])
    values = (sums[stop] - sums[first]) * inverses[first]
    return mix64(values + (stop - first).astype(np.uint64) * np.uint64(LENGTH_STEP))


@lru_cache(maxsize=1)
def _powers(size: int) -> tuple[Hashes, Hashes]:
    """Return the powers of the base and of its inverse modulo 2^64."""
    found = []
    for base in (BASE, BASE_INVERSE):
        powers = np.full(size, base, dtype=np.uint64)
        powers[0] = 1
        found.append(np.multiply.accumulate(powers))
    return found[0], found[1]


def line_keys(hashes: Hashes, hosts: Hashes) -> Hashes:
    """Return what a line is counted as: its hash on its host, [num_lines]; host 0 is all hosts."""
    return np.where(hosts == 0, hashes, mix64(hashes ^ hosts))


def page_counts(keys: Hashes, rows: Positions) -> tuple[Hashes, Positions]:
    """Return the distinct keys in order, and in how many distinct rows each of them occurs."""
    order = np.lexsort((rows, keys))
    keys, rows = keys[order], rows[order]
    is_new = np.ones(len(keys), dtype=np.bool_)
    is_new[1:] = (keys[1:] != keys[:-1]) | (rows[1:] != rows[:-1])
    found, counts = np.unique(keys[is_new], return_counts=True)
    return found, counts.astype(np.int64)


def merge_spans(
    rows: Positions, first: Positions, end: Positions
) -> tuple[Positions, Positions, Positions]:
    """Return (row, first, end) in order, with those of a row that touch or overlap made one."""
    order = np.lexsort((first, rows))
    rows, first, end = rows[order], first[order], end[order]
    if not len(rows):
        return rows, first, end
    width = int(end.max()) + 1  # rows one after the other, so that no span reaches the next row
    reach = np.maximum.accumulate(rows * width + end)
    opens = np.ones(len(rows), dtype=np.bool_)
    opens[1:] = rows[1:] * width + first[1:] > reach[:-1]
    opens[1:] |= rows[1:] != rows[:-1]
    closes = np.append(opens[1:], True)
    return rows[opens], first[opens], (reach - rows * width)[closes]


def cut(text: str, spans: list[int]) -> str:
    """Return a text without its spans, given as first, end, first, end, ... in characters."""
    kept = [0, *spans, len(text)]
    return "".join(text[kept[i] : kept[i + 1]] for i in range(0, len(kept), 2))


def uncut_position(position: int, spans: list[int]) -> int:
    """Return where a character of the text without its spans stands in the text with them."""
    for first, end in zip(spans[::2], spans[1::2], strict=True):
        if first > position:
            break
        position += end - first
    return position
