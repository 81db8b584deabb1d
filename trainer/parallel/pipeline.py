"""Layers that ranks share: which stage has which, and in what order micro-batches pass through.

The schedules are PyTorch's. 1F1B has one stage a rank; the interleaved ones have two, of which the
second lies half the model further on. Zero bubble computes gradients of weights when a rank would
wait (Qi et al., 2023; its ZB1P).
"""

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from types import MappingProxyType
from typing import Final

import msgspec
import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed.pipelining import (
    PipelineStage,
    Schedule1F1B,
    ScheduleInterleaved1F1B,
    ScheduleInterleavedZeroBubble,
    ScheduleLoopedBFS,
)
from torch.distributed.pipelining.stage import _PipelineStageBase

from ...corpus.errors import GristmillError
from ..model.model import Model
from ..model.shapes import ModelSettings, num_active_parameters
from ..recipe import PipelineSchedule
from .batch import Batch
from .mesh import Mesh

STAGES_PER_RANK: Final[Mapping[PipelineSchedule, int]] = MappingProxyType(
    {"1f1b": 1, "interleaved_1f1b": 2, "zero_bubble": 2}
)
_Schedule = (
    Schedule1F1B | ScheduleInterleaved1F1B | ScheduleInterleavedZeroBubble | ScheduleLoopedBFS
)


def layers_of_stages(settings: ModelSettings, num_stages: int) -> list[range]:
    """Return each stage's layers, so that the stage with most work has as little as it can.

    Work is the number of weights that a token meets. The head counts as the last stage's; looking
    up an embedding is no work.
    """
    num_layers = settings.num_hidden_layers
    if num_layers < num_stages:
        raise GristmillError(
            f"{num_layers} layers do not fall into {num_stages} stages",
            where="mesh.pipeline",
            todo="Take a shorter pipeline, or schedule = 1f1b, which has half as many stages.",
        )
    embeddings = 2 * settings.vocab_size * settings.hidden_size
    sizes = [
        num_active_parameters(msgspec.structs.replace(settings, num_hidden_layers=n + 1))
        for n in range(num_layers)
    ]
    done = [0, *(size - embeddings for size in sizes)]
    done[-1] += settings.vocab_size * settings.hidden_size
    return _partition(done, num_stages)


def stages_of_rank(mesh: Mesh, schedule: PipelineSchedule) -> list[int]:
    """Return the numbers of the stages that this rank has."""
    return [mesh.pipeline_rank + i * mesh.pipeline for i in range(STAGES_PER_RANK[schedule])]


