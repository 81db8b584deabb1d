"""Whether two builds differ by more than chance: a mean of seeds beside another's.

Seeds of one build differ by chance alone, and how much tells what chance makes of a difference of
means. Few seeds tell it badly, so that the bound is Student's t and not the 2 of many.
"""

import statistics
from collections.abc import Sequence
from typing import Final, Literal

import msgspec

Verdict = Literal["better", "worse", "unclear"]

# Of Student's t: what is exceeded, either way, once in 20 times. By degrees of freedom, which are
# two for each seed but the first; more of them are given the last one's, which is a little strict.
_ONCE_IN_20: Final = {
    **{2: 4.303, 4: 2.776, 6: 2.447, 8: 2.306, 10: 2.228},
    **{12: 2.179, 14: 2.145, 16: 2.120, 18: 2.101},
}


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """One score of one build beside the first build's, each a mean over seeds.

    Args:
        documents: that were measured.
        noise: the standard error of the difference, from how much seeds differ within each build;
            None with one seed.
        bound: what chance alone exceeds, either way, in one of 20 scores.
    """

    build: str
    score: str  # bits/byte, or exact match
    component: str
    language: str
    documents: int
    first: float
    other: float
    noise: float | None
    bound: float | None

    @property
    def difference(self) -> float:
        """The other's less the first's: below 0 is better in bits, above 0 in exact matches."""
        return self.other - self.first

    @property
    def verdict(self) -> Verdict:
        """What can be said of the other build; nothing where chance makes as much of it.

        Seeds that all fill in as many lines have no noise, and say nothing of chance either.
        """
        if not self.bound or abs(self.difference) <= self.bound:
            return "unclear"
        return "better" if (self.difference < 0) == (self.score == "bits/byte") else "worse"


def noise_of(first: Sequence[float], other: Sequence[float]) -> float | None:
    """Return the standard error of the difference of two means of equally many seeds."""
    if len(first) < 2:
        return None
    spread = statistics.variance(first) + statistics.variance(other)
    return float((spread / len(first)) ** 0.5)


def once_in_20(num_seeds: int) -> float:
    """Return how many times the noise chance exceeds in one of 20 scores."""
    assert num_seeds > 1
    return _ONCE_IN_20[min(2 * num_seeds - 2, max(_ONCE_IN_20))]
