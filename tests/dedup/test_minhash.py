"""MinHash: equal to its twin, whatever instructions make it, and mergeable."""

import json
import random
import subprocess
import sys

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.corpus.errors import GristmillError
from gristmill.dedup.columns import text_batches
from gristmill.dedup.minhash import (
    NO_SIGNATURE,
    MinHashScheme,
    Signatures,
    SketchMethod,
    band_hashes,
    estimate_jaccard,
    merge_signatures,
    sign_column,
    sign_native,
    signatures,
)
from gristmill.dedup.native import kernel
from gristmill.dedup.reference import slow_band_hashes, slow_signature
from gristmill.dedup.shingles import numpy_shingles

Hashes = npt.NDArray[np.uint64]
SMALL = MinHashScheme(num_permutations=13, num_bands=4, rows_per_band=3)
CLASSIC = msgspec.structs.replace(SMALL, method="permutations")
SCHEMES = st.sampled_from([SMALL, CLASSIC])
SETS = st.lists(st.lists(st.integers(0, 2**64 - 1), max_size=8), max_size=10)


def flatten(sets: list[Hashes]) -> tuple[Hashes, npt.NDArray[np.int64]]:
    offsets = np.cumsum([0, *map(len, sets)], dtype=np.int64)
    return np.concatenate([np.empty(0, dtype=np.uint64), *sets]), offsets


def sign(sets: list[Hashes], scheme: MinHashScheme) -> Signatures:
    return signatures(*flatten(sets), scheme)


@given(SETS, SCHEMES)
@settings(max_examples=100, deadline=None)
def test_signatures_and_bands_equal_the_slow_twins(
    sets: list[list[int]], scheme: MinHashScheme
) -> None:
    result = sign([np.array(one, dtype=np.uint64) for one in sets], scheme)
    assert result.present.tolist() == [bool(one) for one in sets]
    expected = [slow_signature(one, scheme) for one in sets if one]
    rows = result.values[result.present]
    assert rows.tolist() == expected
    assert band_hashes(rows, scheme).tolist() == [slow_band_hashes(one, scheme) for one in expected]


TEXTS = st.lists(st.none() | st.text(alphabet="ab c_+\u00c9\u6f22", max_size=400), max_size=8)


@given(TEXTS, st.sampled_from([1, 2, 13, 64, 100, 300]), st.sampled_from(["fast", "permutations"]))
@settings(max_examples=150, deadline=None)
def test_every_instruction_set_signs_as_numpy_does(
    texts: list[str | None], num_permutations: int, method: SketchMethod
) -> None:
    native = kernel()
    assert native is not None, "the C extension was not built: is there a compiler?"
    scheme = MinHashScheme(
        num_permutations=num_permutations, num_bands=1, rows_per_band=1, method=method, ngram=2
    )
    for batch in text_batches(pa.chunked_array([texts], pa.large_string()), 1 << 20):
        hashes, counts = numpy_shingles(batch, scheme.ngram)
        expected = signatures(hashes, np.concatenate([[0], np.cumsum(counts)]), scheme)
        for target in native.supported():
            shape = (batch.num_texts, num_permutations)
            found = Signatures(np.zeros(shape, np.uint32), np.zeros(batch.num_texts, np.int64))
            sign_native(batch, scheme, native, found, target)
            assert found.values.tolist() == expected.values.tolist(), target
            assert found.num_shingles.tolist() == counts.tolist()


@pytest.mark.parametrize("piece", ["x ", "a b c ", "one two three four five six seven "])
def test_a_text_that_says_the_same_again_and_again_is_signed_as_what_it_says(piece: str) -> None:
    native = kernel()
    assert native is not None
    column = pa.chunked_array([[piece * 20, piece * 6000]], pa.large_string())
    (batch,) = text_batches(column, 1 << 20)
    for method in ("fast", "permutations"):
        scheme = MinHashScheme(method=method)
        hashes, counts = numpy_shingles(batch, scheme.ngram)
        expected = signatures(hashes, np.concatenate([[0], np.cumsum(counts)]), scheme).values
        assert expected[0].tolist() == expected[1].tolist()
        for target in native.supported():
            found = Signatures(np.zeros_like(expected), np.zeros(2, np.int64))
            sign_native(batch, scheme, native, found, target)
            assert found.values.tolist() == expected.tolist(), (method, target)


def test_texts_of_few_words_are_as_unlike_as_their_bytes() -> None:
    texts = ["# empty", "# Empty", "x", "x\n", "MIT", "\n", " ", "", "x", None]
    found = sign_column(pa.chunked_array([texts], pa.large_string()), MinHashScheme())
    rows = [row.tobytes() for row in found.values]
    assert found.present.tolist() == [True] * 7 + [False, True, False]
    assert len(set(rows[:7])) == 7
    assert rows[8] == rows[2]
    estimated = estimate_jaccard(found.values[:7, None], found.values[None, :7])
    assert (estimated - np.eye(7)).max() < 0.05


