"""MinHash signatures: a document as the minimum of k random functions over its shingles.

Function i is (a_i * x + b_i mod 2^64) >> 32 with a_i odd, both drawn from the seed. The share of
equal positions of two signatures estimates the Jaccard similarity with standard deviation
sqrt(J (1 - J) / k); two documents meet in a band with probability J^rows.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from ..corpus.errors import GristmillError
from ..corpus.ids import seeded_hash
from .mixing import mix64

BAND_MULTIPLIER = 0xD6E8FEB86659FD93
NO_SIGNATURE = 0xFFFFFFFF  # fills the row of a document without shingles: neutral in a merge

_BLOCK_SHINGLES = 1 << 14  # with its scratch copy this fits a core's second-level cache


class MinHashScheme(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a signature is made of; the defaults are StarCoder's for Jaccard 0.7.

    256 permutations over word 5-grams. The bands and rows are datasketch's optimum for that
    threshold: a pair at 0.7 is found with probability 0.51, at 0.8 with 0.94, at 0.5 with 0.02.
    """

    num_permutations: int = 256
    num_bands: int = 25
    rows_per_band: int = 10
    ngram: int = 5
    threshold: float = 0.7
    seed: int = 1

    def __post_init__(self) -> None:
        for name in ("num_permutations", "num_bands", "rows_per_band", "ngram"):
            if getattr(self, name) < 1:
                raise _setting_error(f"{name} is {getattr(self, name)}", "Give at least 1.")
        if not 0 < self.threshold <= 1:
            raise _setting_error(
                f"threshold is {self.threshold}", "Give a Jaccard similarity above 0, up to 1."
            )
        num_used = self.num_bands * self.rows_per_band
        if num_used > self.num_permutations:
            raise _setting_error(
                f"{self.num_bands} bands of {self.rows_per_band} rows need {num_used} permutations,"
                f" and there are {self.num_permutations}",
                "Raise num_permutations or lower num_bands.",
            )


class Signatures(NamedTuple):
    """The signatures of n documents and which of them have one."""

    values: npt.NDArray[np.uint32]  # [n, k]; NO_SIGNATURE throughout a row without one
    present: npt.NDArray[np.bool_]  # [n]; False for a document without shingles


def signatures(
    shingles_flat: npt.NDArray[np.uint64], offsets: npt.NDArray[np.int64], scheme: MinHashScheme
) -> Signatures:
    """Return the signature of every document.

    Document i owns `shingles_flat[offsets[i]:offsets[i + 1]]`. Scratch memory is under 64 MB at
    256 permutations, however many shingles there are. A document without shingles has no
    signature: give only `present` rows to `band_hashes`.
    """
    lengths = np.diff(offsets)
    present = lengths > 0
    values = np.full((len(lengths), scheme.num_permutations), NO_SIGNATURE, dtype=np.uint32)
    owners = np.flatnonzero(present)
    starts = offsets[:-1][present]
    end = int(offsets[-1])
    multipliers, increments = _permutations(scheme.num_permutations, scheme.seed)
    for block in range(int(offsets[0]), end, _BLOCK_SHINGLES):
        stop = min(block + _BLOCK_SHINGLES, end)
        first = int(np.searchsorted(starts, block, side="right")) - 1
        last = int(np.searchsorted(starts, stop, side="left"))
        segments = np.maximum(starts[first:last] - block, 0)
        minima = _block_minima(shingles_flat[block:stop], segments, multipliers, increments)
        rows = owners[first:last]
        values[rows] = np.minimum(values[rows], minima.T)
    return Signatures(values, present)


def _block_minima(
    shingles: npt.NDArray[np.uint64],
    segments: npt.NDArray[np.int64],
    multipliers: npt.NDArray[np.uint64],
    increments: npt.NDArray[np.uint64],
) -> npt.NDArray[np.uint32]:
    """Return the minimum of each function over each segment, [k, num_segments]."""
    minima = np.empty((len(multipliers), len(segments)), dtype=np.uint32)
    scratch = np.empty_like(shingles)
    for i in range(len(multipliers)):
        np.multiply(shingles, multipliers[i], out=scratch)
        np.add(scratch, increments[i], out=scratch)
        # The shift keeps the order, so it may follow the minimum.
        minima[i] = np.minimum.reduceat(scratch, segments) >> np.uint64(32)
    return minima


@lru_cache(maxsize=4)
def _permutations(
    num_permutations: int, seed: int
) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64]]:
    pairs = [permutation(i, seed) for i in range(num_permutations)]
    table = np.array(pairs, dtype=np.uint64)
    return np.ascontiguousarray(table[:, 0]), np.ascontiguousarray(table[:, 1])


def permutation(i: int, seed: int) -> tuple[int, int]:
    """Return the multiplier (odd) and the increment of hash function i; both are 64-bit."""
    identity = i.to_bytes(4, "little")
    multiplier = seeded_hash("minhash", seed, identity, "multiplier") | 1
    return multiplier, seeded_hash("minhash", seed, identity, "increment")


def merge_signatures(parts: Sequence[npt.NDArray[np.uint32]]) -> npt.NDArray[np.uint32]:
    """Return the signature of the union of the sets whose signatures are given, each [..., k]."""
    assert parts, "a union of no sets has no signature"
    merged: npt.NDArray[np.uint32] = np.minimum.reduce(list(parts))
    return merged


def estimate_jaccard(
    left: npt.NDArray[np.uint32], right: npt.NDArray[np.uint32]
) -> npt.NDArray[np.float64]:
    """Return the share of equal positions of signatures [..., k], as an array of shape [...]."""
    return np.asarray(np.mean(left == right, axis=-1), dtype=np.float64)


def band_hashes(
    signature_rows: npt.NDArray[np.uint32], scheme: MinHashScheme
) -> npt.NDArray[np.uint64]:
    """Return one hash of each band of each signature, [n, num_bands].

    The band number is part of the hash. Rows must be `present` ones: documents without shingles
    would all meet.
    """
    num_rows = len(signature_rows)
    assert not (signature_rows == NO_SIGNATURE).all(axis=1).any(), "a row has no signature"
    used = signature_rows[:, : scheme.num_bands * scheme.rows_per_band]
    bands = used.reshape(num_rows, scheme.num_bands, scheme.rows_per_band).astype(np.uint64)
    numbers = np.arange(1, scheme.num_bands + 1, dtype=np.uint64)
    hashes = np.tile(numbers, (num_rows, 1))
    for row in range(scheme.rows_per_band):
        hashes *= np.uint64(BAND_MULTIPLIER)
        hashes += bands[:, :, row]
    return mix64(hashes)


def collision_probability(jaccard: float, scheme: MinHashScheme) -> float:
    """Return the probability that two documents of this similarity share at least one band."""
    in_one_band = jaccard**scheme.rows_per_band
    return float(1 - (1 - in_one_band) ** scheme.num_bands)


def _setting_error(what: str, todo: str) -> GristmillError:
    return GristmillError(what, where="MinHash settings", todo=todo)
