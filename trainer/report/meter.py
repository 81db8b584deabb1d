"""What is measured between two records, over all ranks: losses, time, memory and experts."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from ..data.batches import StepBatch
from ..data.stage_data import StageData, token_bytes
from ..data.strata import Strata
from ..model.model import IGNORED
from ..model.shapes import flops_per_token
from ..parallel.mesh import Mesh
from ..recipe import TrainRecipe
from ..schedule import first_steps, stage_of
from .expert_load import expert_load
from .machine import device_name, model_flops_utilization, peak_flops, peak_memory_bytes
from .metrics import LossSums
from .records import StepRecord


class Meter:
    """Counts from one record to the next; ranks that share sequences count them once."""

    def __init__(
        self, recipe: TrainRecipe, mesh: Mesh, stages: list[StageData], strata: Strata
    ) -> None:
        self._recipe, self._mesh = recipe, mesh
        num_bytes = token_bytes(stages[0], recipe.model.vocab_size)
        self._sums = LossSums(strata, num_bytes, mesh.device)
        self._peak = peak_flops(device_name(mesh.device), recipe.precision)
        self._began = time.perf_counter()
        self._tokens = self._flops = 0.0
        self.skipped = 0

    def count(self, targets_BT: Tensor) -> int:
        """Return how many predictions the whole step has."""
        own = (targets_BT != IGNORED).sum().to(self._mesh.device)
        return int(self._mesh.sum(own if self._mesh.counts else torch.zeros_like(own)))

    def add(self, losses_BT: Tensor, batch: StepBatch) -> float:
        """Count one step's losses, and return the sum of those of all ranks."""
        device = self._mesh.device
        total = losses_BT.double().sum()
        if self._mesh.counts:
            targets_BT, strata_BT = batch.targets_BT.to(device), batch.strata_BT.to(device)
            self._sums.add(losses_BT, targets_BT, strata_BT)
        num_tokens = losses_BT.numel() * self._mesh.data
        self._tokens += num_tokens
        self._flops += num_tokens * flops_per_token(self._recipe.model, losses_BT.shape[1])
        return float(self._mesh.sum(total if self._mesh.counts else torch.zeros_like(total)))

    def record(self, step: int, *, lr: float, grad_norm: float, load_LE: Tensor) -> StepRecord:
        """Return the record of the steps since the one before, and begin anew."""
        recipe = self._recipe
        self._sums.unpack(self._mesh.sum(self._sums.pack()))
        seconds = time.perf_counter() - self._began
        rate = self._tokens / seconds
        memory = torch.tensor(peak_memory_bytes(self._mesh.device), device=self._mesh.device)
        record = StepRecord(
            step=step,
            num_steps=recipe.num_steps,
            stage=recipe.stage[stage_of(recipe, step - 1)].name,
            losses=self._sums.losses(),
            lr=lr,
            grad_norm=grad_norm,
            tokens=tokens_after(recipe, step),
            tokens_per_second=rate,
            mfu=model_flops_utilization(
                rate, self._flops / self._tokens, num_ranks=self._mesh.world_size, peak=self._peak
            ),
            memory_bytes=int(self._mesh.most(memory)),
            seconds_left=(tokens_after(recipe, recipe.num_steps) - tokens_after(recipe, step))
            / rate,
            experts=expert_load(load_LE) if len(load_LE) else None,
            skipped=self.skipped,
        )
        self._sums.clear()
        self._tokens = self._flops = 0.0
        self.skipped = 0
        self._began = time.perf_counter()
        return record

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Leave out the time of what is not training."""
        began = time.perf_counter()
        yield
        self._began += time.perf_counter() - began


def tokens_after(recipe: TrainRecipe, step: int) -> int:
    """Return how many tokens so many steps have seen."""
    firsts = first_steps(recipe)
    return sum(
        min(max(step - first, 0), stage.num_steps) * stage.step_tokens
        for first, stage in zip(firsts, recipe.stage, strict=True)
    )
