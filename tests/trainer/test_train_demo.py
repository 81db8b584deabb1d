"""The run that `make train-demo` shows: a tiny model on the demo build."""

import io
import os
import signal
import threading
import time
from pathlib import Path

import msgspec
import pytest

from gristmill.trainer.loop import train
from gristmill.trainer.recipe import EvaluationSettings, TrainRecipe
from gristmill.trainer.recipe_file import load_recipe
from gristmill.trainer.report.records import StepRecord
from gristmill.trainer.report.run_log import read_records

RECIPE = Path(__file__).parents[2] / "trainer/recipes/tiny_demo.toml"


def losses(recipe: TrainRecipe) -> list[float]:
    train(recipe, where=str(RECIPE), stream=io.StringIO())
    records = read_records(recipe.out)
    return [r.losses.all.nats_per_token for r in records if isinstance(r, StepRecord)]


@pytest.mark.slow
def test_a_hundred_steps_on_the_demo_lower_the_loss_and_are_the_same_each_time(
    demo_build: Path, tmp_path: Path
) -> None:
    recipe = load_recipe(str(RECIPE), build=str(demo_build), out=str(tmp_path / "whole"))
    recipe = msgspec.structs.replace(recipe, evaluation=EvaluationSettings())
    whole = losses(recipe)
    assert whole[0] > 11.0, "nothing is known at first: ln 102,400 is 11.54"
    assert whole[-1] < whole[0] - 3.0
    again = msgspec.structs.replace(recipe, out=str(tmp_path / "again"))
    watcher = threading.Thread(target=stop_after, args=(again.out, 1))
    watcher.start()
    assert losses(again)[0] == whole[0]
    watcher.join()


def stop_after(out: str, num_records: int) -> None:
    """Ask this process to stop when so many records are written."""
    while len(read_records(out)) < num_records:
        time.sleep(0.05)
    os.kill(os.getpid(), signal.SIGTERM)
