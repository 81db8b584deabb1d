"""Patterns whose search takes time linear in the text, whatever the text holds: RE2's."""

from collections.abc import Iterator
from functools import cache
from typing import Protocol

import re2

PATTERN_BYTES = 1 << 20  # of compiled states; RE2 forgets them beyond this and goes on


class LinearMatch(Protocol):
    """Where a pattern matched."""

    def group(self, number: int, /) -> bytes:
        """Return what a group matched."""

    def span(self, number: int = 0, /) -> tuple[int, int]:
        """Return the bytes that a group matched, half open; -1 where it did not."""


class LinearPattern(Protocol):
    """A compiled pattern, to be searched for in UTF-8."""

    def search(self, text: bytes, /) -> LinearMatch | None:
        """Return the first match, or None."""

    def finditer(self, text: bytes, /) -> Iterator[LinearMatch]:
        """Yield the matches from left to right; none overlaps the one before."""

    def findall(self, text: bytes, /) -> list[bytes]:
        """Return what the first group matched in each match, from left to right."""


@cache
def linear_pattern(pattern: str, *, groups: bool = False) -> LinearPattern:
    """Return a compiled pattern of RE2's syntax in which ^ and $ mean lines.

    Without `groups` it says no more than whether and where it matches, which is faster.
    """
    options = re2.Options()
    options.max_mem = PATTERN_BYTES
    options.never_capture = not groups
    options.log_errors = False
    compiled: LinearPattern = re2.compile(f"(?m){pattern}", options)
    return compiled


def utf8(text: str) -> bytes:
    """Return a text's UTF-8 with a question mark for each lone surrogate, which has none."""
    return text.encode("utf-8", "replace")
