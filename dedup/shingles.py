"""A text as the set of its word n-grams, each a 64-bit hash: what Jaccard is measured on.

A word is a maximal run of letters, digits (`str.isalnum`) and "_" of the lower-cased text; every
CJK ideograph, kana and hangul syllable is a word of its own, since those scripts put no spaces
between words. In a text that is mostly other signs (APL, Brainfuck), every sign is a word too:
where words have less than 1 / SYMBOL_SHARE of the bytes that are not white space. A shingle is
`ngram` consecutive words. A text of fewer words has one shingle, a hash of all its bytes, so it
resembles its copies only.

The C kernel in native/ hashes the words of a column in one pass; what is here is its twin, value
for value, and what runs where no C compiler was. Among n distinct shingles about n^2 / 2^65 pairs
collide: 0.03 for a thousand million of them.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ..corpus.characters import CLASS_SHIFT, RUN, SINGLE, SPACE, SYMBOL, character_table
from .columns import TextBatch, text_batches
from .mixing import mix64
from .native import kernel

WORD_SEED = 0x9E3779B97F4A7C15
WORD_FIRST = 0xD6E8FEB86659FD93
WORD_SECOND = 0xBF58476D1CE4E5B9
SHORT_TEXT = 0x94D049BB133111EB  # a text of few words has a shingle of its own kind
ROTATION_BITS = 11
SYMBOL_SHARE = 4
STEP_BYTES = 8  # of a word's UTF-8 that one step of its hash takes; a word has two steps at least

Hashes = npt.NDArray[np.uint64]


class ShingleBatch(NamedTuple):
    """The shingles of consecutive texts: text i has `hashes[offsets[i]:offsets[i + 1]]`."""

    hashes: Hashes  # each text's own ones sorted and unique
    offsets: npt.NDArray[np.int64]  # one more than there are texts


def shingle_hashes(text: str, *, ngram: int = 5) -> Hashes:
    """Return the sorted unique hashes of a text's shingles; none if it is empty."""
    column = pa.chunked_array([pa.array([text], pa.large_string())])
    (batch,) = shingle_column(column, ngram=ngram)
    return batch.hashes


def shingle_column(
    texts: pa.ChunkedArray, *, ngram: int = 5, batch_bytes: int = 1 << 20
) -> Iterator[ShingleBatch]:
    """Yield the shingles of a string column in batches of consecutive rows; a null has none.

    A batch holds rows of at most `batch_bytes` of UTF-8 together, or one longer row. The C kernel
    takes about 10 bytes of memory for each of them, numpy 60. The result does not depend on the
    batches.
    """
    assert ngram >= 1
    native = kernel()
    room = np.empty(0, dtype=np.uint64)
    for batch in text_batches(texts, batch_bytes):
        if native is None:
            hashes, counts = numpy_shingles(batch, ngram)
            yield _sorted_unique(hashes, _offsets(counts))
            continue
        if len(room) < len(batch.data):  # a word has a byte at least
            room = np.empty(len(batch.data), dtype=np.uint64)
        counts = np.zeros(batch.num_texts, dtype=np.int64)
        num = native.distinct_shingles(batch.data, batch.offsets, ngram, room, counts, None)
        yield ShingleBatch(room[:num].copy(), _offsets(counts))


def _offsets(counts: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)])


def numpy_shingles(batch: TextBatch, ngram: int) -> tuple[Hashes, npt.NDArray[np.int64]]:
    """Return the hashes of the shingles of all texts in order, and how many each text has."""
    words, num_words = _words(batch.texts())
    is_short = num_words < ngram
    counts = np.where(is_short, np.diff(batch.offsets) > 0, num_words - ngram + 1)
    long_counts = np.where(is_short, 0, counts)
    owner = np.repeat(np.arange(len(counts)), long_counts)
    within = np.arange(len(owner)) - np.repeat(np.cumsum(long_counts) - long_counts, long_counts)
    first = (np.cumsum(num_words) - num_words)[owner] + within
    sums = np.zeros(len(owner), dtype=np.uint64)
    for j in range(ngram):
        sums += rotate(words[first + j], ROTATION_BITS * j % 64)
    hashes = np.empty(int(counts.sum()), dtype=np.uint64)
    starts = np.cumsum(counts) - counts
    hashes[starts[owner] + within] = mix64(sums)
    lone = np.flatnonzero(is_short & (counts > 0))
    whole = _word_hashes(batch.data.tobytes(), batch.offsets[lone], batch.offsets[lone + 1])
    hashes[starts[lone]] = mix64(whole + np.uint64(SHORT_TEXT))
    return hashes, counts


def rotate(values: Hashes, bits: int) -> Hashes:
    """Return the values with their bits turned to the left."""
    return (values << np.uint64(bits)) | (values >> np.uint64(64 - bits)) if bits else values


