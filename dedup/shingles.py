"""A text as the set of its word n-grams, each a 64-bit hash: what Jaccard is measured on.

A word is a maximal run of Unicode word characters (`str.isalnum` or "_") of the lower-cased text;
every CJK ideograph, kana and hangul syllable is a word of its own, since those scripts put no
spaces between words. A shingle is `ngram` consecutive words. A text with fewer words has no
shingles: it takes part in exact dedup only, so short files never collapse into one another.

With P and R the two multipliers below, modulo 2^64:
    word    = mix64(Horner value of its code points at P)
    shingle = mix64(Horner value of its words at R)
Among n distinct shingles about n^2 / 2^65 pairs collide: 0.03 for a thousand million of them. A
collision adds one false element to an intersection of hundreds. Words of over a thousand
characters can be built to collide on purpose (Thue-Morse), which only makes two such words equal.

The classes of characters are those of the interpreter's Unicode tables: characters assigned
between two versions of Unicode are separators under the older one.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from .mixing import mix64

WORD_MULTIPLIER = 0x9E3779B97F4A7C15
SHINGLE_MULTIPLIER = 0xD6E8FEB86659FD93

# Blocks whose alphanumeric characters are words of their own; both ends are included.
SINGLE_CHARACTER_WORDS = (
    (0x3005, 0x3007),  # ideographic iteration mark and zero
    (0x3021, 0x3029),  # Hangzhou numerals
    (0x3038, 0x303B),
    (0x3041, 0x30FF),  # hiragana and katakana
    (0x31F0, 0x31FF),
    (0x3400, 0x4DBF),  # ideographs
    (0x4E00, 0x9FFF),
    (0xAC00, 0xD7A3),  # hangul syllables
    (0xF900, 0xFAFF),
    (0xFF66, 0xFF9F),  # halfwidth katakana
    (0x1AFF0, 0x1B16F),  # kana extensions
    (0x20000, 0x3FFFF),  # ideographs
)
_SEPARATOR, _RUN, _SINGLE = 0, 1, 2
_CACHED_POWERS = 1 << 22


class ShingleBatch(NamedTuple):
    """The shingles of consecutive texts: text i has `hashes[offsets[i]:offsets[i + 1]]`."""

    hashes: npt.NDArray[np.uint64]  # each text's own ones sorted and unique
    offsets: npt.NDArray[np.int64]  # one more than there are texts


def shingle_hashes(text: str, *, ngram: int = 5) -> npt.NDArray[np.uint64]:
    """Return the sorted unique hashes of a text's shingles; none under `ngram` words."""
    return _shingle_batch([text], ngram).hashes


def shingle_column(
    texts: pa.ChunkedArray, *, ngram: int = 5, batch_bytes: int = 1 << 20
) -> Iterator[ShingleBatch]:
    """Yield the shingles of a string column in batches of consecutive rows; a null has none.

    A batch holds rows of at most `batch_bytes` of UTF-8 together, or one longer row, and takes
    about 50 bytes of memory for each of its characters. The result does not depend on the batches.
    """
    for chunk in texts.chunks:
        sizes = pc.fill_null(pc.binary_length(chunk), 0).to_numpy(zero_copy_only=False)
        ends = np.cumsum(sizes.astype(np.int64) + 1)
        first = 0
        while first < len(chunk):
            room = batch_bytes + (int(ends[first - 1]) if first else 0)
            last = max(first + 1, int(np.searchsorted(ends, room, side="right")))
            rows = chunk.slice(first, last - first).to_pylist()
            yield _shingle_batch([text or "" for text in rows], ngram)
            first = last


def _shingle_batch(texts: Sequence[str], ngram: int) -> ShingleBatch:
    assert ngram >= 1
    lowered = [text.lower() for text in texts]  # by text: the lower case of sigma has a context
    ends = np.cumsum([len(text) + 1 for text in lowered], dtype=np.int64)
    codes = _code_points("\n".join([*lowered, ""]))
    starts, stops = _word_bounds(codes)
    words = _word_hashes(codes, starts, stops)
    words_before = np.searchsorted(starts, ends)
    num_words = np.diff(words_before, prepend=0)
    num_shingles = np.maximum(num_words - (ngram - 1), 0)
    owner = np.repeat(np.arange(len(texts)), num_words)
    last_start = max(len(words) - ngram + 1, 0)
    inside = owner[:last_start] == owner[ngram - 1 :]
    offsets = np.zeros(len(texts) + 1, dtype=np.int64)
    np.cumsum(num_shingles, out=offsets[1:])
    return _sorted_unique(_combine(words, ngram)[inside], offsets)


