"""Samples: by hash, the same in any order, with caps and quotas; every page left out is counted."""

import numpy as np
import pyarrow as pa
import pytest

from gristmill.corpus.ids import digest_parts
from gristmill.filters.recall.sampling import (
    Keys,
    SampleSettings,
    draw_negatives,
    draw_positives,
    host_cap,
    mix64,
    negative_candidates,
    sample_keys,
)


def ids(num: int) -> pa.ChunkedArray:
    return pa.chunked_array(
        [pa.array([digest_parts("test", (str(i),)) for i in range(num)], pa.binary(16))]
    )


def keys(num: int, *, seed: int = 0, purpose: str = "positive") -> Keys:
    return sample_keys(ids(num), seed=seed, purpose=purpose)


def test_keys_follow_ids_through_chunks_and_slices() -> None:
    whole = ids(10)
    parts = pa.chunked_array([whole.chunk(0).slice(7), whole.chunk(0).slice(2, 5)])
    expected = keys(10)
    found = sample_keys(parts, seed=0, purpose="positive")
    assert found.tolist() == [*expected[7:].tolist(), *expected[2:7].tolist()]


def test_another_seed_or_purpose_gives_another_order() -> None:
    orders = [keys(50), keys(50, seed=1), keys(50, purpose="negative")]
    assert len({tuple(np.argsort(one).tolist()) for one in orders}) == 3


def test_keys_are_spread_evenly() -> None:
    counts = np.bincount((keys(20_000) >> np.uint64(60)).astype(np.int64), minlength=16)
    assert (abs(counts - 1250) < 5 * 1250**0.5).all()


def test_keys_are_mixed_as_splitmix64_mixes() -> None:
    assert hex(int(mix64(np.array([0x9E3779B97F4A7C15], np.uint64))[0])) == "0xe220a8397b1dcdaf"


def test_a_host_gives_no_more_than_its_cap() -> None:
    hosts = np.array(["big"] * 90 + ["small"] * 10)
    settings = SampleSettings(size=40, host_pages=5)
    sample = draw_positives(keys(100), hosts, np.array(["en"] * 100), {"en": 1.0}, settings)
    assert sorted(hosts[sample.rows].tolist()) == ["big"] * 5 + ["small"] * 5
    assert (sample.num_over_host_cap, sample.num_over_size) == (90, 0)
    assert sample.missing == {"en": 30}


@pytest.mark.parametrize(("size", "expected"), [(40, 10), (400_000, 5000), (1, 1)])
def test_a_cap_is_the_least_of_pages_and_share(size: int, expected: int) -> None:
    assert host_cap(SampleSettings(size=size)) == expected


def test_a_rare_language_gets_its_share_of_the_pool() -> None:
    num = 1000
    languages = np.array(["zh" if i % 50 == 0 else "en" for i in range(num)])
    hosts = np.arange(num).astype(str)
    settings = SampleSettings(size=100)
    sample = draw_positives(keys(num), hosts, languages, {"en": 0.8, "zh": 0.2}, settings)
    assert (languages[sample.rows] == "zh").sum() == 20
    assert len(sample.rows) == 100
    assert sample.num_over_size == 900


def test_positives_do_not_depend_on_the_order_of_pages() -> None:
    num = 300
    languages = np.array([("en", "zh", "de")[i % 3] for i in range(num)])
    hosts = (np.arange(num) % 17).astype(str)
    settings, shares = SampleSettings(size=60), {"en": 0.5, "zh": 0.3}
    first = draw_positives(keys(num), hosts, languages, shares, settings).rows
    back = np.arange(num)[::-1]
    second = draw_positives(keys(num)[back], hosts[back], languages[back], shares, settings).rows
    assert first.tolist() == back[second].tolist()


def test_a_sample_is_in_the_order_of_its_hashes() -> None:
    names = np.arange(200).astype(str)
    languages = np.array(["zh" if i < 20 else "en" for i in range(200)])
    sample = draw_positives(keys(200), names, languages, {"zh": 0.5}, SampleSettings(size=30))
    assert (np.diff(keys(200)[sample.rows].astype(np.float64)) > 0).all()


def test_negatives_match_the_languages_that_are_wanted() -> None:
    num = 900
    languages = np.array([("en", "zh", "de")[i % 3] for i in range(num)])
    hosts = np.arange(num).astype(str)
    sample = draw_negatives(
        keys(num), hosts, languages, {"en": 50, "zh": 400, "ja": 3}, SampleSettings(size=1000)
    )
    names, counts = np.unique(languages[sample.rows], return_counts=True)
    assert dict(zip(names.tolist(), counts.tolist(), strict=True)) == {"en": 50, "zh": 300}
    assert sample.missing == {"ja": 3, "zh": 100}
    assert sample.num_over_size == num - 350


def test_negatives_do_not_depend_on_pages_behind_them() -> None:
    num = 400
    languages, hosts = np.array(["en"] * num), np.arange(num).astype(str)
    settings, order = SampleSettings(size=500), np.argsort(keys(num))
    whole = draw_negatives(keys(num), hosts, languages, {"en": 20}, settings)
    assert whole.rows.tolist() == order[:20].tolist()


def test_nothing_to_draw_from_is_an_empty_sample() -> None:
    none = np.array([], dtype=np.str_)
    settings = SampleSettings(size=5)
    assert not len(draw_positives(keys(0), none, none, {"en": 1.0}, settings).rows)
    assert draw_negatives(keys(0), none, none, {"en": 2}, settings).missing == {"en": 2}


def test_pages_that_may_be_positives_are_no_negatives() -> None:
    is_seed, is_accepted, is_marked = (
        np.array(one, dtype=np.bool_)
        for one in ([1, 0, 0, 0, 1, 0], [0, 1, 0, 0, 1, 0], [1, 0, 0, 0, 0, 1])
    )
    scores = np.array([0, 0.99, 0.95, 0.9, 0.95, 0.99], dtype=np.float32)
    found = negative_candidates(is_seed, is_accepted, is_marked, scores)
    assert found.is_candidate.tolist() == [False, False, False, True, False, False]
    assert (found.num_in_seed, found.num_accepted) == (2, 1)
    assert (found.num_marked, found.num_likely_positive) == (1, 1)
    first = negative_candidates(is_seed, is_accepted, is_marked, None)
    assert first.is_candidate.tolist() == [False, False, True, True, False, False]