def _words(texts: Sequence[str]) -> tuple[Hashes, npt.NDArray[np.int64]]:
    """Return the hashes of the words of all texts in order, and how many each text has."""
    codes = np.frombuffer("\n".join([*texts, ""]).encode("utf-32-le"), dtype="<u4")
    entries = character_table()[codes]
    lower = entries & np.uint32((1 << CLASS_SHIFT) - 1)
    ends = np.cumsum([len(text) + 1 for text in texts], dtype=np.int64)
    sizes = (1 + (lower >= 0x80) + (lower >= 0x800) + (lower >= 0x10000)).astype(np.int64)
    classes = _with_symbols((entries >> np.uint32(CLASS_SHIFT)).astype(np.uint8), sizes, ends)
    starts, stops = _word_bounds(classes)
    places = np.zeros(len(codes) + 1, dtype=np.int64)
    np.cumsum(sizes, out=places[1:])
    data = lower.astype("<u4").tobytes().decode("utf-32-le").encode()
    num_before = np.searchsorted(starts, ends)
    return _word_hashes(data, places[starts], places[stops]), np.diff(num_before, prepend=0)


def _with_symbols(
    classes: npt.NDArray[np.uint8], sizes: npt.NDArray[np.int64], ends: npt.NDArray[np.int64]
) -> npt.NDArray[np.uint8]:
    """Make words of the signs of the texts that are mostly made of signs."""
    starts = np.concatenate([[0], ends[:-1]])
    num_word_bytes = np.add.reduceat(np.where(classes >= RUN, sizes, 0), starts)
    num_visible = np.add.reduceat(np.where(classes != SPACE, sizes, 0), starts)
    is_dense = np.repeat(num_word_bytes * SYMBOL_SHARE < num_visible, np.diff(ends, prepend=0))
    return np.where(is_dense & (classes == SYMBOL), np.uint8(SINGLE), classes)


def _word_bounds(
    classes: npt.NDArray[np.uint8],
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return where each word starts and where it stops; the last character is a separator."""
    run = classes == RUN
    begins = classes == SINGLE
    finishes = begins.copy()
    begins[0] |= run[0]
    begins[1:] |= run[1:] & ~run[:-1]
    finishes[:-1] |= run[:-1] & ~run[1:]
    return np.flatnonzero(begins), np.flatnonzero(finishes) + 1


def _word_hashes(
    data: bytes, starts: npt.NDArray[np.int64], stops: npt.NDArray[np.int64]
) -> Hashes:
    padded = data + bytes(2 * STEP_BYTES)
    steps = np.ndarray((len(data) + STEP_BYTES + 1,), dtype="<u8", buffer=padded, strides=(1,))
    left, places = stops - starts, starts.copy()
    hashes = left.astype(np.uint64) * np.uint64(WORD_SEED)
    more = np.flatnonzero(left > 2 * STEP_BYTES)
    while len(more):
        hashes[more] = _step(hashes[more], steps[places[more]])
        places[more] += STEP_BYTES
        left[more] -= STEP_BYTES
        more = more[left[more] > 2 * STEP_BYTES]
    hashes = _step(hashes, _first_bytes(steps[places], left))
    hashes ^= _first_bytes(steps[places + STEP_BYTES], left - STEP_BYTES)
    hashes *= np.uint64(WORD_SECOND)
    hashes ^= hashes >> np.uint64(29)
    return hashes


def _step(hashes: Hashes, data: Hashes) -> Hashes:
    mixed = (hashes ^ data) * np.uint64(WORD_FIRST)
    mixed ^= mixed >> np.uint64(32)
    return mixed


def _first_bytes(data: Hashes, counts: npt.NDArray[np.int64]) -> Hashes:
    """Return the first bytes of every 8, zeros behind them; none where the count is negative."""
    masks = [(1 << 8 * num) - 1 for num in range(STEP_BYTES + 1)]
    return data & np.array(masks, dtype=np.uint64)[np.clip(counts, 0, STEP_BYTES)]


def _sorted_unique(hashes: Hashes, offsets: npt.NDArray[np.int64]) -> ShingleBatch:
    bounds = offsets.tolist()
    for start, stop in pairwise(bounds):
        hashes[start:stop].sort()
    fresh = np.ones(len(hashes), dtype=np.bool_)
    fresh[1:] = hashes[1:] != hashes[:-1]
    fresh[offsets[:-1][offsets[:-1] < len(hashes)]] = True
    kept_before = np.zeros(len(hashes) + 1, dtype=np.int64)
    np.cumsum(fresh, out=kept_before[1:])
    return ShingleBatch(hashes[fresh], kept_before[offsets])
