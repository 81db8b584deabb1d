"""Which pages an iteration collects: the best ones, up to a budget of tokens.

A fixed score does not serve at first: a small seed trains a model that calls few pages anything. On
a pool of documentation the loop never started with a score of .5.
"""

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from .sampling import Keys

# DeepSeekMath kept 40 B tokens in its first iteration for a seed of 14.7 B.
FIRST_BUDGET: Final = 2.7  # tokens for each token of the seed


class Ranking(NamedTuple):
    """The pages within a budget, and the score of the last one."""

    is_collected: npt.NDArray[np.bool_]
    num_tokens: int
    threshold: float  # infinite where nothing is collected


def rank_to_budget(
    scores: npt.NDArray[np.float32],
    keys: Keys,
    num_tokens: npt.NDArray[np.int64],
    *,
    budget_tokens: int,
    least_score: float = 0.0,
) -> Ranking:
    """Return the pages with the highest scores whose tokens fit the budget together.

    Args:
        keys: from `sample_keys`; of equal scores the lower key comes first.
        least_score: pages below it are not collected, however large the budget.
    """
    order = np.lexsort((keys, -scores))
    fits = np.cumsum(num_tokens[order]) <= budget_tokens
    chosen = order[fits & (scores[order] >= least_score)]
    is_collected = np.zeros(len(scores), dtype=np.bool_)
    is_collected[chosen] = True
    return Ranking(
        is_collected=is_collected,
        num_tokens=int(num_tokens[chosen].sum()),
        threshold=float(scores[chosen].min()) if len(chosen) else float("inf"),
    )
