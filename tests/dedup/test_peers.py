"""The clusters that datatrove's own test expects, and the pairs that datasketch's LSH finds."""

import math
from collections import defaultdict
from itertools import combinations

import datasketch
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest

from gristmill.dedup.minhash import (
    MinHashScheme,
    SketchMethod,
    band_hashes,
    collision_probability,
    sign_column,
)
from gristmill.dedup.shingles import shingle_hashes
from gristmill.dedup.verify import jaccard

# datatrove 0.10.1 cuts windows of 400 characters out of one text, and its test asks of its default
# settings that exactly the windows of one group become one cluster. These are the windows' starts.
WINDOW = 400
GROUPS = [
    [0, 20, 50],
    [400, 420],
    [800, 810, 820, 840, 860],
    [1205, 1215, 1225, 1245],
    [1600],
    [2000],
]
SYLLABLES = [consonant + vowel for consonant in "dlmnprst" for vowel in "aeiou"]

STEPS = [step / 100 for step in range(30, 100, 5)]  # of Jaccard similarity
NUM_PAIRS = 100  # a step
NUM_SHINGLES = 60  # of a document
NGRAM = 5


def bands_of(texts: list[str], scheme: MinHashScheme) -> npt.NDArray[np.uint64]:
    signed = sign_column(pa.chunked_array([pa.array(texts, pa.large_string())]), scheme)
    assert signed.present.all()
    return band_hashes(signed.values, scheme)


def meeting(bands: npt.NDArray[np.uint64]) -> set[tuple[int, int]]:
    """Return the pairs of rows that share the hash of a band."""
    buckets = defaultdict(list)
    for row, hashes in enumerate(bands.tolist()):
        for value in hashes:
            buckets[value].append(row)
    return {pair for rows in buckets.values() for pair in combinations(rows, 2)}


def closure(num_items: int, pairs: set[tuple[int, int]]) -> list[list[int]]:
    """Return what pairs join, directly or through others, by its least item."""
    root = list(range(num_items))
    for left, right in sorted(pairs):
        least, other = sorted((root[left], root[right]))
        root = [least if one == other else one for one in root]
    return [[i for i in range(num_items) if root[i] == one] for one in sorted(set(root))]


@pytest.mark.parametrize("method", ["fast", "permutations"])
def test_the_windows_of_datatroves_test_become_the_clusters_it_expects(
    method: SketchMethod,
) -> None:
    generator = np.random.default_rng(1)
    words = ["".join(generator.choice(SYLLABLES, generator.integers(1, 5))) for _ in range(600)]
    text = " ".join(words)
    scheme = MinHashScheme(
        num_permutations=14 * 8, num_bands=14, rows_per_band=8, ngram=5, method=method
    )
    starts = [start for group in GROUPS for start in group]
    windows = [text[start : start + WINDOW] for start in starts]
    found = closure(len(windows), meeting(bands_of(windows, scheme)))
    assert [[starts[i] for i in cluster] for cluster in found] == GROUPS


def pair_of_texts(step: float, name: str) -> tuple[list[str], list[str]]:
    """Return the words of two documents of NUM_SHINGLES shingles, about `step` alike."""
    num_shared = round(2 * NUM_SHINGLES * step / (1 + step))
    shared = [f"{name}s{i}" for i in range(num_shared + NGRAM - 1)]
    own = [[f"{name}{side}{i}" for i in range(NUM_SHINGLES - num_shared)] for side in "lr"]
    return shared + own[0], shared + own[1]


def datasketch_meeting(documents: list[list[str]], scheme: MinHashScheme) -> dict[int, set[int]]:
    """Return, for every second document, which of the others datasketch's index gives for it."""
    shingles = [
        [" ".join(words[i : i + NGRAM]).encode() for i in range(len(words) - NGRAM + 1)]
        for words in documents
    ]
    sketches = datasketch.MinHash.bulk(shingles, num_perm=scheme.num_permutations)
    shape = (scheme.num_bands, scheme.rows_per_band)
    index = datasketch.MinHashLSH(num_perm=scheme.num_permutations, params=shape)
    for i, sketch in enumerate(sketches[::2]):
        index.insert(2 * i, sketch)
    return {2 * i + 1: set(index.query(sketch)) for i, sketch in enumerate(sketches[1::2])}


@pytest.mark.parametrize(("num_bands", "rows_per_band"), [(14, 8), (25, 10)])
def test_pairs_of_known_similarity_meet_as_often_as_in_datasketch(
    num_bands: int, rows_per_band: int
) -> None:
    scheme = MinHashScheme(
        num_permutations=num_bands * rows_per_band,
        num_bands=num_bands,
        rows_per_band=rows_per_band,
        ngram=NGRAM,
        method="permutations",
    )
    documents = [
        words
        for step in STEPS
        for i in range(NUM_PAIRS)
        for words in pair_of_texts(step, f"{step * 100:.0f}x{i}")
    ]
    texts = [" ".join(words) for words in documents]
    truth = np.array(
        [jaccard(*map(shingle_hashes, texts[i : i + 2])) for i in range(0, len(texts), 2)]
    )
    assert np.abs(truth - np.repeat(STEPS, NUM_PAIRS)).max() < 0.02
    ours: dict[int, set[int]] = {i: set() for i in range(1, len(texts), 2)}
    for left, right in meeting(bands_of(texts, scheme)):
        ours[right].add(left)
    theirs = datasketch_meeting(documents, scheme)
    found = np.array([[i - 1 in side[i] for i in ours] for side in (ours, theirs)])
    # Documents of different pairs share nothing, so whatever else was found is wrong.
    for side, num_found in zip((ours, theirs), found.sum(axis=1), strict=True):
        assert sum(map(len, side.values())) == num_found
    for step in range(len(STEPS)):
        rows = slice(step * NUM_PAIRS, (step + 1) * NUM_PAIRS)
        (recall, their_recall), similarity = found[:, rows].mean(axis=1), float(truth[rows][0])
        expected = collision_probability(similarity, scheme)
        error = math.sqrt(expected * (1 - expected) / NUM_PAIRS) + 0.25 / NUM_PAIRS
        assert abs(recall - expected) <= 4 * error
        assert abs(recall - their_recall) <= 4 * math.sqrt(2) * error
    similar = truth >= 0.7
    precision, their_precision = (float(np.mean(similar[side])) for side in found)
    share = (precision + their_precision) / 2
    error = math.sqrt(share * (1 - share) * sum(1 / side.sum() for side in found))
    assert abs(precision - their_precision) <= 4 * error
