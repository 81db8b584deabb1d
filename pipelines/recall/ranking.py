"""The tokens and pages of a pool by score: histograms in place of all scores."""

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ...filters.recall.histograms import Counts, Logits, ScoreBins
from ..engine import NodeId
from ..stages.recall_pages import sum_rows
from .graph import LoopGraph
from .work import Work

NUM_BINS: Final = 1 << 16


class ScoreTotals(msgspec.Struct, frozen=True, kw_only=True):
    """Of each bin the tokens of the pages that may be collected, and the bounds of their scores."""

    tokens: Counts
    least: Logits
    most: Logits
    is_filled: npt.NDArray[np.bool_]

    @classmethod
    def empty(cls) -> "ScoreTotals":
        """Return the totals of no pages."""
        return cls(
            tokens=np.zeros(NUM_BINS, dtype=np.int64),
            least=np.full(NUM_BINS, np.inf, dtype=np.float32),
            most=np.full(NUM_BINS, -np.inf, dtype=np.float32),
            is_filled=np.zeros(NUM_BINS, dtype=np.bool_),
        )

    @classmethod
    def joined(cls, parts: Sequence["ScoreTotals"]) -> "ScoreTotals":
        """Return the totals of several pools."""
        total = cls.empty()
        for part in parts:
            total.tokens[:] += part.tokens
            np.minimum(total.least, part.least, out=total.least)
            np.maximum(total.most, part.most, out=total.most)
            np.logical_or(total.is_filled, part.is_filled, out=total.is_filled)
        return total

    def below(self, number: int, logits: Logits, tokens: Counts) -> "ScoreTotals":
        """Return the totals of the bins below one, and of some of the pages of that one."""
        rest = ScoreTotals.empty()
        for name in ("tokens", "least", "most", "is_filled"):
            getattr(rest, name)[:number] = getattr(self, name)[:number]
        if len(logits):
            rest.tokens[number], rest.is_filled[number] = tokens.sum(), True
            rest.least[number], rest.most[number] = logits.min(), logits.max()
        return rest

    def bins(self) -> ScoreBins:
        """Return the bins that have pages, best first."""
        bins = np.flatnonzero(self.is_filled)[::-1]
        return ScoreBins(
            bins.astype(np.uint16), self.tokens[bins], self.least[bins], self.most[bins]
        )


class Ranking:
    """How a model ranks a pool: totals for each language with a share, and for all others."""

    def __init__(self, tables: Iterable[pa.Table]) -> None:
        self.languages: dict[str, ScoreTotals] = {}
        self.unlabelled: Counts = np.zeros(NUM_BINS, dtype=np.int64)
        self.made: list[NodeId] = []  # what can be removed once thresholds are decided
        self._scores: dict[int, pa.Table] = {}
        for table in tables:
            np.add.at(self.unlabelled, table["bin"].to_numpy(), table["num_unlabelled"].to_numpy())
            filled = table.filter(pc.is_valid(table["least"]))
            for language in pc.unique(filled["language"]).to_pylist():
                self._add(language, filled.filter(pc.equal(filled["language"], language)))

    def _add(self, language: str, table: pa.Table) -> None:
        total = self.languages.setdefault(language, ScoreTotals.empty())
        bins = table["bin"].to_numpy()
        total.tokens[bins] += table["num_tokens"].to_numpy()
        total.least[bins] = np.minimum(total.least[bins], table["least"].to_numpy())
        total.most[bins] = np.maximum(total.most[bins], table["most"].to_numpy())
        total.is_filled[bins] = True

    def scores(self, work: Work, graph: LoopGraph, iteration: int, number: int) -> pa.Table:
        """Return the tokens of each score of a bin, by language."""
        if number not in self._scores:
            nodes = graph.bin_scores(iteration, number)
            work.run(nodes)
            ids = [node.id for node in nodes]
            self.made += ids
            found = sum_rows(work.tables(ids), ["language", "logit"])
            assert found is not None, "a pool has shards"
            self._scores[number] = found
        return self._scores[number]


def rank_pages(work: Work, graph: LoopGraph, iteration: int) -> Ranking:
    """Return the ranking of an iteration's scores."""
    work.run(graph.ranks(iteration))
    nodes = graph.of("recall_ranks", iteration)
    ranking = Ranking(work.tables(nodes))
    ranking.made += nodes
    return ranking
