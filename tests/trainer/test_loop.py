"""Runs of the loop: to the end, stopped and gone on with, and in what they write."""

import io
import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
import torch

from gristmill.corpus.errors import GristmillError
from gristmill.trainer.loop import RunResult, train
from gristmill.trainer.records import StepRecord
from gristmill.trainer.recipe import (
    CheckpointSettings,
    LogSettings,
    ScheduleSettings,
    StageSettings,
    TrainRecipe,
)
from gristmill.trainer.run_log import read_records

MakeRecipe = Callable[..., TrainRecipe]

STAGE = StageSettings(name="only", sequence_length=64, batch_sequences=2, steps=6)


@pytest.fixture
def short(make_recipe: MakeRecipe, tmp_path: Path) -> MakeRecipe:
    """The function that makes a recipe of six small steps."""

    def make(out: str = "run", **more: object) -> TrainRecipe:
        plain: dict[str, object] = {
            "out": str(tmp_path / out),
            "stage": (STAGE,),
            "precision": "fp32",
            "schedule": ScheduleSettings(warmup_steps=2),
            "log": LogSettings(every_steps=1, tensorboard=False),
            "checkpoint": CheckpointSettings(every_steps=3, keep=2, background=False),
        }
        return make_recipe(**{**plain, **more})

    return make


def run(recipe: TrainRecipe) -> RunResult:
    result = train(recipe, where="recipe.toml", stream=io.StringIO())
    assert result is not None
    return result


def losses(out: str) -> list[float]:
    records = read_records(out)
    return [r.losses.all.nats_per_token for r in records if isinstance(r, StepRecord)]


def test_the_same_recipe_gives_the_same_losses(short: MakeRecipe) -> None:
    one, two = short("one"), short("two")
    run(one), run(two)
    assert losses(one.out) == losses(two.out)
    assert len(losses(one.out)) == 6


def test_another_seed_gives_other_losses(short: MakeRecipe) -> None:
    one, two = short("one"), short("two", seed=5)
    run(one), run(two)
    assert losses(one.out)[0] != losses(two.out)[0]