class Pipeline:
    """Stages of one rank, and what leads micro-batches through them and the other ranks'."""

    def __init__(
        self,
        parts: Sequence[Model],
        mesh: Mesh,
        schedule: PipelineSchedule,
        *,
        micro_batch_sequences: int,
        dtype: torch.dtype,
    ) -> None:
        self._parts, self._mesh, self._schedule = parts, mesh, schedule
        self._most_sequences, self._dtype = micro_batch_sequences, dtype
        self._num_targets = 1
        self._made: dict[bool, tuple[torch.Size, _Schedule]] = {}

    def train(self, batch: Batch, *, num_targets: int) -> Tensor:
        """Add the gradient of the losses' sum over `num_targets`, and return the losses (B, T)."""
        self._num_targets = num_targets
        schedule = self._schedule_for(batch, training=True)
        return self._run(schedule.step, batch)

    def evaluate(self, batch: Batch) -> Tensor:
        """Return the losses (B, T)."""
        schedule = self._schedule_for(batch, training=False)
        return self._run(schedule.eval, batch)

    def micro_batch_sequences(self, batch: Batch) -> int:
        """Return how many sequences a micro-batch has: all have equally many."""
        return math.gcd(len(batch.tokens_BT), self._most_sequences)

    def _run(self, schedule: Callable[..., Tensor | None], batch: Batch) -> Tensor:
        """Return the last stage's losses, on all ranks. All inputs are cut along the first axis."""
        losses = schedule(
            *((batch.tokens_BT,) if self._mesh.pipeline_rank == 0 else ()),
            target=batch.targets_BT,
            positions_BT=batch.positions_BT,
            documents_BS=batch.documents_BS,
            order_S=batch.order_S.repeat(self._num_micro_batches(batch)),
            targets_BT=batch.targets_BT,
        )
        if losses is None:
            losses = torch.empty(batch.tokens_BT.shape, device=self._mesh.device)
        losses = losses.detach()
        dist.broadcast(losses, group=self._mesh.pipeline_group, group_src=self._mesh.pipeline - 1)
        return losses

    def _num_micro_batches(self, batch: Batch) -> int:
        return len(batch.tokens_BT) // self.micro_batch_sequences(batch)

    def _schedule_for(self, batch: Batch, *, training: bool) -> _Schedule:
        """Return a schedule of this batch's sizes: it keeps room for what stages exchange."""
        shape, made = self._made.get(training, (None, None))
        if made is None or shape != batch.tokens_BT.shape:
            num_micro_batches = self._num_micro_batches(batch)
            if training:
                self._check(num_micro_batches)
            made = self._make(batch, num_micro_batches, training=training)
            self._made[training] = batch.tokens_BT.shape, made
        return made

    def _make(self, batch: Batch, num_micro_batches: int, *, training: bool) -> _Schedule:
        def loss(losses_BT: Tensor, _targets_BT: Tensor) -> Tensor:
            return losses_BT.sum() / self._num_targets

        stages: list[_PipelineStageBase] = [
            self._stage(part, number, batch, training=training)
            for part, number in zip(
                self._parts, stages_of_rank(self._mesh, self._schedule), strict=True
            )
        ]
        if not training:
            return ScheduleLoopedBFS(stages, num_micro_batches, loss, scale_grads=False)
        if self._schedule == "1f1b":
            return Schedule1F1B(stages[0], num_micro_batches, loss, scale_grads=False)
        if self._schedule == "interleaved_1f1b":
            return ScheduleInterleaved1F1B(stages, num_micro_batches, loss, scale_grads=False)
        return ScheduleInterleavedZeroBubble(stages, num_micro_batches, loss, scale_grads=False)

    def _stage(self, part: Model, number: int, batch: Batch, *, training: bool) -> PipelineStage:
        """Return a stage that knows the shapes of what it gets and gives, and need not try."""
        shape = self.micro_batch_sequences(batch), batch.tokens_BT.shape[1]
        num_stages = self._mesh.pipeline * STAGES_PER_RANK[self._schedule]
        hidden = torch.empty(
            *shape, part.settings.hidden_size, dtype=self._dtype, requires_grad=training
        )
        losses = torch.empty(*shape, requires_grad=training)
        return PipelineStage(
            part,
            number,
            num_stages,
            self._mesh.device,
            input_args=torch.empty(*shape, dtype=torch.int64) if number == 0 else hidden,
            output_args=losses if number == num_stages - 1 else hidden,
            group=self._mesh.pipeline_group,
        )

    def _check(self, num_micro_batches: int) -> None:
        """Raise GristmillError where PyTorch's schedule does not take so many."""
        ranks = self._mesh.pipeline
        rounds = max(1, num_micro_batches // ranks)
        uneven = self._schedule != "1f1b" and num_micro_batches % rounds != 0
        if num_micro_batches < ranks or uneven:
            raise GristmillError(
                f"{num_micro_batches} micro-batches do not fill a pipeline of {ranks} ranks under "
                f"{self._schedule}",
                where="mesh.pipeline",
                todo=f"Give each data rank a multiple of {ranks} micro-batches.",
            )


def _partition(done: Sequence[int], num_stages: int) -> list[range]:
    """Cut layers into runs with the least greatest work; `done[i]` is that of the first i."""
    num_layers = len(done) - 1
    best = {(0, 0): (0, [0])}  # layers and stages so far: greatest work, where stages end
    for stage in range(1, num_stages + 1):
        for end in range(stage, num_layers + 1):
            best[end, stage] = min(
                (max(best[start, stage - 1][0], done[end] - done[start]), [*ends, end])
                for start in range(stage - 1, end)
                if (start, stage - 1) in best
                for ends in [best[start, stage - 1][1]]
            )
    ends = best[num_layers, num_stages][1]
    return [range(first, last) for first, last in pairwise(ends)]
