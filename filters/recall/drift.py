"""How far the words of an iteration's seeds have moved from those of the first.

A loop that slides off its topic still finds pages, and its overlap still rises: the seeds teach the
next model what the last one mistook. The Kullback-Leibler divergence of their words shows it.
"""

from collections.abc import Iterable
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

MOST_WORDS: Final = 1_000_000  # that are counted one by one; a null stands for all the others
SMOOTHING: Final = 0.5  # added to every count, or a word that the first seeds lack is infinite
BATCH_PAGES: Final = 4096
UNIGRAMS: Final = pa.schema([("word", pa.string()), ("num_words", pa.int64())])


def count_unigrams(parts: Iterable[pa.ChunkedArray], *, most_words: int = MOST_WORDS) -> pa.Table:
    """Return how often each word stands in columns of words, the most frequent first.

    The words of all pages together lie in memory once each, as they do when a model is trained.
    """
    counted = UNIGRAMS.empty_table()
    for part in parts:
        for start in range(0, len(part), BATCH_PAGES):
            counted = _sum([counted, _counts(part.slice(start, BATCH_PAGES))])
    counted = counted.sort_by([("num_words", "descending"), ("word", "ascending")])
    rest = pc.sum(counted["num_words"].slice(most_words)).as_py()
    if not rest:
        return counted
    others = pa.table([pa.array([None], pa.string()), pa.array([rest])], schema=UNIGRAMS)
    return pa.concat_tables([counted.slice(0, most_words), others]).combine_chunks()


def _counts(words: pa.ChunkedArray) -> pa.Table:
    split = pc.split_pattern(pc.fill_null(words, ""), " ")
    found = pc.list_flatten(split).cast(pa.string())
    counts = pc.value_counts(found.filter(pc.not_equal(found, "")))
    columns = [counts.field("values"), counts.field("counts")]
    return pa.table(columns, schema=UNIGRAMS)


def _sum(tables: list[pa.Table]) -> pa.Table:
    grouped = pa.concat_tables(tables).group_by("word").aggregate([("num_words", "sum")])
    return grouped.select(["word", "num_words_sum"]).rename_columns(UNIGRAMS.names)


def drift(now: pa.Table, first: pa.Table) -> float:
    """Return the divergence of the words of now from the first ones, in nats.

    Both are tables of `count_unigrams`. It is the sum of p ln(p / q) over all words of either,
    where p and q are their shares after SMOOTHING was added to each count: 0 for equal shares, and
    never below. Two samples of one kind differ a little too, the more the fewer words they have.
    """
    words = pa.chunked_array([*now["word"].chunks, *first["word"].chunks], pa.string())
    codes = pc.dictionary_encode(words, null_encoding="encode").combine_chunks()
    if not len(words):
        return 0.0
    indices = np.asarray(codes.indices)
    width = len(codes.dictionary)
    p, q = (
        np.bincount(of, np.asarray(table["num_words"]), minlength=width) + SMOOTHING
        for of, table in ((indices[: len(now)], now), (indices[len(now) :], first))
    )
    p, q = p / p.sum(), q / q.sum()
    return max(round(float(np.sum(p * np.log(p / q))), 6), 0.0)
