"""One run of an ablation: trained to its end, or on from its last checkpoint, then measured."""

import sys
from typing import TextIO

import msgspec

from .ablation import Examples
from .checkpoint import latest, load, read_state
from .evaluation import Evaluation
from .evaluator import Evaluator
from .loop import make_replica, train
from .mesh import Mesh
from .recipe import TrainRecipe
from .run_state import decode_state
from .stage_data import open_stages


def train_and_measure(
    recipe: TrainRecipe, examples: Examples, *, where: str, stream: TextIO = sys.stderr
) -> Evaluation | None:
    """Return the scores of the last checkpoint, on every rank; None where a signal stopped it."""
    evaluation = msgspec.structs.replace(recipe.evaluation, build=examples.path, every_steps=0)
    recipe = msgspec.structs.replace(recipe, evaluation=evaluation)
    train(recipe, where=where, stream=stream)
    path = latest(recipe.out)
    state = decode_state(read_state(path))
    if state.data.step < recipe.num_steps:
        return None
    sizes = recipe.mesh
    with Mesh(
        data=sizes.data, expert=sizes.expert, pipeline=sizes.pipeline, context=sizes.context
    ) as mesh:
        replica = make_replica(recipe, mesh)
        load(path, replica)
        return Evaluator(recipe, mesh, replica, open_stages(recipe)).evaluate(only=examples.only)
