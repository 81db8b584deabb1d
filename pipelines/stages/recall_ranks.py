"""Where a budget of tokens ends: how many tokens the pages of a shard have at which scores."""

from typing import ClassVar, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ...filters.recall.histograms import score_bins
from ..output import Output
from ..recall_settings import EvidenceSettings
from ..stage import Inputs, Stage
from .recall_bars import evident
from .recall_pages import logits_of, pool_columns, sum_rows, unlabelled

RANKS: Final = pa.schema(
    [
        ("language", pa.string()),  # if it has a share of the budget, else empty
        ("bin", pa.uint16()),
        ("num_tokens", pa.int64()),
        ("num_unlabelled", pa.int64()),  # pages that are no seeds and no negatives
        ("least", pa.float32()),  # score of the bin; null where no page may be collected
        ("most", pa.float32()),
    ]
)
SCORE_TOKENS: Final = pa.schema(
    [("language", pa.string()), ("logit", pa.float32()), ("num_tokens", pa.int64())]
)


class Ranks(Stage, frozen=True, kw_only=True):
    """Adds up the tokens of the pages of each bin of scores."""

    name: ClassVar[str] = "recall_ranks"
    version: ClassVar[int] = 1

    evidence: EvidenceSettings
    languages: tuple[str, ...]  # that have shares of their own

    def run(self, inputs: Inputs, output: Output) -> None:
        """Write RANKS, for the bins that have pages.

        Tokens and scores are those of pages that may be collected.
        """
        logits, may = logits_of(inputs), evident(inputs, self.evidence)
        tokens = pool_columns(inputs, "num_tokens")["num_tokens"].to_numpy()
        table = pa.table(
            {
                "language": named_languages(inputs, self.languages),
                "bin": score_bins(logits),
                "num_tokens": np.where(may, tokens, 0),
                "num_unlabelled": unlabelled(inputs).astype(np.int64),
                "logit": pa.array(logits, mask=~may),
            }
        )
        sums = table.group_by(["language", "bin"]).aggregate(
            [
                ("num_tokens", "sum"),
                ("num_unlabelled", "sum"),
                ("logit", "min"),
                ("logit", "max"),
            ]
        )
        names = [
            "language",
            "bin",
            "num_tokens_sum",
            "num_unlabelled_sum",
            "logit_min",
            "logit_max",
        ]
        sums = sums.select(names).rename_columns(RANKS.names)
        order = [("language", "ascending"), ("bin", "ascending")]
        output.write(sums.cast(RANKS).sort_by(order))


class BinScores(Stage, frozen=True, kw_only=True):
    """Adds up the tokens of the pages of each score in one bin."""

    name: ClassVar[str] = "recall_bin"
    version: ClassVar[int] = 1

    bin: int
    evidence: EvidenceSettings
    languages: tuple[str, ...]

    def run(self, inputs: Inputs, output: Output) -> None:
        """Write SCORE_TOKENS."""
        logits = logits_of(inputs)
        within = (score_bins(logits) == self.bin) & evident(inputs, self.evidence)
        tokens = pool_columns(inputs, "num_tokens")["num_tokens"].to_numpy()[within]
        languages = named_languages(inputs, self.languages).filter(pa.array(within))
        columns = [languages, logits[within] + np.float32(0), tokens]
        found = sum_rows([pa.table(columns, schema=SCORE_TOKENS)], ["language", "logit"])
        assert found is not None
        output.write(found)


def named_languages(inputs: Inputs, names: tuple[str, ...]) -> pa.ChunkedArray:
    """Return the language of each page, empty where it is none of some."""
    languages = pool_columns(inputs, "language")["language"]
    is_named = pc.is_in(languages, value_set=pa.array(names, pa.string()))
    return pc.if_else(is_named, languages, "")
