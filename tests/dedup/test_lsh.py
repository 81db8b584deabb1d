"""Components of band hashes: the extension and numpy agree with a search over equal hashes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.dedup.lsh import lsh_components, numpy_lsh_components
from gristmill.dedup.native import graph_kernel
from gristmill.dedup.reference import slow_components

HASHES = st.one_of(st.integers(0, 30), st.integers(0, 2**64 - 1))


def slow_labels(rows: list[list[int]]) -> list[int]:
    numbers = range(len(rows))
    share = [
        (i, j) for i in numbers for j in numbers if any(map(int.__eq__, rows[i], rows[j])) or i == j
    ]
    roots = slow_components(share)
    return [roots[i] for i in numbers]


@given(
    st.integers(0, 4).flatmap(
        lambda n: st.lists(st.lists(HASHES, min_size=n, max_size=n), max_size=40)
    )
)
@settings(max_examples=200, deadline=None)
def test_rows_that_share_a_hash_in_a_column_are_connected(rows: list[list[int]]) -> None:
    hashes = np.array(rows, dtype=np.uint64).reshape(len(rows), len(rows[0]) if rows else 3)
    labels = lsh_components(hashes)
    assert labels.dtype == np.int64
    assert labels.tolist() == slow_labels(rows)
    assert numpy_lsh_components(hashes).tolist() == slow_labels(rows)


@pytest.mark.parametrize("num_hashes", [1, 40, 3000, 10**5, 2**63])
def test_the_extension_and_numpy_agree_on_many_rows(num_hashes: int) -> None:
    rng = np.random.default_rng(num_hashes)
    hashes = rng.integers(0, num_hashes, (20_000, 3), dtype=np.uint64)
    hashes[::40, 1] = 7
    assert np.array_equal(lsh_components(hashes), numpy_lsh_components(hashes))
    assert np.array_equal(lsh_components(hashes[:, ::2]), numpy_lsh_components(hashes[:, ::2]))


def test_hashes_that_do_not_fit_the_rows_are_refused_by_the_extension() -> None:
    native = graph_kernel()
    assert native is not None, "the C extension was not built: is there a compiler?"
    parents = np.arange(2, dtype=np.uint32)
    with pytest.raises(ValueError, match="do not fit the rows"):
        native.unite_bands(np.zeros(5, dtype=np.uint64), 2, parents)
    with pytest.raises(ValueError, match="behind its child"):
        native.unite_bands(np.zeros(4, dtype=np.uint64), 2, parents[::-1].copy())