def _code_points(text: str) -> npt.NDArray[np.uint8] | npt.NDArray[np.uint32]:
    if text.isascii():
        return np.frombuffer(text.encode("ascii"), dtype=np.uint8)
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")


@lru_cache(maxsize=1)
def _character_classes() -> npt.NDArray[np.uint8]:
    alphanumeric = (chr(code).isalnum() for code in range(0x110000))
    classes = np.fromiter(alphanumeric, dtype=np.uint8, count=0x110000)
    classes[ord("_")] = _RUN
    for first, last in SINGLE_CHARACTER_WORDS:
        classes[first : last + 1] *= np.uint8(_SINGLE)
    return classes


def _word_bounds(
    codes: npt.NDArray[np.uint8] | npt.NDArray[np.uint32],
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return where each word starts and where it stops; the last character is a separator."""
    classes = _character_classes()[codes]
    run = classes == _RUN
    begins = classes == _SINGLE
    finishes = begins.copy()
    begins[0] |= run[0]
    begins[1:] |= run[1:] & ~run[:-1]
    finishes[:-1] |= run[:-1] & ~run[1:]
    return np.flatnonzero(begins), np.flatnonzero(finishes) + 1


def _word_hashes(
    codes: npt.NDArray[np.uint8] | npt.NDArray[np.uint32],
    starts: npt.NDArray[np.int64],
    stops: npt.NDArray[np.int64],
) -> npt.NDArray[np.uint64]:
    """Return each word's hash, from one running sum over all characters.

    An odd P has an inverse Q modulo 2^64, so the Horner value of c[s:e] is
    P^(e-1) * (sum of c[j] Q^j over j < e, less that over j < s).
    """
    powers, inverse_powers = _power_tables(len(codes))
    sums = np.zeros(len(codes) + 1, dtype=np.uint64)
    np.cumsum(inverse_powers[: len(codes)] * codes, out=sums[1:])
    return mix64((sums[stops] - sums[starts]) * powers[stops - 1])


def _power_tables(num_needed: int) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64]]:
    num_powers = 1 << (num_needed - 1).bit_length()
    # A huge text must not leave its tables behind in the worker.
    return (_cached_powers if num_powers <= _CACHED_POWERS else _powers)(num_powers)


def _powers(num_powers: int) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64]]:
    tables = []
    for base in (WORD_MULTIPLIER, pow(WORD_MULTIPLIER, -1, 1 << 64)):
        table = np.ones(num_powers, dtype=np.uint64)
        half = 1
        while half < num_powers:
            step = np.uint64(pow(base, half, 1 << 64))
            np.multiply(table[:half], step, out=table[half : 2 * half])
            half *= 2
        tables.append(table)
    return tables[0], tables[1]


_cached_powers = lru_cache(maxsize=1)(_powers)


def _combine(words: npt.NDArray[np.uint64], ngram: int) -> npt.NDArray[np.uint64]:
    num_shingles = max(len(words) - ngram + 1, 0)
    values = words[:num_shingles].copy()
    for shift in range(1, ngram):
        values *= np.uint64(SHINGLE_MULTIPLIER)
        values += words[shift : shift + num_shingles]
    return mix64(values)


def _sorted_unique(hashes: npt.NDArray[np.uint64], offsets: npt.NDArray[np.int64]) -> ShingleBatch:
    bounds = offsets.tolist()
    for start, stop in pairwise(bounds):
        hashes[start:stop].sort()
    fresh = np.ones(len(hashes), dtype=np.bool_)
    fresh[1:] = hashes[1:] != hashes[:-1]
    fresh[offsets[:-1][offsets[:-1] < len(hashes)]] = True
    kept_before = np.zeros(len(hashes) + 1, dtype=np.int64)
    np.cumsum(fresh, out=kept_before[1:])
    return ShingleBatch(hashes[fresh], kept_before[offsets])
