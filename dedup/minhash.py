"""MinHash signatures: k numbers a document, of which two documents share the more the more alike.

The share of equal positions of two signatures estimates the Jaccard similarity J, and two
documents meet in a band with probability J^rows. `fast` is Fast Similarity Sketching (Dahlgaard,
Knudsen and Thorup, 2017): every shingle is thrown into one of k bins, turn after turn until no
bin is empty, and a bin keeps its least (turn, value). It needs k log k + n steps, not k n, and its
error is below that of k permutations, sqrt(J (1 - J) / k). `permutations` is the classic: position
i is the minimum of (a_i x + b_i) mod 2^32 over the upper halves x of the shingles, a_i odd.

The C kernel makes both from a text column in one pass; what is here is its twin.
"""

from collections.abc import Sequence
from functools import lru_cache
from types import ModuleType
from typing import Literal, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ..corpus.errors import GristmillError
from ..corpus.ids import seeded_hash
from .columns import TextBatch, text_batches
from .mixing import mix64
from .native import kernel
from .shingles import numpy_shingles

BAND_MULTIPLIER = 0xD6E8FEB86659FD93
TURN_MULTIPLIER = 0x846CA68B
NO_SIGNATURE = 0xFFFFFFFF  # fills the row of a document without shingles: neutral in a merge
_MASK = (1 << 64) - 1
MAX_PERMUTATIONS = 1 << 15  # a fast sketch keeps 16 bits of a value then
BATCH_BYTES = 8 << 20  # of text, sketched at a time

_BLOCK_SHINGLES = 1 << 14  # with its scratch copy this fits a core's second-level cache

SketchMethod = Literal["fast", "permutations"]


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
    method: SketchMethod = "fast"

    def __post_init__(self) -> None:
        for name in ("num_permutations", "num_bands", "rows_per_band", "ngram"):
            if getattr(self, name) < 1:
                raise _setting_error(f"{name} is {getattr(self, name)}", "Give at least 1.")
        if not 0 < self.threshold <= 1:
            raise _setting_error(
                f"threshold is {self.threshold}", "Give a Jaccard similarity above 0, up to 1."
            )
        if self.num_permutations > MAX_PERMUTATIONS:
            raise _setting_error(
                f"num_permutations is {self.num_permutations}", f"Give {MAX_PERMUTATIONS} at most."
            )
        num_used = self.num_bands * self.rows_per_band
        if num_used > self.num_permutations:
            raise _setting_error(
                f"{self.num_bands} bands of {self.rows_per_band} rows need {num_used} permutations,"
                f" and there are {self.num_permutations}",
                "Raise num_permutations or lower num_bands.",
            )

    def sketch_settings(self) -> dict[str, object]:
        """Return what decides a signature: neither bands nor threshold do."""
        return {
            "method": self.method,
            "num_permutations": self.num_permutations,
            "ngram": self.ngram,
            "seed": self.seed,
        }

    @property
    def value_bits(self) -> int:
        """How many bits of a fast sketch's number are its value; the others are its turn."""
        return 32 - (2 * self.num_permutations - 1).bit_length()


class Signatures(NamedTuple):
    """The signatures of n documents and of how many shingles each was made."""

    values: npt.NDArray[np.uint32]  # [n, k]; NO_SIGNATURE throughout a row without shingles
    num_shingles: npt.NDArray[np.int64]  # [n], repeats counted

    @property
    def present(self) -> npt.NDArray[np.bool_]:
        """Which documents have a signature, [n]."""
        return self.num_shingles > 0


def sign_column(texts: pa.ChunkedArray, scheme: MinHashScheme) -> Signatures:
    """Return the signature of every text of a string column; a null has none."""
    found = Signatures(
        np.empty((len(texts), scheme.num_permutations), dtype=np.uint32),
        np.empty(len(texts), dtype=np.int64),
    )
    native = kernel()
    first = 0
    for batch in text_batches(texts, BATCH_BYTES):
        rows = slice(first, first + batch.num_texts)
        out = Signatures(found.values[rows], found.num_shingles[rows])
        first += batch.num_texts
        if native is not None:
            sign_native(batch, scheme, native, out)
            continue
        hashes, counts = numpy_shingles(batch, scheme.ngram)
        out.values[:] = signatures(hashes, np.concatenate([[0], np.cumsum(counts)]), scheme).values
        out.num_shingles[:] = counts
    return found


def sign_native(
    batch: TextBatch,
    scheme: MinHashScheme,
    native: ModuleType,
    out: Signatures,
    target: str | None = None,
) -> None:
    """Write the signatures that the C kernel makes, with the instruction set that is named."""
    k, is_fast = scheme.num_permutations, scheme.method == "fast"
    native.sketch(
        batch.data,
        batch.offsets,
        scheme.ngram,
        k,
        scheme.value_bits if is_fast else 0,
        salt_of(scheme.seed),
        *_permutations(2 * k if is_fast else k, scheme.seed),
        out.values,
        out.num_shingles,
        target,
    )


