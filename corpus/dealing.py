"""An exact deal: which of several streams a sample is from, evenly spread, found without counting.

Of a period of M samples, stream k gives exactly its count c_k. The streams lie side by side on a
circle of M places; sample i is at the place i x A + B modulo M, with A near M / 1.618 and without a
common divisor, so that a period takes every place once and every stream in turns as even as can be.
How many samples of a stream came before is a sum of floors, which Euclid's algorithm gives.
"""

import math
from collections.abc import Sequence

import numpy as np

from .ids import seeded_hash


class Deal:
    """An endless sequence of streams; after `num_samples` the same turns come again."""

    def __init__(self, counts: Sequence[int], *, seed: int) -> None:
        assert min(counts) >= 0
        self.counts = tuple(counts)
        self.num_samples = sum(counts)
        assert self.num_samples > 0
        self._starts = np.cumsum([0, *counts])
        self._step = _coprime_near_golden(self.num_samples)
        self._first = seeded_hash("deal", seed, b"") % self.num_samples

    def locate(self, index: int) -> tuple[int, int]:
        """Return the stream of a sample and how many of that stream's came before."""
        period, i = divmod(index, self.num_samples)
        place = (i * self._step + self._first) % self.num_samples
        part = int(np.searchsorted(self._starts, place, side="right")) - 1
        start, stop = int(self._starts[part]), int(self._starts[part + 1])
        before = self._floors(i, start) - self._floors(i, stop)
        return part, period * self.counts[part] + before

    def _floors(self, count: int, border: int) -> int:
        """Return the sum of floors whose fall by one says that a place lies before the border."""
        return floor_sum(count, self.num_samples, self._step, self._first - border)


def floor_sum(count: int, divisor: int, step: int, first: int) -> int:
    """Return the sum of (i x step + first) // divisor for i from 0 to count - 1.

    Takes as many steps as Euclid's algorithm on step and divisor; `first` may be negative.
    """
    total = 0
    while count > 0:
        total += (count - 1) * count // 2 * (step // divisor) + count * (first // divisor)
        step, first = step % divisor, first % divisor
        last = step * count + first
        count, first = divmod(last, divisor)
        step, divisor = divisor, step
        if divisor == 0:
            break
    return total


def _coprime_near_golden(size: int) -> int:
    """Return the number next above size / 1.618... that has no common divisor with size."""
    step = (math.isqrt(5 * size * size) - size) // 2
    while math.gcd(step, size) != 1:
        step += 1
    return step
