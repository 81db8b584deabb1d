"""The slow, exact twins of the content model's kernels, in plain Python, to test against."""

import math
from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from zlib import crc32

from .content_features import HEAD_BYTES, MULTIPLIERS, reduce_token
from .content_file import ModelData

_BRACKETS = b"()[]{};,"


def slow_features(text: str) -> dict[int, int]:
    """Return how often each feature occurs."""
    hashes = [crc32(reduce_token(token)) for token in slow_tokens(_slow_head(text))]
    pairs = [
        (MULTIPLIERS[0] * first + MULTIPLIERS[1] * second + 1) % 2**32
        for first, second in pairwise(hashes)
    ]
    return dict(Counter(hashes + pairs))


def slow_tokens(data: bytes) -> list[bytes]:
    """Return the tokens of a head, from its first byte on."""
    tokens, at = [], 0
    while at < len(data):
        end = _token_end(data, at)
        if end > at:
            tokens.append(data[at:end])
        at = max(end, at + 1)
    return tokens


def slow_scores(data: ModelData, text: str) -> list[float]:
    """Return every language's score, [L]."""
    names = data.header.languages
    known = _known_values(data, slow_features(text))
    starts = [0]
    for count in data.num_weights.tolist():
        starts.append(starts[-1] + count)
    scores = [prior / math.sqrt(1 + len(known)) for prior in data.header.priors]
    for at, value in known.items():
        for place in range(starts[at], starts[at + 1]):
            language = int(data.languages[place])
            share = int(data.weights[place]) / 127
            scores[language] += value * share * abs(share) * data.header.scales[language]
    assert len(scores) == len(names)
    return scores


def _known_values(data: ModelData, counts: dict[int, int]) -> dict[int, float]:
    total = len(data.header.languages)
    values = {}
    for at, feature in enumerate(data.features.tolist()):
        if feature in counts:
            rarity = math.log(1 + total / int(data.num_languages[at]))
            values[at] = (1 + math.log(counts[feature])) * rarity
    length = math.sqrt(sum(value * value for value in values.values()))
    return {at: value / length for at, value in values.items()}


def _slow_head(text: str) -> bytes:
    data = text[:HEAD_BYTES].encode("utf-8", "replace")[:HEAD_BYTES]
    return b"\n" + b"\n".join(data.replace(b"\r\n", b"\n").split(b"\r"))


def _token_end(data: bytes, at: int) -> int:
    """Return where the token that starts at a byte ends; the byte itself if none does."""
    byte = data[at]
    if _is_letter(byte):
        return _run(data, at + 1, 31, lambda b: _is_letter(b) or _is_digit(b))
    if byte == 0x0A:
        return _run(data, at + 1, len(data), lambda b: b in b" \t")
    if _is_digit(byte):
        return _run(data, at + 1, 31, lambda b: _is_letter(b) or _is_digit(b) or b == 0x2E)
    if byte in _BRACKETS:
        return at + 1
    if _is_punctuation(byte):
        return _run(data, at + 1, 3, _is_punctuation)
    if byte >= 0xC0:
        return _run(data, at + 1, len(data), lambda b: 0x80 <= b < 0xC0)
    return at


def _run(data: bytes, at: int, limit: int, holds: Callable[[int], bool]) -> int:
    end = at
    while end < len(data) and end - at < limit and holds(data[end]):
        end += 1
    return end


def _is_letter(byte: int) -> bool:
    return 0x41 <= byte <= 0x5A or 0x61 <= byte <= 0x7A or byte == 0x5F


def _is_digit(byte: int) -> bool:
    return 0x30 <= byte <= 0x39


def _is_punctuation(byte: int) -> bool:
    return (
        0x21 <= byte <= 0x2F or 0x3A <= byte <= 0x40 or 0x5B <= byte <= 0x60 or 0x7B <= byte <= 0x7E
    )
