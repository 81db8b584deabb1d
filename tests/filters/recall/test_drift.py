"""How far seeds have moved: counts of words and their divergence."""

import math

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gristmill.filters.recall.drift import BATCH_PAGES, count_unigrams, drift

PAGES = st.lists(st.text("ab ", max_size=8), max_size=6)


def counted(*pages: str | None, most_words: int = 1000) -> pa.Table:
    return count_unigrams([pa.chunked_array([pages], pa.large_string())], most_words=most_words)


def test_words_are_counted_over_pages_the_most_frequent_first() -> None:
    found = counted("b a b", None, "", "a b c")
    assert found.to_pylist() == [
        {"word": "b", "num_words": 3},
        {"word": "a", "num_words": 2},
        {"word": "c", "num_words": 1},
    ]


def test_pages_of_many_batches_are_counted_together() -> None:
    found = counted(*["a b"] * (BATCH_PAGES + 1), "a")
    assert found["num_words"].to_pylist() == [BATCH_PAGES + 2, BATCH_PAGES + 1]


def test_rare_words_are_counted_as_one_where_there_are_too_many() -> None:
    found = counted("a a a b b c d", most_words=2)
    assert found["word"].to_pylist() == ["a", "b", None]
    assert found["num_words"].to_pylist() == [3, 2, 2]


def test_the_drift_is_the_divergence_of_the_smoothed_shares() -> None:
    # a 3 against 1, b 1 against 2, c once each; 0.5 more of each
    shares = ((3.5 / 6.5, 1.5 / 5.5), (1.5 / 6.5, 2.5 / 5.5), (1.5 / 6.5, 1.5 / 5.5))
    expected = sum(p * math.log(p / q) for p, q in shares)
    assert drift(counted("a a a b c"), counted("a b b c")) == pytest.approx(expected, abs=1e-6)


def test_words_that_only_one_side_has_count() -> None:
    shares = ((1.5 / 2, 0.5 / 2), (0.5 / 2, 1.5 / 2))
    expected = sum(p * math.log(p / q) for p, q in shares)
    assert drift(counted("a"), counted("b")) == pytest.approx(expected, abs=1e-6)


@given(now=PAGES, first=PAGES)
def test_drift_is_never_below_zero_and_is_zero_for_the_same_words(
    now: list[str], first: list[str]
) -> None:
    assert drift(counted(*now), counted(*first)) >= 0
    assert drift(counted(*now), counted(*reversed(now))) == 0


def test_seeds_without_words_have_not_moved() -> None:
    assert drift(counted(), counted()) == 0
