"""Where a budget of tokens ends: how many tokens the pages of a shard have at which scores."""

from typing import ClassVar, Final

import numpy as np
import pyarrow as pa

from ...filters.recall.histograms import score_bins
from ..output import Output
from ..recall_settings import EvidenceSettings
from ..stage import Inputs, Stage
from .recall_bars import evident
from .recall_pages import logits_of, pool_columns, unlabelled

RANKS: Final = pa.schema(
    [
        ("bin", pa.uint16()),
        ("num_tokens", pa.int64()),
        ("num_unlabelled", pa.int64()),  # pages that are no seeds and no negatives
        ("least", pa.float32()),  # score of the bin; null where no page may be collected
        ("most", pa.float32()),
    ]
)
SCORE_TOKENS: Final = pa.schema([("logit", pa.float32()), ("num_tokens", pa.int64())])


class Ranks(Stage, frozen=True, kw_only=True):
    """Adds up the tokens of the pages of each bin of scores."""

    name: ClassVar[str] = "recall_ranks"
    version: ClassVar[int] = 1

    evidence: EvidenceSettings

    def run(self, inputs: Inputs, output: Output) -> None:
        """Write RANKS, for the bins that have pages.

        Tokens and scores are those of pages that may be collected.
        """
        logits, may = logits_of(inputs), evident(inputs, self.evidence)
        tokens = pool_columns(inputs, "num_tokens")["num_tokens"].to_numpy()
        table = pa.table(
            {
                "bin": score_bins(logits),
                "num_tokens": np.where(may, tokens, 0),
                "num_unlabelled": unlabelled(inputs).astype(np.int64),
                "logit": pa.array(logits, mask=~may),
            }
        )
        sums = table.group_by("bin").aggregate(
            [
                ("num_tokens", "sum"),
                ("num_unlabelled", "sum"),
                ("logit", "min"),
                ("logit", "max"),
            ]
        )
        names = ["bin", "num_tokens_sum", "num_unlabelled_sum", "logit_min", "logit_max"]
        sums = sums.select(names).rename_columns(RANKS.names)
        output.write(sums.cast(RANKS).sort_by("bin"))


class BinScores(Stage, frozen=True, kw_only=True):
    """Adds up the tokens of the pages of each score in one bin."""

    name: ClassVar[str] = "recall_bin"
    version: ClassVar[int] = 1

    bin: int
    evidence: EvidenceSettings

    def run(self, inputs: Inputs, output: Output) -> None:
        """Write SCORE_TOKENS."""
        logits = logits_of(inputs)
        within = (score_bins(logits) == self.bin) & evident(inputs, self.evidence)
        tokens = pool_columns(inputs, "num_tokens")["num_tokens"].to_numpy()[within]
        table = pa.table([logits[within] + np.float32(0), tokens], schema=SCORE_TOKENS)
        sums = table.group_by("logit").aggregate([("num_tokens", "sum")])
        sums = sums.select(["logit", "num_tokens_sum"]).rename_columns(SCORE_TOKENS.names)
        output.write(sums.cast(SCORE_TOKENS).sort_by("logit"))
