"""The n-grams of an index as sorted 64-bit hashes, and where they occur in a column of texts.

An n-gram has three to ten words. Its hash is the polynomial of its words' hashes, which a scan has
for every place and length from sums over the words before it: one multiplication each. Two Bloom
filters let pass what may be part of an n-gram of ten words, or the first three of a shorter one;
only that is looked up. Ten words in a row hold eight that begin at a third of the text's words, so
a third of them is asked for. The C kernel in native/ does this in one loop; `numpy_scan` is its
twin, and what runs where no C compiler was. Equal words have equal hashes, so nothing is missed;
whoever needs to be exact compares the words of what is found.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from .columns import TextBatch, text_batches
from .native import kernel, scanner
from .shingles import Hashes, numpy_shingles

LONGEST = 10  # words; the paper's n-gram
SHORTEST = 3  # words; what is shorter is in every text
BASE = 0x9E3779B97F4A7C15
LENGTH_STEP = 0xD1B54A32D192ED03
FINAL = 0xD6E8FEB86659FD93
STRIDE = 3  # words from one question to the long filter to the next
TEXT_LIMIT = 4096  # n-grams noted of one text

Places = npt.NDArray[np.int64]


class GramTable(NamedTuple):
    """The n-grams of an index; n-gram i has `hashes[i]`, and they ascend."""

    hashes: Hashes
    long_filter: Hashes
    short_filter: Hashes
    buckets: npt.NDArray[np.uint32]  # where the hashes with each value of the upper bits begin
    lengths: int  # bit n is set if there is an n-gram of n words


class Found(NamedTuple):
    """N-grams in texts, by text and place: text, first word, and number of the n-gram."""

    texts: Places
    places: Places
    grams: Places


def word_values(batch: TextBatch) -> tuple[Hashes, Places]:
    """Return the 64-bit values of the words of all texts in order, and how many each text has.

    A text that has bytes and no word has one value, as of a word that no other text has.
    """
    counts = np.zeros(batch.num_texts, dtype=np.int64)
    native = kernel()
    if native is None:
        return numpy_shingles(batch, 1)
    values = np.empty(len(batch.data), dtype=np.uint64)
    num_values = native.shingles(batch.data, batch.offsets, 1, values, counts, None)
    return values[:num_values], counts


def values_of_words(words: pa.Array) -> Hashes:
    """Return the value of each of an array of words."""
    column = pa.chunked_array([words.cast(pa.large_string())])
    found = [word_values(batch) for batch in text_batches(column, 1 << 20)]
    assert all((counts == 1).all() for _, counts in found), "a word is one word"
    return np.concatenate([values for values, _ in found]) if found else np.empty(0, np.uint64)


def polynomials(values: Hashes, starts: Places, length: int) -> Hashes:
    """Return the polynomials of the `length` words that start at some words' values."""
    sums = np.zeros(len(starts), dtype=np.uint64)
    for j in range(length):
        sums = sums * np.uint64(BASE) + values[starts + j]
    return sums


def gram_hashes(values: Hashes, starts: Places, length: int) -> Hashes:
    """Return the hashes of the n-grams of `length` words that start at some words' values."""
    salt = np.uint64(length * LENGTH_STEP & (2**64 - 1))
    hashes = (polynomials(values, starts, length) ^ salt) * np.uint64(FINAL)
    hashes = (hashes ^ (hashes >> np.uint64(32))) * np.uint64(BASE)
    return hashes ^ (hashes >> np.uint64(29))


def long_marks(values: Hashes, firsts: Places) -> Hashes:
    """Return what the long filter holds of n-grams of LONGEST words with these first words."""
    starts = np.unique(firsts[:, None] + np.arange(STRIDE))
    return polynomials(values, starts, LONGEST - STRIDE + 1)


def short_marks(values: Hashes, firsts: Places, hashes: Hashes) -> Hashes:
    """Return what the short filter holds of n-grams with these first words and hashes."""
    return np.concatenate([polynomials(values, firsts, SHORTEST), hashes])


def make_table(hashes: Hashes, *, long: Hashes, short: Hashes, lengths: int) -> GramTable:
    """Return the table of n-grams.

    Args:
        hashes: of all n-grams, ascending and unique.
        long: `long_marks` of those of LONGEST words, in any order.
        short: `short_marks` of all others.
        lengths: bit n is set if there is an n-gram of n words.
    """
    bits = max(1, len(hashes).bit_length() - 1)
    edges = np.arange(1, 1 << bits, dtype=np.uint64) << np.uint64(64 - bits)
    inner = np.searchsorted(hashes, edges)
    buckets = np.concatenate([[0], inner, [len(hashes)]]).astype(np.uint32)
    return GramTable(hashes, _filter(long, 4), _filter(short, 1), buckets, lengths)


def _filter(sums: Hashes, most: int) -> Hashes:
    """Return a Bloom filter: two bits for each number, in blocks of 64 for `most` of them."""
    hashes = sums * np.uint64(FINAL)
    bits = max(1, (len(hashes) // most).bit_length())
    blocks = np.zeros(1 << bits, dtype=np.uint64)
    one = np.uint64(1)
    for shift in (0, 6):
        bit = one << ((hashes >> np.uint64(shift)) & np.uint64(63))
        np.bitwise_or.at(blocks, (hashes >> np.uint64(64 - bits)).astype(np.int64), bit)
    return blocks


def scan(table: GramTable, values: Hashes, counts: Places) -> Found:
    """Return the n-grams of the table in texts of `counts` words; the first TEXT_LIMIT of a text.

    Args:
        table: the n-grams.
        values: of the words of all texts in order.
        counts: how many words each text has.
    """
    native = scanner()
    if native is None:
        return numpy_scan(table, values, counts)
    room = 1 << 12
    while True:
        texts, places, grams = (np.empty(room, dtype=np.int64) for _ in range(3))
        tables = (table.long_filter, table.short_filter, table.hashes, table.buckets)
        size = native.scan(values, counts, *tables, table.lengths, TEXT_LIMIT, texts, places, grams)
        if size <= room:
            return Found(texts[:size], places[:size], grams[:size])
        room = size


def numpy_scan(table: GramTable, values: Hashes, counts: Places) -> Found:
    """Return what `scan` does."""
    owners = np.repeat(np.arange(len(counts)), counts)
    firsts = np.cumsum(counts) - counts
    within = np.arange(len(values)) - firsts[owners]
    left = counts[owners] - within
    parts = []
    for length in range(SHORTEST, LONGEST + 1):
        if not table.lengths >> length & 1:
            continue
        starts = np.flatnonzero(left >= length)
        hashes = gram_hashes(values, starts, length)
        grams = np.minimum(np.searchsorted(table.hashes, hashes), len(table.hashes) - 1)
        hit = table.hashes[grams] == hashes
        parts.append((starts[hit], grams[hit], np.full(int(hit.sum()), length)))
    if not parts:
        return Found(*(np.empty(0, dtype=np.int64) for _ in range(3)))
    starts, grams, sizes = (np.concatenate(part) for part in zip(*parts, strict=True))
    order = np.lexsort((sizes, starts))
    starts, grams = starts[order], grams[order]
    texts = owners[starts]
    rank = np.arange(len(texts)) - np.searchsorted(texts, texts)
    kept = rank < TEXT_LIMIT
    return Found(texts[kept], within[starts[kept]], grams[kept].astype(np.int64))
