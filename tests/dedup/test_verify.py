"""Similarities of many pairs: the extension, numpy and sets agree to the last bit."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.dedup.native import graph_kernel
from gristmill.dedup.verify import numpy_similarities, similarities

SETS = st.lists(st.sets(st.one_of(st.integers(0, 9), st.integers(0, 2**64 - 1))), max_size=8)


@given(SETS, st.data())
@settings(max_examples=200, deadline=None)
def test_the_similarity_is_the_share_of_the_union_that_is_common(
    sets: list[set[int]], data: st.DataObject
) -> None:
    hashes = np.array([value for one in sets for value in sorted(one)], dtype=np.uint64)
    offsets = np.cumsum([0, *map(len, sets)])
    number = st.integers(0, len(sets) - 1)
    pairs = data.draw(st.lists(st.tuples(number, number), max_size=20)) if sets else []
    left, right = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    unions = [sets[i] | sets[j] for i, j in pairs]
    expected = [
        len(sets[i] & sets[j]) / len(union) if union else 0.0
        for (i, j), union in zip(pairs, unions, strict=True)
    ]
    found = similarities(hashes, offsets, left, right)
    assert found.dtype == np.float64
    assert found.tolist() == expected
    assert numpy_similarities(hashes, offsets, left, right).tolist() == expected


def test_sets_outside_the_hashes_are_refused_by_the_extension() -> None:
    native = graph_kernel()
    assert native is not None, "the C extension was not built: is there a compiler?"
    hashes, out = np.arange(3, dtype=np.uint64), np.zeros(1)
    zero, one = np.array([0]), np.array([1])
    for offsets in ([0, 4], [2, 1], [-1, 2]):
        with pytest.raises(ValueError, match="offsets do not fit"):
            native.similarities(hashes, np.array(offsets), zero, zero, out)
    for number in (one, -one):
        with pytest.raises(ValueError, match="no set of this number"):
            native.similarities(hashes, np.array([0, 3]), zero, number, out)
    with pytest.raises(ValueError, match="unequal room"):
        native.similarities(hashes, np.array([0, 3]), zero, zero, out[:0])
