"""Passages: every word in one, in order, and the best of them."""

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from gristmill.filters.recall.passages import best_of, first_words, split_passages

WORD = st.sampled_from(["a", "bc", "\u4e2d", "<NUM>"])
TEXTS = st.lists(st.lists(WORD, max_size=9), max_size=8)


def column(texts: list[str], chunk: int = 3) -> pa.ChunkedArray:
    chunks = [texts[i : i + chunk] for i in range(0, len(texts), chunk)]
    return pa.chunked_array([pa.array(one, pa.large_string()) for one in chunks], pa.large_string())


@given(TEXTS, st.integers(min_value=1, max_value=4))
def test_passages_are_the_words_in_their_order(texts: list[list[str]], num_words: int) -> None:
    passages = split_passages(column([" ".join(words) for words in texts]), num_words)
    expected = [
        (row, words[i : i + num_words])
        for row, words in enumerate(texts)
        for i in range(0, max(len(words), 1), num_words)
    ]
    found = zip(passages.rows.tolist(), passages.words.to_pylist(), strict=True)
    assert [(row, text.split()) for row, text in found] == expected


@given(TEXTS, st.integers(min_value=1, max_value=4))
def test_first_words_are_those_of_each_text(texts: list[list[str]], num_words: int) -> None:
    heads = first_words(column([" ".join(words) for words in texts]), num_words)
    assert heads.to_pylist() == [" ".join(words[:num_words]) for words in texts]


def test_nothing_is_split_where_no_length_is_given() -> None:
    words = column(["a b", "c"])
    assert split_passages(words, 0).words.to_pylist() == ["a b", "c"]
    assert first_words(words, 0).to_pylist() == ["a b", "c"]


def test_a_page_is_as_good_as_its_best_passage() -> None:
    values = np.array([1, 3, -2], np.float32)
    assert best_of(values, np.array([0, 0, 1]), 2).tolist() == [3, -2]
