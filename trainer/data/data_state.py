"""What a checkpoint says of the data: the step, and which manifest each stage reads samples of.

A run's folder keeps a copy of every manifest, so that one that changed can be compared with it.
"""

from collections.abc import Iterator, Sequence
from typing import Literal

import msgspec

from ...corpus.errors import GristmillError
from ...corpus.mixture import encode_mixture, read_mixture
from ...corpus.storage import exists, join, write_bytes
from ..recipe import TrainRecipe
from .mixture_changes import changes
from .stage_data import StageData


class StageState(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What decides which samples a stage's steps have."""

    name: str
    manifest: str  # digest of the mixture
    sequence_length: int
    batch_sequences: int
    num_steps: int
    packing: Literal["greedy", "best_fit"]
    packing_seed: int
    shuffle_blocks: int


class DataState(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The steps that are done, and the stages they were and will be of."""

    step: int
    stages: tuple[StageState, ...]


def data_state(recipe: TrainRecipe, stages: Sequence[StageData], *, step: int) -> DataState:
    """Return what a checkpoint after so many steps says of the data."""
    return DataState(
        step=step,
        stages=tuple(
            StageState(
                name=settings.name,
                manifest=stage.mixture.digest,
                sequence_length=settings.sequence_length,
                batch_sequences=settings.batch_sequences,
                num_steps=settings.num_steps,
                packing=stage.source.packing.method,
                packing_seed=stage.source.packing.seed,
                shuffle_blocks=stage.source.packing.shuffle_blocks,
            )
            for settings, stage in zip(recipe.stage, stages, strict=True)
        ),
    )


def keep_manifests(recipe: TrainRecipe, stages: Sequence[StageData]) -> None:
    """Copy the manifests that a run reads to its folder."""
    for stage in stages:
        path = kept_manifest(recipe.out, stage.mixture.digest)
        if not exists(path):
            write_bytes(path, encode_mixture(stage.mixture))


def kept_manifest(out: str, digest: str) -> str:
    """Return where a run's folder keeps a manifest."""
    return join(out, "manifests", f"{digest}.json")


def check_data(saved: DataState, recipe: TrainRecipe, stages: Sequence[StageData]) -> None:
    """Raise GristmillError unless a run that goes on reads what the uninterrupted one would have.

    Stages that have not begun may be changed, and others added; of one under way the number of
    steps may change. Builds of finished stages are not looked at.
    """
    found = data_state(recipe, stages, step=saved.step)
    for number, (before, first) in enumerate(zip(saved.stages, _first_steps(saved), strict=True)):
        if saved.step <= first:
            return
        is_done = saved.step >= first + before.num_steps
        if number >= len(found.stages):
            _refuse(recipe, f"stage `{before.name}` was begun, and the recipe has it no more")
        after = found.stages[number]
        for what in _differences(before, after, is_done=is_done):
            _refuse(recipe, f"stage `{before.name}` was begun with {what}")
        if before.manifest != after.manifest and not is_done:
            _refuse_manifest(recipe, before, stages[number])


def _first_steps(saved: DataState) -> list[int]:
    steps = [stage.num_steps for stage in saved.stages]
    return [sum(steps[:i]) for i in range(len(steps))]


def _differences(before: StageState, after: StageState, *, is_done: bool) -> Iterator[str]:
    names = [name for name in StageState.__struct_fields__ if name != "manifest"]
    for name in names:
        old, new = getattr(before, name), getattr(after, name)
        if old != new and (is_done or name != "num_steps"):
            yield f"{name} {old}, and the recipe has {new} now"


def _refuse(recipe: TrainRecipe, what: str) -> None:
    raise GristmillError(
        what, where=recipe.out, todo="Bring the recipe back, or train in another run folder."
    )


def _refuse_manifest(recipe: TrainRecipe, before: StageState, stage: StageData) -> None:
    kept = kept_manifest(recipe.out, before.manifest)
    if exists(kept):
        what = "; ".join(changes(read_mixture(kept), stage.mixture))
    else:
        what = f"{kept} is gone, so that nobody can say how"
    raise GristmillError(
        f"the build has changed since the run's last checkpoint: {what}",
        where=stage.source.mixture,
        todo=f"Bring back the build whose manifest is {kept}, or train in another run folder.",
    )
