"""MinHash: estimates as exact as theory and datasketch, candidates as the curve of the bands."""

import math

import datasketch
import msgspec
import numpy as np
import numpy.typing as npt
import pytest

from gristmill.dedup.minhash import (
    MinHashScheme,
    Signatures,
    SketchMethod,
    band_hashes,
    collision_probability,
    estimate_jaccard,
    signatures,
)
from gristmill.dedup.presets import SCHEME_PRESETS
from gristmill.dedup.verify import jaccard

Hashes = npt.NDArray[np.uint64]
Errors = npt.NDArray[np.float64]


def sign(sets: list[Hashes], scheme: MinHashScheme) -> Signatures:
    offsets = np.cumsum([0, *map(len, sets)], dtype=np.int64)
    return signatures(np.concatenate(sets), offsets, scheme)


def random_pair(shared: int, own: int, generator: np.random.Generator) -> tuple[Hashes, Hashes]:
    values = generator.integers(0, 2**64, shared + 2 * own, dtype=np.uint64)
    return np.sort(values[: shared + own]), np.sort(
        np.append(values[:shared], values[shared + own :])
    )


def estimates(pairs: list[tuple[Hashes, Hashes]], scheme: MinHashScheme) -> Errors:
    """The similarities that a scheme estimates less the true ones, in standard errors."""
    truth = np.array([jaccard(*pair) for pair in pairs])
    rows = sign([one for pair in pairs for one in pair], scheme).values
    estimated = estimate_jaccard(rows[::2], rows[1::2])
    errors: Errors = (estimated - truth) / np.sqrt(truth * (1 - truth) / scheme.num_permutations)
    return errors


def rms(errors: Errors) -> float:
    return math.sqrt(float(np.mean(errors**2)))


def test_estimates_lie_within_the_theory_and_are_as_good_as_datasketch() -> None:
    generator = np.random.default_rng(11)
    pairs = [random_pair(shared, 150, generator) for shared in range(20, 820, 4)]
    fast = estimates(pairs, MinHashScheme())
    classic = estimates(pairs, MinHashScheme(method="permutations"))
    truth = np.array([jaccard(*pair) for pair in pairs])
    sigma = np.sqrt(truth * (1 - truth) / 256)
    peer = (np.array([datasketch_estimate(*pair) for pair in pairs]) - truth) / sigma
    for errors in (fast, classic, peer):
        assert np.abs(errors).max() < 4.5
        assert abs(errors.mean()) < 4 * errors.std() / math.sqrt(len(pairs))
    assert 0.7 < rms(fast) < 1
    assert 0.85 < rms(classic) < 1.15
    assert 0.85 < rms(peer) < 1.15


# Shared shingles, and those that each text has alone: from one line to a long file.
SHAPES = [(2, 1), (8, 3), (30, 15), (90, 5), (250, 120), (700, 300), (3000, 1000)]


@pytest.mark.parametrize("method", ["fast", "permutations"])
@pytest.mark.parametrize(("shared", "own"), SHAPES)
def test_estimates_of_sets_of_any_size_are_unbiased_and_no_worse_than_the_theory(
    shared: int, own: int, method: SketchMethod
) -> None:
    generator = np.random.default_rng(shared)
    num_pairs = 600 if shared < 1000 else 200
    pairs = [random_pair(shared, own, generator) for _ in range(num_pairs)]
    errors = estimates(
        pairs, MinHashScheme(num_permutations=112, num_bands=14, rows_per_band=8, method=method)
    )
    assert abs(errors.mean()) < 4 * errors.std() / math.sqrt(num_pairs)
    noise = 3 / math.sqrt(2 * num_pairs)  # of a root mean square
    assert rms(errors) < 1 + noise
    if method == "fast":
        assert rms(errors) < 1.05


def datasketch_estimate(left: Hashes, right: Hashes) -> float:
    sketches = [datasketch.MinHash(num_perm=256) for _ in range(2)]
    for sketch, values in zip(sketches, (left, right), strict=True):
        sketch.update_batch([value.tobytes() for value in values])
    return float(sketches[0].jaccard(sketches[1]))


@pytest.mark.parametrize("name", ["deepseek", "datatrove"])
@pytest.mark.parametrize(("shared", "own"), [(60, 20), (70, 15), (80, 10), (45, 10), (50, 25)])
def test_pairs_share_a_band_as_often_as_the_curve_says(shared: int, own: int, name: str) -> None:
    generator = np.random.default_rng(shared)
    num_pairs = 1000
    for method in ("fast", "permutations"):
        scheme = msgspec.structs.replace(SCHEME_PRESETS[name], method=method)
        sets = [one for _ in range(num_pairs) for one in random_pair(shared, own, generator)]
        bands = band_hashes(sign(sets, scheme).values, scheme)
        found = float((bands[::2] == bands[1::2]).any(axis=1).mean())
        expected = collision_probability(shared / (shared + 2 * own), scheme)
        deviation = 4 * math.sqrt(expected * (1 - expected) / num_pairs)
        assert abs(found - expected) < deviation, method


@pytest.mark.parametrize("name", ["deepseek", "datatrove"])
def test_precision_and_recall_of_candidates_are_those_of_the_curve(name: str) -> None:
    generator = np.random.default_rng(7)
    scheme = msgspec.structs.replace(SCHEME_PRESETS[name], method="permutations")
    pairs = [random_pair(shared, 20, generator) for shared in range(10, 250) for _ in range(8)]
    truth = np.array([jaccard(*pair) for pair in pairs])
    bands = band_hashes(sign([one for pair in pairs for one in pair], scheme).values, scheme)
    found = (bands[::2] == bands[1::2]).any(axis=1)
    chances = np.array([collision_probability(float(j), scheme) for j in truth])
    similar = truth >= scheme.threshold
    for among in (similar, ~similar):  # recall, and what precision loses
        deviation = math.sqrt(float((chances * (1 - chances))[among].sum()))
        assert abs(float(found[among].sum() - chances[among].sum())) < 4 * deviation
    expected = chances[similar].sum() / chances.sum()
    assert found[similar].sum() / found.sum() == pytest.approx(expected, abs=0.03)


def test_the_curve_has_the_published_values() -> None:
    values = [collision_probability(j, MinHashScheme()) for j in (0.0, 0.5, 0.7, 0.8, 1.0)]
    assert values == pytest.approx([0.0, 0.0241, 0.5115, 0.9416, 1.0], abs=1e-4)
