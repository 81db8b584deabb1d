"""From scores to thresholds: a budget of tokens, of which languages may have shares of their own.

A model gives the pages of a minor language lower scores, so one threshold for all would starve it.
"""

import numpy as np
import numpy.typing as npt

from ...filters.recall.sampling import Labels
from ..recall_settings import RecallTarget
from .state import Rank

Logits = npt.NDArray[np.float32]
Tokens = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


def decide_rank(
    logits: Logits,
    tokens: Tokens,
    languages: Labels,
    target: RecallTarget,
    *,
    number: int,
    seed_tokens: int,
) -> Rank:
    """Return the scores at which an iteration's budget is spent; later ones need a least score.

    A language with a share has its best pages first, up to that share of the budget. What is left,
    also of a share that a language has no pages for, goes to the best pages of all. Without a
    budget of the recipe, that of the seeds is for the first model alone where evidence is asked
    for: evidence bounds the collection, and few seeds would bound it far below.
    """
    if number > 1 and target.evidence.is_asked and not target.token_budget:
        return Rank(
            threshold=logit(target.least_probability),
            languages={name: logit(target.least_score_of(name)) for name in target.languages},
            budget_tokens=None,
            num_pages=len(logits),
        )
    budgets = target.token_budget or (int(target.seed_multiple * seed_tokens),)
    budget = budgets[min(number, len(budgets)) - 1]
    own = _shares(logits, tokens, languages, target, budget)
    taken = reach_threshold(logits, languages, float("inf"), own)
    left = budget - int(tokens[taken].sum())
    threshold = budget_threshold(logits[~taken], tokens[~taken], left)
    own = {name: min(own.get(name, threshold), threshold) for name in sorted(target.languages)}
    if number > 1:
        own = {name: max(score, logit(target.least_score_of(name))) for name, score in own.items()}
        threshold = max(threshold, logit(target.least_probability))
    return Rank(threshold=threshold, languages=own, budget_tokens=budget, num_pages=len(logits))


def _shares(
    logits: Logits,
    tokens: Tokens,
    languages: Labels,
    target: RecallTarget,
    budget: int,
) -> dict[str, float]:
    """Return the score at which each language with a share of a budget has spent it."""
    found = {}
    for name, bar in target.languages.items():
        of = languages == name
        if bar.share and of.any():
            found[name] = budget_threshold(logits[of], tokens[of], int(bar.share * budget))
    return found


def reach_threshold(
    logits: Logits, languages: Labels, threshold: float, own: dict[str, float]
) -> Mask:
    """Return which pages reach the threshold of their language, or else that of all."""
    least = np.full(len(logits), threshold, dtype=np.float32)
    for language, score in own.items():
        least[languages == language] = score
    return logits >= least


def budget_threshold(logits: Logits, tokens: Tokens, budget: int) -> float:
    """Return the least score such that the pages from it on have at most `budget` tokens.

    Pages of equal scores are in or out together; where already the best are too many, they are in.
    """
    if not len(logits):
        return 0.0
    order = np.argsort(-logits, kind="stable")
    ranked = logits[order]
    ends = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], [True]))
    spent = np.cumsum(tokens[order])[ends]
    last = max(int(np.searchsorted(spent, budget, side="right")) - 1, 0)
    return float(ranked[ends[last]])


def logit(probability: float) -> float:
    """Return the logit of a probability below 1; of 0 the least there is, which JSON can hold."""
    if probability <= 0:
        return float(np.finfo(np.float32).min)
    return float(np.log(probability / (1 - probability)))
