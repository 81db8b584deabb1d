"""The slow, exact twins of the dedup kernels, in plain Python integers, to test against."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from itertools import combinations
from typing import TypeVar

from .characters import CLASS_SHIFT, RUN, SINGLE, SPACE, SYMBOL, character_table
from .minhash import BAND_MULTIPLIER, NO_SIGNATURE, ROUND_STEP, MinHashScheme, permutation, salt_of
from .mixing import MIX_FIRST, MIX_SECOND
from .shingles import (
    ROTATION_BITS,
    SHORT_TEXT,
    SYMBOL_SHARE,
    WORD_FIRST,
    WORD_SECOND,
    WORD_SEED,
)

_MASK = (1 << 64) - 1


def slow_mix64(value: int) -> int:
    """Return the finaliser of splitmix64."""
    value = (value ^ (value >> 30)) * MIX_FIRST & _MASK
    value = (value ^ (value >> 27)) * MIX_SECOND & _MASK
    return value ^ (value >> 31)


def slow_words(text: str) -> list[str]:
    """Return the words of a text in order."""
    entries = [int(character_table()[ord(character)]) for character in text]
    lower = [chr(entry & ((1 << CLASS_SHIFT) - 1)) for entry in entries]
    classes = [entry >> CLASS_SHIFT for entry in entries]
    sizes = [len(character.encode()) for character in lower]
    num_word_bytes = sum(n for n, kind in zip(sizes, classes, strict=True) if kind >= RUN)
    num_visible = sum(n for n, kind in zip(sizes, classes, strict=True) if kind != SPACE)
    if num_word_bytes * SYMBOL_SHARE < num_visible:
        classes = [SINGLE if kind == SYMBOL else kind for kind in classes]
    words, run = [], ""
    for character, kind in zip([*lower, " "], [*classes, SPACE], strict=True):
        if kind == RUN:
            run += character
            continue
        if run:
            words.append(run)
        run = ""
        if kind == SINGLE:
            words.append(character)
    return words


def slow_word_hash(data: bytes) -> int:
    """Return the hash of a word's UTF-8."""
    value = len(data) * WORD_SEED & _MASK
    for start in range(0, len(data), 8):
        value = (value ^ int.from_bytes(data[start : start + 8], "little")) * WORD_FIRST & _MASK
        value ^= value >> 32
    value = value * WORD_SECOND & _MASK
    return value ^ (value >> 29)


def slow_shingle_hashes(text: str, *, ngram: int = 5) -> list[int]:
    """Return the sorted unique shingle hashes of a text."""
    words = [slow_word_hash(word.encode()) for word in slow_words(text)]
    if len(words) < ngram:
        return [slow_mix64(slow_word_hash(text.encode()) + SHORT_TEXT & _MASK)] if text else []
    found = set()
    for i in range(len(words) - ngram + 1):
        turned = (_rotate(words[i + j], ROTATION_BITS * j % 64) for j in range(ngram))
        found.add(slow_mix64(sum(turned) & _MASK))
    return sorted(found)


def _rotate(value: int, bits: int) -> int:
    return (value << bits | value >> (64 - bits)) & _MASK


def _horner(values: Sequence[int] | Iterator[int], *, multiplier: int) -> int:
    total = 0
    for value in values:
        total = (total * multiplier + value) & _MASK
    return total


def slow_signature(shingles: Sequence[int], scheme: MinHashScheme) -> list[int]:
    """Return the signature of a document that has shingles."""
    if scheme.method == "fast":
        return _slow_fast_sketch(shingles, scheme)
    functions = [permutation(i, scheme.seed) for i in range(scheme.num_permutations)]
    return [min((a * (x >> 32) + b) & 0xFFFFFFFF for x in shingles) for a, b in functions]


def _slow_fast_sketch(shingles: Sequence[int], scheme: MinHashScheme) -> list[int]:
    k, bits, salt = scheme.num_permutations, scheme.value_bits, salt_of(scheme.seed)
    bins = [NO_SIGNATURE] * k
    for turn in range(2 * k):
        if NO_SIGNATURE not in bins:
            break
        for x in shingles:
            value = x ^ salt if turn == 0 else slow_mix64((x + salt + turn * ROUND_STEP) & _MASK)
            place = (value >> 32) * k >> 32 if turn < k else turn - k
            number = turn << bits | (value & 0xFFFFFFFF) >> (32 - bits)
            bins[place] = min(bins[place], number)
    return bins


def slow_band_hashes(signature: Sequence[int], scheme: MinHashScheme) -> list[int]:
    """Return the hash of each band of a signature."""
    rows = scheme.rows_per_band
    bands = (signature[band * rows : (band + 1) * rows] for band in range(scheme.num_bands))
    return [
        slow_mix64(_horner([number, *band], multiplier=BAND_MULTIPLIER))
        for number, band in enumerate(bands, start=1)
    ]


def slow_candidate_pairs(
    rows: Sequence[tuple[int, int, bytes]], *, max_bucket: int, fanout: int
) -> set[tuple[bytes, bytes]]:
    """Return the pairs of items for rows (band_hash, rank, item_id)."""
    buckets: dict[int, set[tuple[int, bytes]]] = defaultdict(set)
    for band_hash, rank, item in rows:
        buckets[band_hash].add((rank, item))
    pairs = set()
    for bucket in buckets.values():
        members = [item for _, item in sorted(bucket)]
        num_left = len(members) if len(members) <= max_bucket else fanout
        numbered = combinations(enumerate(members), 2)
        pairs |= {(left, right) for (i, left), (_, right) in numbered if i < num_left}
    return pairs


Item = TypeVar("Item", bytes, int)


def slow_choose_keepers(
    edges: Sequence[tuple[Item, Item, float]], preference: Callable[[Item], tuple[int, Item]]
) -> dict[Item, tuple[Item, float]]:
    """Return keeper and similarity of each item that is dropped as a near duplicate."""
    similar: dict[Item, dict[Item, float]] = defaultdict(dict)
    for left, right, similarity in edges:
        similar[left][right] = similar[right][left] = similarity
    kept: set[Item] = set()
    dropped: dict[Item, tuple[Item, float]] = {}
    for item in sorted(similar, key=preference):
        rivals = [other for other in similar[item] if other in kept]
        if rivals:
            keeper = min(rivals, key=lambda other: (-similar[item][other], preference(other)))
            dropped[item] = (keeper, similar[item][keeper])
        else:
            kept.add(item)
    return dropped


def slow_components(edges: Sequence[tuple[int, int]]) -> dict[int, int]:
    """Return the least node of the component of each node that occurs."""
    neighbours: dict[int, set[int]] = defaultdict(set)
    for left, right in edges:
        neighbours[left].add(right)
        neighbours[right].add(left)
    roots: dict[int, int] = {}
    for root in sorted(neighbours):
        border = {root} - roots.keys()
        while border:
            roots |= dict.fromkeys(border, root)
            border = {other for node in border for other in neighbours[node]} - roots.keys()
    return roots
