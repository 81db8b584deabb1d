"""Batches: a step's samples as tensors, the same at any number of ranks and after any resume.

Step s takes the samples that `schedule.samples_of` names, in order; data rank r of W takes the r-th
of W equal runs of them. So all that a run has to remember of its data is one integer.

Legend: B sequences of a rank's share of a step, T tokens of a sequence.
"""

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ...corpus.packing import PackedSample, document_ids, loss_mask, position_ids
from ..model.model import IGNORED
from ..recipe import TrainRecipe
from ..schedule import samples_of
from .prefetch import Prefetch
from .stage_data import StageData
from .strata import Strata

PADDING: Final = -1  # the document and the stratum of a token that only fills a sequence


class StepBatch(NamedTuple):
    """One rank's share of a step, on the CPU.

    Args:
        step: its number.
        stage: that of its stage.
        tokens_BT: ids, int64.
        positions_BT: of each token in its document, int64.
        documents_BT: numbers of the documents in a sequence, int32; PADDING behind the last.
        targets_BT: the next token's id, int64; IGNORED where the document has none.
        strata_BT: a number of `Strata`, int64; PADDING behind the last document.
        samples_B: the numbers of the samples in the stage's data set, int64.
    """

    step: int
    stage: int
    tokens_BT: Tensor
    positions_BT: Tensor
    documents_BT: Tensor
    targets_BT: Tensor
    strata_BT: Tensor
    samples_B: Tensor


class Batches:
    """One data rank's share of every step."""

    def __init__(
        self, recipe: TrainRecipe, stages: list[StageData], *, rank: int, num_ranks: int
    ) -> None:
        assert 0 <= rank < num_ranks
        self.strata = Strata(stage.mixture for stage in stages)
        self._recipe = recipe
        self._stages = stages
        self._rank = rank
        self._num_ranks = num_ranks

    def read(self, step: int) -> StepBatch:
        """Return the rank's share of a step."""
        stage, first, num_samples = samples_of(self._recipe, step)
        share = num_samples // self._num_ranks
        assert share * self._num_ranks == num_samples, "check_batches sees to it"
        numbers = range(first + share * self._rank, first + share * (self._rank + 1))
        samples = [self._stages[stage].samples.sample(number) for number in numbers]
        return StepBatch(
            step=step,
            stage=stage,
            tokens_BT=_stacked([sample.tokens for sample in samples]).long(),
            positions_BT=_stacked([position_ids(sample) for sample in samples]).long(),
            documents_BT=_stacked([document_ids(sample) for sample in samples]),
            targets_BT=_stacked([_targets(sample) for sample in samples]),
            strata_BT=_stacked([self._strata(sample) for sample in samples]),
            samples_B=torch.tensor(numbers),
        )

    def ahead(self, first_step: int) -> Prefetch[StepBatch]:
        """Return the shares of all steps from one on, read in a thread; close it in the end."""
        steps = range(first_step, self._recipe.num_steps)
        return Prefetch(self.read, steps, depth=self._recipe.data.prefetch_steps)

    def _strata(self, sample: PackedSample) -> npt.NDArray[np.int64]:
        of_document = [self.strata.of_shard(span.shard) for span in sample.documents]
        return np.array([*of_document, PADDING])[document_ids(sample)]


def _targets(sample: PackedSample) -> npt.NDArray[np.int64]:
    following = np.roll(sample.tokens, -1).astype(np.int64)
    return np.where(loss_mask(sample), following, IGNORED)


def _stacked(rows: list[npt.NDArray[np.int32]] | list[npt.NDArray[np.int64]]) -> Tensor:
    return torch.from_numpy(np.stack(rows))
