"""Sorting: the extension, its numpy twin and Python agree on every kind of key."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.dedup.native import graph_kernel
from gristmill.dedup.sorting import argsort_u64, numpy_argsort_u64, numpy_rank_u64, rank_u64

KEYS = st.lists(
    st.one_of(
        st.integers(0, 2**64 - 1),
        st.integers(0, 3),
        st.integers(0, 63).map(lambda bit: 1 << bit),
        st.integers(0, 3).map(lambda low: 2**64 - 1 - low),
    ),
    max_size=200,
)


@given(KEYS)
@settings(max_examples=300, deadline=None)
def test_the_order_is_that_of_a_stable_sort(values: list[int]) -> None:
    keys = np.array(values, dtype=np.uint64)
    expected = sorted(range(len(values)), key=lambda i: values[i])
    assert argsort_u64(keys).tolist() == expected
    assert numpy_argsort_u64(keys).tolist() == expected


@given(KEYS)
@settings(max_examples=200, deadline=None)
def test_a_rank_is_the_place_among_the_distinct_keys(values: list[int]) -> None:
    keys = np.array(values, dtype=np.uint64)
    places = {key: i for i, key in enumerate(sorted(set(values)))}
    for distinct, ranks in (rank_u64(keys), numpy_rank_u64(keys)):
        assert distinct.dtype == np.uint64
        assert ranks.dtype == np.uint32
        assert distinct.tolist() == list(places)
        assert ranks.tolist() == [places[key] for key in values]


@pytest.mark.parametrize("bits", [1, 8, 17, 40, 64])
@pytest.mark.parametrize("low", [0, 24])
def test_many_keys_are_sorted_as_numpy_does_whichever_bits_differ(bits: int, low: int) -> None:
    rng = np.random.default_rng(bits)
    keys = rng.integers(0, 2**bits - 1, 100_000, np.uint64, endpoint=True) << np.uint64(low)
    keys[777] = 2**64 - 1
    assert np.array_equal(argsort_u64(keys), numpy_argsort_u64(keys))
    distinct, ranks = rank_u64(keys[::2])
    assert np.array_equal(distinct, numpy_rank_u64(keys[::2])[0])
    assert np.array_equal(ranks, numpy_rank_u64(keys[::2])[1])


def test_results_without_room_are_refused_by_the_extension() -> None:
    native = graph_kernel()
    assert native is not None, "the C extension was not built: is there a compiler?"
    keys, short = np.zeros(3, dtype=np.uint64), np.zeros(2, dtype=np.int64)
    with pytest.raises(ValueError, match="too little room"):
        native.argsort(keys, short)
    with pytest.raises(ValueError, match="too little room"):
        native.rank(keys, keys.copy(), short[:1])
