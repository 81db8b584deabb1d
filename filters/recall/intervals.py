"""Wilson's interval of a share, for whole columns: it stays honest where a host has few pages."""

from typing import Final

import numpy as np
import numpy.typing as npt

Z_95: Final = 1.959963984540054  # two-sided, 95 %

Shares = npt.NDArray[np.float64]


def wilson_interval(
    successes: npt.NDArray[np.int64], trials: npt.NDArray[np.int64], *, z: float = Z_95
) -> tuple[Shares, Shares]:
    """Return the bounds of each share; without trials they are 0 and 1."""
    n = np.maximum(trials, 1).astype(np.float64)
    share, square = successes / n, z * z
    middle = (share + square / (2 * n)) / (1 + square / n)
    half = z * np.sqrt(share * (1 - share) / n + square / (4 * n * n)) / (1 + square / n)
    lower, upper = np.clip(middle - half, 0.0, 1.0), np.clip(middle + half, 0.0, 1.0)
    # Rounding would leave 1e-17 where the bound is exact.
    lower = np.where((trials == 0) | (successes == 0), 0.0, lower)
    upper = np.where((trials == 0) | (successes == trials), 1.0, upper)
    return lower, upper


def wilson(successes: int, trials: int) -> tuple[float, float]:
    """Return the bounds of one share at 95 %."""
    lower, upper = wilson_interval(np.array([successes]), np.array([trials]))
    return float(lower[0]), float(upper[0])
