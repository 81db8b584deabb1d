"""The slow, exact twins of the dedup kernels, in plain Python integers, to test against."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations

from .characters import CLASS_SHIFT, RUN, SINGLE, SPACE, SYMBOL, character_table
from .lines import BASE, CODE_FIRST, CODE_LAST, LENGTH_STEP, SPACES
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


def slow_line_hash(line: bytes) -> int:
    """Return the hash of a line without the spaces around it."""
    value = sum((byte + 1) * pow(BASE, i, 1 << 64) for i, byte in enumerate(line))
    return slow_mix64((value + len(line) * LENGTH_STEP) & _MASK)


def slow_lines(text: str, *, min_chars: int) -> list[tuple[int, int, int]]:
    """Return (hash, first character, end character) of the lines of a text that may be cut."""
    lines = text.split("\n")
    starts = [sum(len(line) + 1 for line in lines[:i]) for i in range(len(lines))]
    bare = [line.strip(SPACES.decode()) for line in lines]
    found = []
    for i, line in enumerate(bare):
        following = [starts[j] for j in range(i + 1, len(bare)) if bare[j]]
        is_code = bool(line) and (
            lines[i][0] == " " or line[0] in CODE_FIRST.decode() or line[-1] in CODE_LAST.decode()
        )
        has_letter = any(c > "\x7f" or "a" <= c.lower() <= "z" for c in line)
        if len(line) >= max(min_chars, 1) and has_letter and not is_code:
            end = following[0] if following else len(text)
            found.append((slow_line_hash(line.encode()), starts[i], end))
    return found


def slow_repeats(texts: Sequence[str], *, min_bytes: int) -> list[tuple[int, int, int]]:
    """Return (text, first, end) in characters of what repeats an earlier window of bytes."""
    seen: dict[bytes, int] = {}
    covered: set[int] = set()
    bounds, position = [], 0
    for text in texts:
        data = text.encode()
        bounds.append(position)
        for i in range(len(data) - min_bytes + 1):
            earliest = seen.setdefault(data[i : i + min_bytes], position + i)
            if position + i - earliest >= min_bytes:
                covered.update(range(position + i, position + i + min_bytes))
        position += len(data) + 1
    spans: list[tuple[int, int, int]] = []
    for number, text in enumerate(texts):
        position = bounds[number]
        for i, character in enumerate(text):
            size = len(character.encode())
            if covered.issuperset(range(position, position + size)):
                if spans and spans[-1][0] == number and spans[-1][2] == i:
                    spans[-1] = (number, spans[-1][1], i + 1)
                else:
                    spans.append((number, i, i + 1))
            position += size
    return spans
