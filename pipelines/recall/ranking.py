"""From which score on pages are collected: two histograms in place of all scores."""

from collections.abc import Iterable

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ...filters.recall.histograms import ScoreBins, find_boundary, threshold_in
from ..stages.recall_pages import sum_rows
from .graph import LoopGraph
from .work import Work

NUM_BINS = 1 << 16


class Ranking(msgspec.Struct, frozen=True, kw_only=True):
    """The tokens and pages of each bin of scores, of a whole pool."""

    tokens: npt.NDArray[np.int64]
    unlabelled: npt.NDArray[np.int64]  # pages that are no seeds and no negatives
    least: npt.NDArray[np.float32]
    most: npt.NDArray[np.float32]
    is_filled: npt.NDArray[np.bool_]  # with pages that may be collected

    def bins(self) -> ScoreBins:
        """Return the bins that have pages, best first."""
        bins = np.flatnonzero(self.is_filled)[::-1]
        return ScoreBins(
            bins.astype(np.uint16), self.tokens[bins], self.least[bins], self.most[bins]
        )


def rank_pages(work: Work, graph: LoopGraph, iteration: int) -> Ranking:
    """Return the ranking of an iteration's scores."""
    work.run(graph.ranks(iteration))
    return _add_up(work.tables(graph.of("recall_ranks", iteration)))


def _add_up(tables: Iterable[pa.Table]) -> Ranking:
    tokens, unlabelled = (np.zeros(NUM_BINS, dtype=np.int64) for _ in range(2))
    least = np.full(NUM_BINS, np.inf, dtype=np.float32)
    most = np.full(NUM_BINS, -np.inf, dtype=np.float32)
    is_filled = np.zeros(NUM_BINS, dtype=np.bool_)
    for table in tables:
        unlabelled[table["bin"].to_numpy()] += table["num_unlabelled"].to_numpy()
        table = table.filter(pc.is_valid(table["least"]))
        bins = table["bin"].to_numpy()
        tokens[bins] += table["num_tokens"].to_numpy()
        least[bins] = np.minimum(least[bins], table["least"].to_numpy())
        most[bins] = np.maximum(most[bins], table["most"].to_numpy())
        is_filled[bins] = True
    return Ranking(
        tokens=tokens, unlabelled=unlabelled, least=least, most=most, is_filled=is_filled
    )


def budget_threshold(
    work: Work, graph: LoopGraph, iteration: int, ranking: Ranking, budget: int
) -> float:
    """Return the least score such that the pages from it on have at most `budget` tokens.

    Pages of equal scores are in or out together; where already the best are too many, they are in.
    """
    boundary = find_boundary(ranking.bins(), budget)
    if boundary.bin is None:
        return boundary.threshold
    work.run(graph.bin_scores(iteration, boundary.bin))
    found = sum_rows(work.tables(graph.of("recall_bin", iteration)), ["logit"])
    assert found is not None, "the bin has pages"
    scores, tokens = (found[name].to_numpy()[::-1] for name in ("logit", "num_tokens"))
    return threshold_in(boundary, scores, tokens)
