"""Thresholds from counts of bins are those that all scores, or all hashes, would give."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gristmill.filters.recall.audit import AuditSettings, score_edges, stratify
from gristmill.filters.recall.histograms import (
    ALL_KEYS,
    ScoreBins,
    find_boundary,
    likely_bound,
    score_bins,
    threshold_in,
)

Scores = npt.NDArray[np.float32]
Counts = npt.NDArray[np.int64]
# Scores of one bin, of two bins that touch, and of bins far apart.
PAGES = st.lists(
    st.tuples(
        st.sampled_from([-4.0, -0.0, 0.0, 1.0, 1.0001, 1.0002, 1.01, 1.02, 7.5]),
        st.integers(0, 5),
    ),
    min_size=1,
    max_size=12,
)


def columns(pages: list[tuple[float, int]]) -> tuple[Scores, Counts]:
    scores, tokens = zip(*pages, strict=True)
    return np.array(scores, dtype=np.float32), np.array(tokens, dtype=np.int64)


def by_bins(scores: Scores, tokens: Counts, budget: int) -> float:
    """Return the threshold as the loop finds it, from bins and then from one bin's scores."""
    bins = score_bins(scores)
    filled = np.unique(bins)[::-1]
    groups = [bins == one for one in filled]
    boundary = find_boundary(
        ScoreBins(
            filled,
            np.array([tokens[one].sum() for one in groups]),
            np.array([scores[one].min() for one in groups]),
            np.array([scores[one].max() for one in groups]),
        ),
        budget,
    )
    if boundary.bin is None:
        return boundary.threshold
    within = np.unique(scores[bins == boundary.bin] + np.float32(0))[::-1]
    return threshold_in(boundary, within, np.array([tokens[scores == one].sum() for one in within]))


def by_all(scores: Scores, tokens: Counts, budget: int) -> float:
    """Return the least score from which on all pages fit, or the best score."""
    fits = [one for one in scores.tolist() if tokens[scores >= one].sum() <= budget]
    return min(fits, default=float(scores.max()))


@given(PAGES, st.integers(0, 40))
def test_a_budget_ends_where_it_does_with_all_scores(
    pages: list[tuple[float, int]], budget: int
) -> None:
    assert by_bins(*columns(pages), budget) == by_all(*columns(pages), budget)


def test_a_pool_without_pages_has_a_threshold() -> None:
    nothing = np.zeros(0)
    empty = ScoreBins(*(nothing.astype(kind) for kind in ("u2", "i8", "f4", "f4")))
    assert find_boundary(empty, 10) == (0.0, None, 0)


def test_bins_keep_the_order_of_scores() -> None:
    scores = np.array([-np.inf, -8, -1e-30, -0.0, 0.0, 1e-30, 2, np.inf], dtype=np.float32)
    bins = score_bins(scores)
    assert (np.diff(bins.astype(int)) >= 0).all()
    assert bins[3] == bins[4]
    assert len(set(bins.tolist())) == 7


@pytest.mark.parametrize(("wanted", "total"), [(5000, 3_000_000), (7, 100), (1, 10**9)])
def test_a_likely_bound_is_a_little_more_than_the_share(wanted: int, total: int) -> None:
    share = likely_bound(wanted, total) / ALL_KEYS
    assert wanted / total < share <= min(1.0, (wanted + 10 * wanted**0.5 + 100) / total)


def test_all_keys_are_below_the_bound_of_a_small_group() -> None:
    assert likely_bound(100, 300) == ALL_KEYS
    assert likely_bound(0, 10**6) == 0


@given(st.lists(st.sampled_from([-3.0, -1.0, 0.0, 0.5, 2.0, 9.0]), min_size=1, max_size=40))
def test_edges_of_bins_give_the_strata_of_scores(values: list[float]) -> None:
    scores = np.array(values, dtype=np.float32)
    bins = score_bins(scores)
    edges = score_edges(np.bincount(bins, minlength=1 << 16), 4)
    of_edges = np.searchsorted(edges, bins, side="right")
    zeros = np.zeros(len(values), dtype=np.int64)
    settings = AuditSettings(score_strata=4)
    strata = stratify(scores, zeros.astype(np.str_), zeros, settings)
    assert np.unique(of_edges, return_inverse=True)[1].tolist() == strata.tolist()
