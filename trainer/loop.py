"""A run: step after step from the start or the last checkpoint, to the end or until asked to stop.

Every rank runs this. What decides (loss, gradient norm, signals) is summed over ranks first, so all
decide alike; the first rank writes.
"""

import sys
from typing import Final, TextIO

import msgspec
from torch import Tensor

from ..corpus.errors import GristmillError
from ..corpus.storage import join, write_bytes
from .data.batches import Batches, StepBatch
from .data.data_state import check_data, data_state, keep_manifests
from .data.origins import not_finite, samples_not_finite
from .data.stage_data import StageData, open_stages
from .evaluation.evaluator import Evaluator
from .evaluation.scores import Evaluation
from .hub.folder import load_weights
from .optimizer import make_optimizer, set_learning_rate
from .parallel.checkpoint import Checkpoints, Run, latest, load
from .parallel.mesh import Mesh
from .parallel.replica import Replica, ReplicaOptions
from .recipe import TrainRecipe
from .recipe_file import check_batches
from .report.meter import Meter
from .report.metrics import Losses
from .report.records import SkipRecord, evaluation_record
from .report.run_log import RunLog
from .run_state import RunState, read_run_state
from .schedule import learning_rate, samples_of
from .spikes import SpikeState, judge
from .stop import Stop

EVALUATION: Final = "evaluation.json"  # below the run folder


class RunResult(msgspec.Struct, frozen=True, kw_only=True):
    """What a run came to.

    Args:
        out: the run's folder.
        step: how many steps are done, of `num_steps`.
        is_stopped: by a signal; the same command goes on.
        losses: of the steps since the last record but one; None where none was taken.
        evaluation: of held-out documents, the last one.
    """

    out: str
    step: int
    num_steps: int
    is_stopped: bool
    losses: Losses | None
    evaluation: Evaluation | None = None


def train(recipe: TrainRecipe, *, where: str, stream: TextIO = sys.stderr) -> RunResult | None:
    """Train to the recipe's last step, or go on from the run folder's last checkpoint.

    Returns None on all ranks but the first.

    Raises:
        GristmillError: the build is not what the run began with, cannot be read, or does not fit
            the model; a loss is not a number; too many steps in a row were to be skipped.
    """
    with Stop() as stop, make_mesh(recipe) as mesh:
        check_batches(recipe, mesh.data, where=where)
        stages = open_stages(recipe)
        return _Run(recipe, mesh, stages, stream).go(stop)


