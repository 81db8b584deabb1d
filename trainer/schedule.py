"""When what happens: each step's stage, samples and learning rate, as functions of the recipe."""

import math
from typing import Literal, NamedTuple

import msgspec

from ..corpus.packing import PackingSettings
from ..corpus.storage import join
from .recipe import StageSettings, TrainRecipe


class StepSamples(NamedTuple):
    """The samples of one step: [first, first + num_samples) of what its stage reads."""

    stage: int
    first: int
    num_samples: int


class DataSource(msgspec.Struct, frozen=True, kw_only=True):
    """A packed data set: stages with equal ones go on where the stage before left off."""

    build: str
    mixture: str  # path or URL of the manifest
    packing: PackingSettings


class Schedule(NamedTuple):
    """One rise and fall of the learning rate, over `num_steps` steps from `first_step` on."""

    first_step: int
    num_steps: int
    lr: float
    warmup_steps: int
    final_fraction: float
    kind: Literal["cosine", "linear"]

    def at(self, step: int) -> float:
        """Return the learning rate of one of its steps; its last has the final one."""
        done = step - self.first_step + 1
        if done <= self.warmup_steps:
            return self.lr * done / self.warmup_steps
        progress = (done - self.warmup_steps) / (self.num_steps - self.warmup_steps)
        left = 1 - progress if self.kind == "linear" else (1 + math.cos(math.pi * progress)) / 2
        return self.lr * (self.final_fraction + (1 - self.final_fraction) * left)


def stage_of(recipe: TrainRecipe, step: int) -> int:
    """Return the number of a step's stage."""
    assert 0 <= step < recipe.num_steps
    return max(i for i, first in enumerate(first_steps(recipe)) if first <= step)


def first_steps(recipe: TrainRecipe) -> list[int]:
    """Return the first step of each stage."""
    steps = [stage.num_steps for stage in recipe.stage]
    return [sum(steps[:i]) for i in range(len(steps))]


def tokens_of(recipe: TrainRecipe, num_steps: int) -> int:
    """Return how many tokens the first so many steps have."""
    total = 0
    for stage, first in zip(recipe.stage, first_steps(recipe), strict=True):
        total += min(max(num_steps - first, 0), stage.num_steps) * stage.step_tokens
    return total


def samples_of(recipe: TrainRecipe, step: int) -> StepSamples:
    """Return which samples a step takes, whatever the ranks and wherever the run began."""
    number = stage_of(recipe, step)
    sources = data_sources(recipe)
    before = sum(
        stage.num_steps * stage.batch_sequences
        for stage, source in zip(recipe.stage[:number], sources, strict=False)
        if source == sources[number]
    )
    count = recipe.stage[number].batch_sequences
    done = step - first_steps(recipe)[number]
    return StepSamples(number, before + done * count, count)


def data_sources(recipe: TrainRecipe) -> list[DataSource]:
    """Return what each stage reads.

    Each new data set has a seed of its own: two lengths of one mixture begin with other documents.
    """
    found, seeds = list[DataSource](), dict[tuple[str, str, int, str], int]()
    for stage in recipe.stage:
        build, method = stage.build or recipe.build, stage.packing or recipe.data.packing
        mixture = join(build, stage.mixture or recipe.mixture)
        key = build, mixture, stage.sequence_length, method
        settings = PackingSettings(
            sequence_length=stage.sequence_length,
            method=method,
            seed=seeds.setdefault(key, recipe.seed + len(seeds)),
            shuffle_blocks=recipe.data.shuffle_blocks,
            cache_tokens=recipe.data.cache_tokens,
        )
        found.append(DataSource(build=build, mixture=mixture, packing=settings))
    return found


def learning_rate(recipe: TrainRecipe, step: int) -> float:
    """Return the learning rate of a step."""
    return next(part.at(step) for part in reversed(schedules(recipe)) if part.first_step <= step)


def schedules(recipe: TrainRecipe) -> list[Schedule]:
    """Return the schedules: one begins with the first stage, and one with each that has an lr."""
    firsts = first_steps(recipe)
    heads = [i for i, stage in enumerate(recipe.stage) if i == 0 or stage.lr is not None]
    ends = [*(firsts[i] for i in heads[1:]), recipe.num_steps]
    return [
        _schedule(recipe, recipe.stage[i], firsts[i], end)
        for i, end in zip(heads, ends, strict=True)
    ]


def _schedule(recipe: TrainRecipe, stage: StageSettings, first: int, end: int) -> Schedule:
    warmup, final = stage.warmup_steps, stage.final_fraction
    return Schedule(
        first_step=first,
        num_steps=end - first,
        lr=stage.lr if stage.lr is not None else recipe.optimizer.lr,
        warmup_steps=warmup if warmup is not None else recipe.schedule.warmup_steps * (first == 0),
        final_fraction=final if final is not None else recipe.schedule.final_fraction,
        kind=recipe.schedule.kind,
    )
