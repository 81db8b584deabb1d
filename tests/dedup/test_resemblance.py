"""Signatures that resemble any of many: a search over all pairs finds the same."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest

from gristmill.dedup.columns import binary_column
from gristmill.dedup.minhash import MinHashScheme, band_hashes, estimate_jaccard
from gristmill.dedup.resemblance import resembling_rows

SCHEME = MinHashScheme(num_permutations=32, num_bands=8, rows_per_band=4, threshold=0.7)
Matrix = npt.NDArray[np.uint32]


def column(matrix: Matrix, present: npt.NDArray[np.bool_] | None = None) -> pa.ChunkedArray:
    return pa.chunked_array([binary_column(matrix.view(np.uint8), present)])


def noisy(matrix: Matrix, rng: np.random.Generator) -> Matrix:
    """Return rows of which 0 to 16 of the 32 positions are others."""
    out = matrix.copy()
    for row in out:
        places = rng.choice(32, rng.integers(0, 17), replace=False)
        row[places] = rng.integers(0, 2**32, len(places), dtype=np.uint32)
    return out


def slow_rows(few: Matrix, many: Matrix) -> list[int]:
    ours, theirs = band_hashes(few, SCHEME), band_hashes(many, SCHEME)
    return [
        i
        for i, row in enumerate(few)
        if any(
            (ours[i] == hashes).any() and estimate_jaccard(row, other) >= SCHEME.threshold
            for other, hashes in zip(many, theirs, strict=True)
        )
    ]


@pytest.mark.parametrize("seed", range(5))
def test_the_same_rows_are_found_as_by_comparing_all_pairs(seed: int) -> None:
    rng = np.random.default_rng(seed)
    few = rng.integers(0, 2**32, (60, 32), dtype=np.uint32)
    many = noisy(few[rng.integers(0, 40, 100)], rng)
    found = resembling_rows(column(few), column(many), SCHEME).tolist()
    assert found == slow_rows(few, many)
    assert 10 < len(found) < 40


def test_a_document_without_a_signature_resembles_nothing() -> None:
    matrix = np.random.default_rng(1).integers(0, 2**32, (3, 32), dtype=np.uint32)
    few = column(matrix, np.array([False, True, True]))
    many = column(matrix, np.array([True, True, False]))
    assert resembling_rows(few, many, SCHEME).tolist() == [1]


def test_empty_columns_are_compared_too() -> None:
    none = column(np.empty((0, 32), dtype=np.uint32))
    one = column(np.ones((1, 32), dtype=np.uint32))
    for few, many in ((none, one), (one, none), (none, none)):
        assert resembling_rows(few, many, SCHEME).tolist() == []
