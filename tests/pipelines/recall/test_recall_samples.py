"""Sample pages for the eye: new ones, and those just below the threshold, drawn by hash."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gristmill.corpus.tokenizer import load_tokenizer
from gristmill.filters.recall.words import WordKind, WordSettings, word_column
from gristmill.pipelines.recall.samples import (
    NEAR_PAGES,
    SAMPLE_PAGES,
    SAMPLES,
    SHOWN_CHARACTERS,
    beginnings,
    draw_below,
    draw_new,
)


def numbers(count: int) -> np.ndarray[tuple[int], np.dtype[np.uint64]]:
    return np.arange(count, dtype=np.uint64) * np.uint64(2654435761) % np.uint64(1 << 20)


def test_new_pages_are_those_of_the_smallest_keys() -> None:
    keys, is_new = numbers(1000), np.arange(1000) % 2 == 0
    drawn = draw_new(keys, is_new)
    assert len(drawn) == SAMPLE_PAGES
    assert is_new[drawn].all()
    assert keys[drawn].max() < keys[np.setdiff1d(np.flatnonzero(is_new), drawn)].min()


def test_pages_below_are_drawn_from_those_next_to_the_threshold() -> None:
    logits = np.linspace(-5, 5, 1000, dtype=np.float32)
    drawn = draw_below(numbers(1000), logits < 0, logits)
    assert len(drawn) == SAMPLE_PAGES
    nearest = np.flatnonzero(logits < 0)[-NEAR_PAGES:]
    assert np.isin(drawn, nearest).all()
    assert not np.isin(drawn, nearest[-SAMPLE_PAGES:]).all()


def test_the_order_of_pages_does_not_matter() -> None:
    keys, logits = numbers(1000), np.round(np.linspace(-9, -1, 1000), 1).astype(np.float32)
    every = np.ones(1000, dtype=np.bool_)
    back = draw_below(keys[::-1], every, logits[::-1])
    assert set(keys[::-1][back]) == set(keys[draw_below(keys, every, logits)])


def test_few_pages_are_all_taken() -> None:
    none = np.zeros(3, dtype=np.bool_)
    logits = np.zeros(3, dtype=np.float32)
    assert len(draw_new(numbers(3), none)) == 0
    assert len(draw_below(numbers(3), ~none, logits)) == 3


@pytest.mark.parametrize("kind", ["cjk", "whitespace", "bpe"])
def test_words_can_be_read_whatever_they_are(kind: WordKind) -> None:
    texts = pa.chunked_array([["prime rings and fields " * 90, "", None]])
    words = word_column(texts, WordSettings(tokens=kind))
    long, *empty = beginnings(words, kind).to_pylist()
    assert long.startswith("prime rings and fields prime")
    assert len(long) == SHOWN_CHARACTERS
    assert empty == ["", ""]


def test_a_character_cut_into_ids_is_shown_whole_or_replaced() -> None:
    ids = load_tokenizer().encode_batch(["\U0001f9ee"])[0].tolist()
    words = pa.chunked_array([[" ".join(map(str, ids[:1]))]], pa.large_string())
    assert len(ids) > 1
    assert beginnings(words, "bpe").to_pylist() == ["\ufffd"]


def test_each_iteration_leaves_samples_of_both_kinds(found: Path) -> None:
    for number in (1, 2, 3):
        table = pq.read_table(found / f"out/recall/math/iteration-00{number}/samples.parquet")
        assert table.schema == SAMPLES
        below = [row for row in table.to_pylist() if row["kind"] == "below"]
        assert len(below) == SAMPLE_PAGES
        assert all(100 < len(row["words"]) <= SHOWN_CHARACTERS for row in below)
        collected = pq.read_table(found / "out/recall/math/collected.parquet")["url"].to_pylist()
        if number == 3:
            assert not {row["url"] for row in below} & set(collected)


def test_samples_of_the_first_iteration_are_pages_that_it_collected(found: Path) -> None:
    table = pq.read_table(found / "out/recall/math/iteration-001/samples.parquet")
    new = [row for row in table.to_pylist() if row["kind"] == "new"]
    assert len(new) == SAMPLE_PAGES
    assert [row["score"] for row in new] == sorted((row["score"] for row in new), reverse=True)