def signatures(
    shingles_flat: npt.NDArray[np.uint64], offsets: npt.NDArray[np.int64], scheme: MinHashScheme
) -> Signatures:
    """Return the signature of every document from its shingles.

    Document i owns `shingles_flat[offsets[i]:offsets[i + 1]]`. A document without shingles has no
    signature: give only `present` rows to `band_hashes`.
    """
    shingles = shingles_flat[int(offsets[0]) : int(offsets[-1])]
    lengths = np.diff(offsets)
    if scheme.method == "fast":
        return Signatures(_fast_sketches(shingles, lengths, scheme), lengths)
    return Signatures(_permutation_sketches(shingles, lengths, scheme), lengths)


def _fast_sketches(
    shingles: npt.NDArray[np.uint64], lengths: npt.NDArray[np.int64], scheme: MinHashScheme
) -> npt.NDArray[np.uint32]:
    """Return the sketches of all documents, [n, k]; a bin's number is its turn and its value.

    Turn 0 takes the 64 bits of a shingle, later ones mix 32 of them; turn k + i fills bin i.
    """
    k, salt, bits = scheme.num_permutations, salt_of(scheme.seed), scheme.value_bits
    multipliers, increments = _permutations(2 * k, scheme.seed)
    values = np.full((len(lengths), k), NO_SIGNATURE, dtype=np.uint32)
    owner = np.repeat(np.arange(len(lengths)), lengths)
    for turn in range(2 * k):
        is_empty = values == NO_SIGNATURE
        needs = is_empty.any(axis=1) if turn < k else is_empty[:, turn - k]
        thrown = np.flatnonzero(needs[owner])
        if turn == 0:
            hashes = shingles ^ np.uint64(salt)
            bins, low = (hashes >> np.uint64(32)) * np.uint64(k), hashes.astype(np.uint32)
        else:
            mixed = (shingles[thrown].astype(np.uint32) + increments[turn]) * multipliers[turn]
            mixed = (mixed ^ (mixed >> np.uint32(15))) * np.uint32(TURN_MULTIPLIER)
            bins = mixed * np.uint64(k)
            low = bins.astype(np.uint32) if turn < k else mixed
        places = (bins >> np.uint64(32)).astype(np.int64)
        if turn >= k:
            places[:] = turn - k
        numbers = (low >> np.uint32(32 - bits)) | np.uint32(turn << bits)
        np.minimum.at(values, (owner[thrown], places), numbers)
    return values


def _permutation_sketches(
    shingles: npt.NDArray[np.uint64], lengths: npt.NDArray[np.int64], scheme: MinHashScheme
) -> npt.NDArray[np.uint32]:
    """Return the minima of all documents, [n, k], a block of shingles at a time."""
    values = np.full((len(lengths), scheme.num_permutations), NO_SIGNATURE, dtype=np.uint32)
    owners = np.flatnonzero(lengths > 0)
    starts = (np.cumsum(lengths) - lengths)[owners]
    multipliers, increments = _permutations(scheme.num_permutations, scheme.seed)
    for block in range(0, len(shingles), _BLOCK_SHINGLES):
        elements = (shingles[block : block + _BLOCK_SHINGLES] >> np.uint64(32)).astype(np.uint32)
        first = int(np.searchsorted(starts, block, side="right")) - 1
        last = int(np.searchsorted(starts, block + len(elements), side="left"))
        segments = np.maximum(starts[first:last] - block, 0)
        minima = np.empty((len(multipliers), len(segments)), dtype=np.uint32)
        for i in range(len(multipliers)):
            minima[i] = np.minimum.reduceat(elements * multipliers[i] + increments[i], segments)
        rows = owners[first:last]
        values[rows] = np.minimum(values[rows], minima.T)
    return values


@lru_cache(maxsize=4)
def _permutations(
    num_permutations: int, seed: int
) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.uint32]]:
    pairs = [permutation(i, seed) for i in range(num_permutations)]
    table = np.array(pairs, dtype=np.uint32)
    return np.ascontiguousarray(table[:, 0]), np.ascontiguousarray(table[:, 1])


def permutation(i: int, seed: int) -> tuple[int, int]:
    """Return the multiplier (odd) and the increment of hash function i; both are 32-bit."""
    identity = i.to_bytes(4, "little")
    multiplier = seeded_hash("minhash", seed, identity, "multiplier") >> 32 | 1
    return multiplier, seeded_hash("minhash", seed, identity, "increment") >> 32


def salt_of(seed: int) -> int:
    """Return what makes the fast sketches of one seed unlike another's; 64-bit."""
    return seeded_hash("minhash", seed, b"", "salt")


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
