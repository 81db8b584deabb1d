"""Thresholds from counts: exact, though nobody holds all scores, or all hashes, at once.

A bin is the upper half of a score's bits, in the order of the scores. Counts of 65,536 bins add up
over any number of files; the one bin in which a budget ends is looked into by itself. Of hashes,
which are spread evenly, a count says where about the first so many end.
"""

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

Bins = npt.NDArray[np.uint16]
Counts = npt.NDArray[np.int64]
Logits = npt.NDArray[np.float32]

_SIGN: Final = np.uint32(1 << 31)
_HALF: Final = np.uint32(16)
ALL_KEYS: Final = (1 << 64) - 1


class ScoreBins(NamedTuple):
    """The bins that have pages, best first: tokens, and the bounds of the scores in each."""

    bins: Bins
    tokens: Counts
    least: Logits
    most: Logits


class Boundary(NamedTuple):
    """Where a budget ends: in a bin that has to be looked into, or, with None, right there."""

    threshold: float  # that holds if no score of the bin fits any more
    bin: int | None
    left: int  # tokens of the budget for the scores of the bin


def score_bins(scores: Logits) -> Bins:
    """Return the bin of each score; a greater score has no smaller bin. No score is NaN."""
    bits = (scores + np.float32(0)).view(np.uint32)  # -0.0 is 0.0
    ordered = np.where(bits & _SIGN, ~bits, bits | _SIGN)
    return (ordered >> _HALF).astype(np.uint16)


def find_boundary(found: ScoreBins, budget: int) -> Boundary:
    """Return where the pages from the best on have spent the budget.

    Where already the best page is longer than it, that page is in.
    """
    if not len(found.bins):
        return Boundary(0.0, None, 0)
    spent = np.cumsum(found.tokens)
    over = int(np.searchsorted(spent, budget, side="right"))
    if over == len(spent):
        return Boundary(float(found.least[-1]), None, 0)
    fallback = found.least[over - 1] if over else found.most[0]
    before = int(spent[over - 1]) if over else 0
    return Boundary(float(fallback), int(found.bins[over]), budget - before)


def threshold_in(boundary: Boundary, scores: Logits, tokens: Counts) -> float:
    """Return the least score that fits.

    Args:
        scores: the distinct ones of the boundary's bin, best first.
        tokens: of the pages of each.
    """
    last = int(np.searchsorted(np.cumsum(tokens), boundary.left, side="right")) - 1
    return float(scores[last]) if last >= 0 else boundary.threshold


def likely_bound(wanted: int, total: int) -> int:
    """Return a hash that `wanted` of `total` keys are not above, but for once in 10^20 cases."""
    if wanted <= 0:
        return 0
    enough = wanted + 10 * wanted**0.5 + 100
    return ALL_KEYS if enough >= total else int(enough / total * (1 << 64))
