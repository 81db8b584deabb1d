"""Whether a value looks drawn at random, as keys and generated passwords are."""

import math
import re
from collections import Counter

MIN_HEX_BITS = 2.9  # per character, of 4; 16 random digits have 3.3 on average
MIN_BITS = 3.4  # per character, of 6; 20 random characters have 4.1 on average

_HEX = re.compile(rb"[0-9a-fA-F]+")
_DIGITS = re.compile(rb"[0-9]+")
_WORDS = re.compile(rb"[A-Z]?[a-z]{4,}|[A-Z]{5,}")
_RUN = re.compile(rb"(.)\1{4}|0123456|1234567|abcdef|ABCDEF")


def entropy(value: bytes) -> float:
    """Return the Shannon entropy of a value's bytes, in bits a byte."""
    size = len(value)
    return -sum(n / size * math.log2(n / size) for n in Counter(value).values()) if size else 0.0


def looks_random(value: bytes) -> bool:
    """Return whether a value is no word, number or pattern that a person would write."""
    if _RUN.search(value) or _DIGITS.fullmatch(value):
        return False
    if _HEX.fullmatch(value):
        return entropy(value) >= MIN_HEX_BITS and re.search(rb"[0-9]", value) is not None
    if not (re.search(rb"[0-9]", value) and re.search(rb"[A-Za-z]", value)):
        return False
    words = sum(len(word) for word in _WORDS.findall(value))
    return entropy(value) >= MIN_BITS and words * 2 <= len(value)
