"""The slow, exact twins of the dedup kernels, in plain Python integers, to test against."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from itertools import combinations
from typing import TypeVar

from ..corpus.characters import CLASS_SHIFT, RUN, SINGLE, SPACE, SYMBOL, character_table
from .contamination import Run
from .lines import BASE, CODE_FIRST, CODE_LAST, LENGTH_STEP, SPACES
from .minhash import (
    BAND_MULTIPLIER,
    NO_SIGNATURE,
    TURN_MULTIPLIER,
    MinHashScheme,
    permutation,
    salt_of,
)
from .mixing import MIX_FIRST, MIX_SECOND
from .ngrams import LONGEST, SHORTEST
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
    steps = [data[start : start + 8] for start in range(0, max(len(data), 16), 8)]
    for step in steps[:-1]:
        value = (value ^ int.from_bytes(step, "little")) * WORD_FIRST & _MASK
        value ^= value >> 32
    value = (value ^ int.from_bytes(steps[-1], "little")) * WORD_SECOND & _MASK
    return value ^ (value >> 29)


def slow_contamination(text: str, passages: Sequence[str]) -> list[Run]:
    """Return where words of a text are words of a passage, in the order of their importance."""
    words, found = slow_words(text), []
    for number, passage in enumerate(passages):
        theirs = slow_words(passage)
        length = min(LONGEST, len(theirs))
        same = {
            (place, start)
            for place in range(len(words) - length + 1)
            for start in range(len(theirs) - length + 1)
            if length >= SHORTEST
            and words[place : place + length] == theirs[start : start + length]
        }
        for place, start in same:
            if (place - 1, start - 1) not in same:
                more = 0
                while (place + more + 1, start + more + 1) in same:
                    more += 1
                found.append(Run(0, place, number, start, length + more))
    return sorted(found, key=lambda run: (-run.num_words, run.passage, run.place, run.start))


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
            mixed = slow_turn_hash(x, turn, scheme.seed)
            place, value = turn - k, mixed
            if turn == 0:
                place, value = ((x ^ salt) >> 32) * k >> 32, (x ^ salt) & 0xFFFFFFFF
            elif turn < k:
                place, value = mixed * k >> 32, mixed * k & 0xFFFFFFFF
            bins[place] = min(bins[place], turn << bits | value >> (32 - bits))
    return bins


def slow_turn_hash(shingle: int, turn: int, seed: int) -> int:
    """Return the 32 bits that decide where a shingle falls in a turn after the first."""
    multiplier, increment = permutation(turn, seed)
    mixed = ((shingle & 0xFFFFFFFF) + increment) * multiplier & 0xFFFFFFFF
    return (mixed ^ mixed >> 15) * TURN_MULTIPLIER & 0xFFFFFFFF


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


def slow_line_hash(line: bytes) -> int:
    """Return the hash of a line without the spaces around it."""
    value = sum((byte + 1) * pow(BASE, i, 1 << 64) for i, byte in enumerate(line))
    return slow_mix64((value + len(line) * LENGTH_STEP) & _MASK)


def slow_lines(text: str, *, min_chars: int) -> list[tuple[int, int, int]]:
    """Return (hash, first character, end character) of the lines of a text that may be cut."""
    lines = text.split("\n")
    starts = [sum(len(line) + 1 for line in lines[:i]) for i in range(len(lines))]
    bare = [line.strip(SPACES.decode()) for line in lines]
    marked = _slow_marked(bare)
    found = []
    for i, line in enumerate(bare):
        following = [starts[j] for j in range(i + 1, len(bare)) if bare[j]]
        is_code = bool(line) and (
            lines[i][0] == " " or line[0] in CODE_FIRST.decode() or line[-1] in CODE_LAST.decode()
        )
        has_letter = any(c > "\x7f" or "a" <= c.lower() <= "z" for c in line)
        if len(line) >= max(min_chars, 1) and has_letter and not is_code and not marked[i]:
            end = following[0] if following else len(text)
            found.append((slow_line_hash(line.encode()), starts[i], end))
    return found


def _slow_marked(lines: Sequence[str]) -> list[bool]:
    """Tell the lines in fences, between pairs of dollars, and with a dollar or a backtick."""
    found = [any(mark in line for mark in "$`") for line in lines]
    fence, opened, formula = "", 0, None
    for i, line in enumerate(lines):
        quoted = line.lstrip(" \t>")
        run = quoted[: len(quoted) - len(quoted.lstrip(quoted[:1]))]
        is_fence = len(run) >= 3 and run[0] in "`~"
        if fence:
            found[i] = True
            fence = "" if is_fence and quoted == run and run.startswith(fence) else fence
        elif is_fence:
            fence, found[i] = run, True
        elif line.count("$$") % 2:
            opened, formula = (i, True) if formula is None else (opened, None)
            found[opened : i + 1] = [True] * (i + 1 - opened)
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