class _Run:
    """One rank's part of a run."""

    def __init__(
        self, recipe: TrainRecipe, mesh: Mesh, stages: list[StageData], stream: TextIO
    ) -> None:
        self._recipe, self._mesh, self._stages = recipe, mesh, stages
        self._replica = make_replica(recipe, mesh)
        weights = self._replica.named_parameters()
        self._optimizer = make_optimizer(weights, recipe.optimizer)
        self._checkpoints = Checkpoints(
            recipe.out, mesh, keep=recipe.checkpoint.keep, background=recipe.checkpoint.background
        )
        self._spikes = SpikeState()
        self._step = 0
        self._restore()
        self._batches = Batches(recipe, stages, rank=mesh.data_rank, num_ranks=mesh.data)
        self._meter = Meter(recipe, mesh, stages, self._batches.strata)
        self._evaluator = None
        if recipe.evaluation.every_steps:
            self._evaluator = Evaluator(recipe, mesh, self._replica, stages)
        self._log = None
        if mesh.rank == 0:
            board = recipe.log.tensorboard
            self._log = RunLog(recipe.out, first_step=self._step, tensorboard=board, stream=stream)

    def go(self, stop: Stop) -> RunResult | None:
        """Take the steps that are left."""
        is_stopped, losses, evaluation = False, None, None
        try:
            with self._batches.ahead(self._step) as batches:
                for batch in batches:
                    losses = self._take(batch) or losses
                    evaluation = self._evaluate() or evaluation
                    is_stopped = self._mesh.any(is_true=stop.is_asked)
                    self._save(is_last=is_stopped)
                    if is_stopped:
                        break
        finally:
            self._checkpoints.close()
            if self._log is not None:
                self._log.close()
        if self._mesh.rank > 0:
            return None
        return RunResult(
            out=self._recipe.out,
            step=self._step,
            num_steps=self._recipe.num_steps,
            is_stopped=is_stopped,
            losses=losses,
            evaluation=evaluation,
        )

    def _take(self, batch: StepBatch) -> Losses | None:
        """Take one step; return the losses if it is one of those that are written down."""
        num_targets = self._meter.count(batch.targets_BT)
        losses_BT = self._replica.train_batch(
            batch.tokens_BT,
            batch.positions_BT,
            batch.documents_BT,
            batch.targets_BT,
            num_targets=num_targets,
            num_sequences=len(batch.targets_BT) * self._mesh.data,
        )
        norm = self._replica.clip(self._recipe.optimizer.clip)
        loss = self._meter.add(losses_BT, batch) / num_targets
        lr = learning_rate(self._recipe, self._step)
        self._update(batch, losses_BT, loss=loss, norm=norm, lr=lr)
        self._step += 1
        every = self._recipe.log.every_steps
        if self._step % every and self._step < self._recipe.num_steps:
            return None
        record = self._meter.record(
            self._step, lr=lr, grad_norm=norm, load_LE=self._replica.expert_load()
        )
        if self._log is not None:
            self._log.write(record)
        return record.losses

    def _update(
        self, batch: StepBatch, losses_BT: Tensor, *, loss: float, norm: float, lr: float
    ) -> None:
        """Change the weights, unless the step stands out."""
        verdict, self._spikes = judge(self._recipe.spikes, self._spikes, loss=loss, grad_norm=norm)
        if verdict == "not_finite":
            self._refuse_not_finite(batch, losses_BT, loss=loss, norm=norm)
        if verdict == "update":
            set_learning_rate(self._optimizer, lr)
            self._optimizer.step()
        else:
            self._skip(batch, loss=loss, norm=norm, is_one_too_many=verdict == "stop")
        self._optimizer.zero_grad()

    def _skip(self, batch: StepBatch, *, loss: float, norm: float, is_one_too_many: bool) -> None:
        _, first, count = samples_of(self._recipe, batch.step)
        name = self._recipe.stage[batch.stage].name
        self._meter.skipped += 1
        if self._log is not None:
            self._log.write(
                SkipRecord(
                    step=batch.step + 1,
                    stage=name,
                    loss=loss,
                    grad_norm=norm,
                    first_sample=first,
                    num_samples=count,
                )
            )
        if is_one_too_many:
            raise GristmillError(
                f"{self._spikes.skips_in_a_row} steps in a row stood out, the last with a loss of "
                f"{loss:.4g} and a gradient norm of {norm:.4g}",
                where=f"step {batch.step + 1} of stage `{name}`",
                todo="Go on from the last checkpoint with a lower learning rate, or raise "
                "spikes.factor.",
            )

    def _refuse_not_finite(
        self, batch: StepBatch, losses_BT: Tensor, *, loss: float, norm: float
    ) -> None:
        """Raise the error that names the samples; each rank knows its own."""
        own = samples_not_finite(losses_BT, batch.samples_B)
        _, first, count = samples_of(self._recipe, batch.step)
        numbers = self._mesh.union(own) or list(range(first, first + count))
        self._mesh.barrier()
        raise not_finite(
            self._recipe.out,
            self._stages[batch.stage],
            numbers,
            step=batch.step + 1,
            name=self._recipe.stage[batch.stage].name,
            loss=loss,
            grad_norm=norm,
        )

    def _evaluate(self) -> Evaluation | None:
        every, is_last = self._recipe.evaluation.every_steps, self._step == self._recipe.num_steps
        if self._evaluator is None or (self._step % every and not is_last):
            return None
        with self._meter.paused():
            found = self._evaluator.evaluate()
        if self._log is not None:
            self._log.write(evaluation_record(self._step, found))
            encoded = msgspec.json.format(msgspec.json.encode(found))
            write_bytes(join(self._recipe.out, EVALUATION), encoded + b"\n")
        return found

    def _restore(self) -> None:
        """Take up the last checkpoint, or the weights that the recipe starts from."""
        last = latest(self._recipe.out)
        if last:
            state = read_run_state(last, self._recipe)
            check_data(state.data, self._recipe, self._stages)
            load(last, self._replica, self._optimizer)
            self._step, self._spikes = state.data.step, state.spikes
        elif self._recipe.start_from:
            for part in self._replica.parts:
                load_weights(part, self._recipe.start_from, self._recipe.model)
        if self._mesh.rank == 0:
            keep_manifests(self._recipe, self._stages)

    def _save(self, *, is_last: bool) -> None:
        is_last = is_last or self._step == self._recipe.num_steps
        if self._step % self._recipe.checkpoint.every_steps and not is_last:
            return
        data = data_state(self._recipe, self._stages, step=self._step)
        state = msgspec.json.encode(
            RunState(model=self._recipe.model, data=data, spikes=self._spikes)
        )
        self._checkpoints.save(self._step, Run(self._replica, self._optimizer), state)


def make_mesh(recipe: TrainRecipe) -> Mesh:
    """Return this rank's place among the ranks that the recipe asks for."""
    sizes = recipe.mesh
    return Mesh(
        data=sizes.data, expert=sizes.expert, pipeline=sizes.pipeline, context=sizes.context
    )


def make_replica(recipe: TrainRecipe, mesh: Mesh) -> Replica:
    """Return this rank's share of the model, with the weights that training starts from."""
    options = ReplicaOptions(
        zero=recipe.mesh.zero,
        precision=recipe.precision,
        recompute=recipe.activation_checkpointing,
        compile=recipe.compile,
        micro_batch_sequences=recipe.micro_batch_sequences,
        schedule=recipe.mesh.schedule,
    )
    return Replica(recipe.model, mesh, options, seed=recipe.seed)
