"""The slow, exact twins of the dedup kernels, in plain Python integers, to test against."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations

from .minhash import BAND_MULTIPLIER, MinHashScheme, permutation
from .mixing import MIX_FIRST, MIX_SECOND
from .shingles import SHINGLE_MULTIPLIER, SINGLE_CHARACTER_WORDS, WORD_MULTIPLIER

_MASK = (1 << 64) - 1


def slow_mix64(value: int) -> int:
    """Return the finaliser of splitmix64."""
    value = (value ^ (value >> 30)) * MIX_FIRST & _MASK
    value = (value ^ (value >> 27)) * MIX_SECOND & _MASK
    return value ^ (value >> 31)


def slow_words(text: str) -> list[str]:
    """Return the words of a text in order."""
    words, run = [], ""
    for character in text.lower() + "\n":
        if character == "_" or (character.isalnum() and not _is_single(character)):
            run += character
            continue
        if run:
            words.append(run)
        run = ""
        if character.isalnum():
            words.append(character)
    return words


def _is_single(character: str) -> bool:
    return any(first <= ord(character) <= last for first, last in SINGLE_CHARACTER_WORDS)


def slow_shingle_hashes(text: str, *, ngram: int = 5) -> list[int]:
    """Return the sorted unique shingle hashes of a text."""
    words = [
        slow_mix64(_horner(map(ord, word), multiplier=WORD_MULTIPLIER)) for word in slow_words(text)
    ]
    return sorted(
        {
            slow_mix64(_horner(words[i : i + ngram], multiplier=SHINGLE_MULTIPLIER))
            for i in range(len(words) - ngram + 1)
        }
    )


def _horner(values: Sequence[int] | Iterator[int], *, multiplier: int) -> int:
    total = 0
    for value in values:
        total = (total * multiplier + value) & _MASK
    return total


def slow_signature(shingles: Sequence[int], scheme: MinHashScheme) -> list[int]:
    """Return the signature of a document that has shingles."""
    functions = [permutation(i, scheme.seed) for i in range(scheme.num_permutations)]
    return [min((a * x + b & _MASK) >> 32 for x in shingles) for a, b in functions]


def slow_band_hashes(signature: Sequence[int], scheme: MinHashScheme) -> list[int]:
    """Return the hash of each band of a signature."""
    rows = scheme.rows_per_band
    bands = (signature[band * rows : (band + 1) * rows] for band in range(scheme.num_bands))
    return [
        slow_mix64(_horner([number, *band], multiplier=BAND_MULTIPLIER))
        for number, band in enumerate(bands, start=1)
    ]


def slow_candidate_pairs(
    rows: Sequence[tuple[int, bytes, bytes, bytes]], *, max_bucket: int, fanout: int
) -> set[tuple[bytes, bytes]]:
    """Return the pairs of items for rows (band_hash, item_id, content_id, preference_key)."""
    buckets: dict[int, dict[bytes, tuple[bytes, bytes]]] = defaultdict(dict)
    for band_hash, item, content, key in rows:
        bucket = buckets[band_hash]
        bucket[content] = min(bucket.get(content, (key, item)), (key, item))
    pairs = set()
    for bucket in buckets.values():
        members = [item for _, item in sorted(bucket.values())]
        num_left = len(members) if len(members) <= max_bucket else fanout
        numbered = combinations(enumerate(members), 2)
        pairs |= {(left, right) for (i, left), (_, right) in numbered if i < num_left}
    return pairs


def slow_resolve(
    edges: Sequence[tuple[bytes, bytes, float]],
    exact: Mapping[bytes, bytes],
    keys: Mapping[bytes, bytes],
) -> dict[bytes, tuple[str, bytes, float]]:
    """Return (reason, keeper, similarity) of each dropped item; `exact` maps items to keepers."""
    similar: dict[bytes, dict[bytes, float]] = defaultdict(dict)
    for left, right, similarity in edges:
        left, right = exact.get(left, left), exact.get(right, right)
        for one, other in ((left, right), (right, left)):
            similar[one][other] = max(similarity, similar[one].get(other, 0.0))
    kept: set[bytes] = set()
    dropped: dict[bytes, tuple[str, bytes, float]] = {}
    for item in sorted(similar, key=lambda item: keys[item]):
        rivals = [other for other in similar[item] if other in kept]
        if rivals:
            keeper = min(rivals, key=lambda other: (-similar[item][other], keys[other]))
            dropped[item] = ("near_duplicate", keeper, similar[item][keeper])
        else:
            kept.add(item)
    follow = {
        item: dropped.get(keeper, ("exact_duplicate", keeper, 1.0))
        for item, keeper in exact.items()
    }
    return dropped | follow
