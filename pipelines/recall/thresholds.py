"""From scores to thresholds: a budget of tokens, of which languages may have shares of their own.

A model gives the pages of a minor language lower scores, so one threshold for all would starve it.
What decides are counts of bins of scores, and the scores of the bins in which a budget ends.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from ...filters.recall.histograms import Counts, Logits, find_boundary, threshold_in
from .graph import LoopGraph
from .ranking import Ranking, ScoreTotals
from .state import Rank
from .work import Work

Scores = Callable[[int], pa.Table]  # of a bin: language, logit, num_tokens


class Taken(NamedTuple):
    """What a language has for its share of a budget."""

    threshold: float
    num_tokens: int  # of its pages from the threshold on
    rest: ScoreTotals  # of its other pages


def decide_rank(
    work: Work,
    graph: LoopGraph,
    ranking: Ranking,
    *,
    number: int,
    seed_tokens: int,
    num_pages: int,
) -> Rank:
    """Return the scores at which an iteration's budget is spent; later ones need a least score.

    A language with a share has its best pages first, up to that share of the budget. What is left,
    also of a share that a language has no pages for, goes to the best pages of all. Without a
    budget of the recipe, that of the seeds is for the first model alone where evidence is asked
    for: evidence bounds the collection, and few seeds would bound it far below.
    """
    target = graph.target
    if number > 1 and target.evidence.is_asked and not target.token_budget:
        return Rank(
            threshold=logit(target.least_probability),
            languages={name: logit(target.least_score_of(name)) for name in target.languages},
            budget_tokens=None,
            num_pages=num_pages,
        )
    budgets = target.token_budget or (int(target.seed_multiple * seed_tokens),)
    budget = budgets[min(number, len(budgets)) - 1]

    def scores(bin_number: int) -> pa.Table:
        return ranking.scores(work, graph, number, bin_number)

    taken = {
        name: take_share(totals, int(target.languages[name].share * budget), name, scores)
        for name, totals in ranking.languages.items()
        if name in graph.shared_languages() and totals.is_filled.any()
    }
    rests = [taken[name].rest if name in taken else one for name, one in ranking.languages.items()]
    left = budget - sum(one.num_tokens for one in taken.values())
    bars = {name: one.threshold for name, one in taken.items()}
    threshold = spend(ScoreTotals.joined(rests), left, scores, bars)
    own = {name: min(bars.get(name, threshold), threshold) for name in sorted(target.languages)}
    if number > 1:
        own = {name: max(score, logit(target.least_score_of(name))) for name, score in own.items()}
        threshold = max(threshold, logit(target.least_probability))
    return Rank(threshold=threshold, languages=own, budget_tokens=budget, num_pages=num_pages)


def spend(totals: ScoreTotals, budget: int, scores: Scores, bars: Mapping[str, float]) -> float:
    """Return the score at which a budget is spent, leaving out what reaches the bars.

    Pages of equal scores are in or out together; where already the best are too many, they are in.
    """
    boundary = find_boundary(totals.bins(), budget)
    if boundary.bin is None:
        return boundary.threshold
    table = scores(boundary.bin)
    logits, tokens = table["logit"].to_numpy(), table["num_tokens"].to_numpy()
    least = np.array([bars.get(one, np.inf) for one in table["language"].to_pylist()], np.float32)
    return threshold_in(boundary, *_by_score(logits[logits < least], tokens[logits < least]))


def take_share(totals: ScoreTotals, budget: int, language: str, scores: Scores) -> Taken:
    """Return what a language has for its share of a budget."""
    boundary = find_boundary(totals.bins(), budget)
    if boundary.bin is None:
        return Taken(boundary.threshold, int(totals.tokens.sum()), ScoreTotals.empty())
    table = scores(boundary.bin)
    of = np.array([one == language for one in table["language"].to_pylist()], dtype=np.bool_)
    logits, tokens = table["logit"].to_numpy()[of], table["num_tokens"].to_numpy()[of]
    threshold = threshold_in(boundary, *_by_score(logits, tokens))
    is_left = logits < np.float32(threshold)
    rest = totals.below(boundary.bin, logits[is_left], tokens[is_left])
    return Taken(threshold, int(totals.tokens.sum() - rest.tokens.sum()), rest)


def _by_score(logits: Logits, tokens: Counts) -> tuple[Logits, Counts]:
    """Return the distinct scores, best first, and the tokens of the pages of each."""
    scores, places = np.unique(logits, return_inverse=True)
    sums = np.bincount(places, weights=tokens, minlength=len(scores)).astype(np.int64)
    return scores[::-1], sums[::-1]


def logit(probability: float) -> float:
    """Return the logit of a probability below 1; of 0 the least there is."""
    if probability <= 0:
        return float("-inf")
    return float(np.log(probability / (1 - probability)))
