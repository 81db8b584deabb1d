"""The runs of an ablation: trained to the end, or on from the last checkpoint, then measured."""

import functools
import sys
from collections.abc import Callable
from typing import TextIO

import msgspec

from ..data.stage_data import open_stages
from ..loop import make_mesh, make_replica, train
from ..parallel.checkpoint import latest, load
from ..recipe import TrainRecipe
from ..run_state import read_run_state
from .ablation import Ablation, Examples, run_ablation
from .ablation_recipe import AblationRecipe
from .evaluator import Evaluator, check_examples
from .scores import Evaluation


def compare_builds(
    recipe: AblationRecipe,
    shared: TrainRecipe,
    *,
    where: str,
    note: Callable[[str], None],
    stream: TextIO = sys.stderr,
) -> Ablation | None:
    """Return what `run_ablation` does, on every rank."""
    train_one = functools.partial(train_and_measure, where=where, stream=stream)
    return run_ablation(recipe, shared, train_one, note=note)


def train_and_measure(
    recipe: TrainRecipe, examples: Examples, *, where: str, stream: TextIO = sys.stderr
) -> Evaluation | None:
    """Return the scores of the last checkpoint, on every rank; None where a signal stopped it."""
    evaluation = msgspec.structs.replace(recipe.evaluation, build=examples.path, every_steps=0)
    recipe = msgspec.structs.replace(recipe, evaluation=evaluation)
    check_examples(recipe, open_stages(recipe), only=examples.only)
    train(recipe, where=where, stream=stream)
    path = latest(recipe.out)
    if read_run_state(path, recipe).data.step < recipe.num_steps:
        return None
    with make_mesh(recipe) as mesh:
        replica = make_replica(recipe, mesh)
        load(path, replica)
        stages = open_stages(recipe)
        return Evaluator(recipe, mesh, replica, stages, only=examples.only).evaluate()
