"""Audits: strata that cover the pool, and estimates that hit the truth within their intervals."""

import numpy as np
import numpy.typing as npt
import pytest

from gristmill.filters.recall.audit import (
    AuditSet,
    AuditSettings,
    Quality,
    draw_audit,
    estimate_quality,
    stratify,
)
from gristmill.filters.recall.sampling import mix64


def pool(num: int = 5000) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
    """Return scores, and a topic that only the better pages have."""
    hashes = mix64(np.arange(num, dtype=np.uint64))
    scores = ((hashes >> np.uint64(40)) / (1 << 24)).astype(np.float32)
    chance = (mix64(hashes + np.uint64(1)) >> np.uint64(40)) / (1 << 24)
    return scores, chance < np.where(scores > 0.9, 0.8, 0.02)


def audit(num: int = 5000, settings: AuditSettings | None = None) -> AuditSet:
    scores, _ = pool(num)
    keys = mix64(np.arange(num, dtype=np.uint64) + np.uint64(9))
    languages = np.array(["zh" if i % 20 == 0 else "en" for i in range(num)])
    host_pages = np.array([(5, 50, 5000)[i % 3] for i in range(num)])
    return draw_audit(keys, scores, languages, host_pages, settings or AuditSettings())


def quality(seed: int = 0) -> Quality:
    scores, topic = pool()
    found = audit()
    hosts = (found.rows % 200).astype(str)
    collected = scores[found.rows] > 0.9
    return estimate_quality(topic[found.rows], collected, found.weights, hosts, seed=seed)


def test_the_weights_of_an_audit_add_up_to_the_pool() -> None:
    found = audit()
    assert found.weights.sum() == pytest.approx(5000)
    assert len(found.rows) == 800
    assert (np.diff(found.rows) > 0).all()


def test_every_stratum_is_audited() -> None:
    found = audit()
    assert len(np.unique(found.strata)) == found.strata.max() + 1 == 60


def test_a_small_pool_is_audited_whole() -> None:
    found = audit(40)
    assert found.rows.tolist() == list(range(40))
    assert found.weights.tolist() == [1.0] * 40


def test_strata_are_those_of_score_language_and_host_size() -> None:
    settings = AuditSettings(score_strata=2, host_sizes=(10,))
    scores = np.array([0.1, 0.2, 0.3, 0.4], dtype=np.float32)
    languages, host_pages = np.array(["en", "en", "en", "zh"]), np.array([5, 10, 5, 5])
    assert len(set(stratify(scores, languages, host_pages, settings).tolist())) == 4
    assert stratify(scores, languages, np.array([5, 6, 5, 5]), settings).tolist() == [0, 0, 1, 2]


def test_estimates_hold_the_truth() -> None:
    scores, topic = pool()
    collected = scores > 0.9
    found = quality()
    precision = topic[collected].mean()
    recall = collected[topic].mean()
    assert found.precision.lower <= precision <= found.precision.upper
    assert found.recall.lower <= recall <= found.recall.upper
    assert found.precision.upper - found.precision.lower < 0.25
    assert found.f1.lower < found.f1.value < found.f1.upper


def test_pages_stand_for_their_weight() -> None:
    positive, collected = np.array([True, True, False]), np.array([True, False, True])
    found = estimate_quality(positive, collected, np.array([1.0, 9.0, 3.0]), np.array([*"abc"]))
    assert found.precision.value == 0.25
    assert found.recall.value == 0.1
    assert found.f1.value == pytest.approx(2 / 14)
    assert (found.num_pages, found.num_positives) == (3, 2)


def test_one_host_has_an_interval_without_width_and_many_have_one() -> None:
    positive, collected = np.array([True, False] * 20), np.array([True] * 40)
    weights = np.ones(40)
    one = estimate_quality(positive, collected, weights, np.array(["a"] * 40)).precision
    assert (one.lower, one.upper) == (0.5, 0.5)
    many = estimate_quality(positive, collected, weights, np.arange(40).astype(str)).precision
    assert 0.3 < many.lower < 0.45 < 0.55 < many.upper < 0.7


def test_intervals_are_the_same_each_time() -> None:
    assert quality() == quality()
    assert quality(seed=1) != quality()


def test_an_audit_of_nothing_is_zero() -> None:
    none = np.zeros(0, dtype=np.bool_)
    found = estimate_quality(none, none, np.zeros(0), np.array([], dtype=np.str_))
    assert (found.precision.value, found.recall.upper, found.f1.value) == (0, 0, 0)