def test_documents_that_span_or_share_blocks_equal_the_slow_twin() -> None:
    generator = np.random.default_rng(3)
    sizes = [5, 40_000, 0, 1, 16_384, 0, 3, *[1] * 2000, 20_000]
    sets = [generator.integers(0, 2**64, size, dtype=np.uint64) for size in sizes]
    scheme = MinHashScheme(num_permutations=3, num_bands=1, rows_per_band=1)
    result = sign(sets, scheme)
    for row in (0, 1, 3, 4, 6, 7, 1000, len(sets) - 1):
        assert result.values[row].tolist() == slow_signature(sets[row].tolist(), scheme)


def test_offsets_may_start_inside_the_flat_array() -> None:
    flat, offsets = flatten([np.arange(1, 9, dtype=np.uint64), np.arange(20, 90, dtype=np.uint64)])
    whole = signatures(flat, offsets, SMALL)
    assert signatures(flat, offsets[1:], SMALL).values.tolist() == whole.values[1:].tolist()


def test_documents_without_shingles_have_no_signature_and_no_bands() -> None:
    result = sign([np.empty(0, dtype=np.uint64)] * 2, SMALL)
    assert not result.present.any()
    assert (result.values == NO_SIGNATURE).all()
    with pytest.raises(AssertionError, match="no signature"):
        band_hashes(result.values, SMALL)


@given(st.lists(st.lists(st.integers(0, 2**64 - 1), min_size=0, max_size=9), min_size=1))
@settings(max_examples=100, deadline=None)
def test_the_merged_signature_is_the_signature_of_the_union(files: list[list[int]]) -> None:
    sets = [np.array(one, dtype=np.uint64) for one in files]
    union = np.unique(np.concatenate(sets))
    merged = merge_signatures(list(sign(sets, SMALL).values))
    assert merged.tolist() == sign([union], SMALL).values[0].tolist()


def test_equal_bands_at_different_places_have_different_hashes() -> None:
    rows = np.full((1, 13), 7, dtype=np.uint32)
    assert len(set(band_hashes(rows, SMALL)[0].tolist())) == SMALL.num_bands


def test_another_seed_gives_other_signatures_and_the_same_seed_the_same() -> None:
    sets = [np.arange(100, dtype=np.uint64)]
    first, again = sign(sets, SMALL).values, sign(sets, SMALL).values
    other = sign(sets, msgspec.structs.replace(SMALL, seed=2)).values
    assert first.tolist() == again.tolist() != other.tolist()


def test_a_signature_does_not_depend_on_the_order_of_the_shingles() -> None:
    values = list(range(1, 500))
    random.Random(5).shuffle(values)
    ordered, shuffled = (np.array(v, dtype=np.uint64) for v in (sorted(values), values))
    rows = sign([ordered, shuffled], MinHashScheme()).values
    assert rows[0].tolist() == rows[1].tolist()


@pytest.mark.parametrize(
    ("settings_given", "message"),
    [
        ({"num_permutations": 249}, "25 bands of 10 rows need 250 permutations"),
        ({"num_bands": 0}, "num_bands is 0"),
        ({"ngram": 0}, "ngram is 0"),
        ({"threshold": 0.0}, "threshold is 0.0"),
        ({"threshold": 1.5}, "threshold is 1.5"),
    ],
)
def test_impossible_settings_are_refused(settings_given: dict[str, int], message: str) -> None:
    with pytest.raises(GristmillError, match=message):
        MinHashScheme(**settings_given)  # type: ignore[arg-type]


def test_an_unknown_setting_is_an_error() -> None:
    with pytest.raises(msgspec.ValidationError, match="num_perm"):
        msgspec.convert({"num_perm": 128}, MinHashScheme)


WITHOUT_KERNEL = """
import sys
sys.modules["gristmill.dedup.native._sketch"] = None
import pyarrow as pa
from gristmill.dedup.minhash import MinHashScheme, sign_column
texts = pa.chunked_array([["a b c d e f", "x", None]], pa.large_string())
for _ in range(2):
    found = sign_column(texts, MinHashScheme())
print(found.values.tolist())
"""


def test_without_the_extension_numpy_signs_the_same_and_says_so_once() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", WITHOUT_KERNEL], capture_output=True, text=True, check=True
    )
    texts = pa.chunked_array([["a b c d e f", "x", None]], pa.large_string())
    assert json.loads(ran.stdout) == sign_column(texts, MinHashScheme()).values.tolist()
    assert ran.stderr.count("the C extension was not built") == 1


def test_columns_that_do_not_fit_are_refused_by_the_extension() -> None:
    native = kernel()
    assert native is not None
    counts, hashes = np.zeros(1, dtype=np.int64), np.zeros(0, dtype=np.uint64)
    for offsets in ([0, 9], [2, 1], [-1, 1]):
        with pytest.raises(ValueError, match="offsets do not fit"):
            native.shingles(b"abc", np.array(offsets), 5, hashes, counts, None)
    with pytest.raises(ValueError, match="too small"):
        native.shingles(b"abc", np.array([0, 1, 2]), 5, hashes, counts, None)
    with pytest.raises(ValueError, match="no sse9"):
        native.shingles(b"abc", np.array([0, 3]), 5, hashes, counts, "sse9")
