"""What a run goes on from besides its tensors: the JSON of its checkpoints."""

import msgspec

from ..corpus.errors import GristmillError
from .data.data_state import DataState
from .model.shapes import ModelSettings, differences
from .parallel.checkpoint import read_state
from .recipe import TrainRecipe
from .spikes import SpikeState


class RunState(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The model, the steps that are done on which data, and what is remembered of them."""

    model: ModelSettings
    data: DataState
    spikes: SpikeState


def read_run_state(checkpoint: str, recipe: TrainRecipe) -> RunState:
    """Return the state of one of a recipe's checkpoints.

    Raises:
        GristmillError: it is damaged, of an earlier gristmill, or of another shape.
    """
    try:
        state = msgspec.json.decode(read_state(checkpoint), type=RunState)
    except msgspec.DecodeError as error:
        raise GristmillError(
            f"its state is not one of this gristmill's ({error})",
            where=checkpoint,
            todo="Go on with the gristmill that wrote it, or train in another run folder.",
        ) from error
    for name, (ours, begun_with) in differences(recipe.model, state.model).items():
        raise GristmillError(
            f"the run was begun with a shape of {name} = {begun_with}, and the recipe's is {ours}",
            where=recipe.out,
            todo="Bring the shape back, or train in another run folder.",
        )
    return state
