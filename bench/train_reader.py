"""How fast a build becomes batches: tokens a second of CPU time, in one thread.

A first pass leaves files in the page cache; then each pass opens the build anew, so that every
block is decoded once. The greatest rate of some passes counts.
"""

import time
from typing import Final

from gristmill.trainer.data.batches import Batches
from gristmill.trainer.data.stage_data import open_stages
from gristmill.trainer.recipe import DataSettings, Packing, StageSettings, TrainRecipe

PACKINGS: Final[tuple[Packing, ...]] = ("greedy", "best_fit")
NUM_PASSES: Final = 5
STAGE: Final = StageSettings(name="read", sequence_length=4096, batch_sequences=8, steps=20)


def read_rates(build: str) -> dict[str, float]:
    """Return tokens a second by method of packing."""
    return {packing: read_rate(build, packing) for packing in PACKINGS}


def read_rate(build: str, packing: Packing) -> float:
    """Return the greatest rate of some passes."""
    data = DataSettings(packing=packing)
    recipe = TrainRecipe(build=build, out="", stage=(STAGE,), data=data)
    read_batches(recipe)
    num_tokens = STAGE.num_steps * STAGE.step_tokens
    return num_tokens / min(read_batches(recipe) for _ in range(NUM_PASSES))


def read_batches(recipe: TrainRecipe) -> float:
    """Read a stage's batches, and return the seconds of CPU time that it took."""
    start = time.process_time()
    batches = Batches(recipe, open_stages(recipe), rank=0, num_ranks=1)
    for step in range(recipe.num_steps):
        batches.read(step)
    return time.process_time() - start
