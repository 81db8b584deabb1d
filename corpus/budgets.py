"""Exact shares of a whole: in proportion to weights, under limits, without rounding."""

from collections.abc import Sequence
from fractions import Fraction


def exact(number: float | Fraction) -> Fraction:
    """Return a number as people wrote it: 0.1 is one tenth."""
    return Fraction(str(number))


def apportion(weights: Sequence[float | Fraction], total: int) -> list[int]:
    """Return whole numbers in the proportion of the weights that add up to the total.

    The largest remainders are rounded up; of equal ones, the first.
    """
    shares = [exact(weight) for weight in weights]
    quotas = [share * total / sum(shares) for share in shares]
    counts = [int(quota) for quota in quotas]
    by_remainder = sorted(range(len(quotas)), key=lambda i: (counts[i] - quotas[i], i))
    for i in by_remainder[: total - sum(counts)]:
        counts[i] += 1
    return counts


def fill(
    weights: Sequence[Fraction], limits: Sequence[Fraction | None], total: Fraction
) -> list[Fraction]:
    """Return shares in the proportion of the weights, none above its limit.

    What a limit cuts off goes to the others in their proportion. The shares add up to the total
    unless all that have a weight are at their limits.
    """
    shares = [Fraction(0)] * len(weights)
    free = [i for i, weight in enumerate(weights) if weight > 0]
    left = total
    while free:
        rate = left / sum(weights[i] for i in free)
        full = [i for i in free if _is_over(rate * weights[i], limits[i])]
        for i in full or free:
            limit = limits[i]
            shares[i] = limit if full and limit is not None else rate * weights[i]
        if not full:
            break
        left -= sum(shares[i] for i in full)
        free = [i for i in free if i not in full]
    return shares


def _is_over(share: Fraction, limit: Fraction | None) -> bool:
    return limit is not None and share > limit
