"""Ranking to a budget of tokens."""

import numpy as np

from gristmill.filters.recall.ranking import rank_to_budget

SCORES = np.array([0.2, 0.9, 0.5, 0.5, 0.1], dtype=np.float32)
KEYS = np.array([0, 1, 3, 2, 4], dtype=np.uint64)
TOKENS = np.array([10, 10, 10, 10, 10], dtype=np.int64)


def test_the_best_pages_fill_the_budget() -> None:
    found = rank_to_budget(SCORES, KEYS, TOKENS, budget_tokens=25)
    assert np.flatnonzero(found.is_collected).tolist() == [1, 3]
    assert (found.num_tokens, found.threshold) == (20, 0.5)


def test_pages_below_the_least_score_stay_out() -> None:
    found = rank_to_budget(SCORES, KEYS, TOKENS, budget_tokens=1000, least_score=0.5)
    assert np.flatnonzero(found.is_collected).tolist() == [1, 2, 3]


def test_ties_do_not_depend_on_the_order_of_pages() -> None:
    back = np.arange(5)[::-1]
    found = rank_to_budget(SCORES[back], KEYS[back], TOKENS[back], budget_tokens=25)
    assert np.flatnonzero(found.is_collected[back]).tolist() == [1, 3]


def test_no_budget_collects_nothing() -> None:
    found = rank_to_budget(SCORES, KEYS, TOKENS, budget_tokens=0)
    assert (found.num_tokens, found.threshold) == (0, float("inf"))
    assert not found.is_collected.any()
