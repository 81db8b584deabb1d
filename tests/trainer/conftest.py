"""One small build for all tests of the trainer, and recipes that read it."""

import io
import shutil
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
import torch

from gristmill.corpus.mixture import Mixture, read_mixture, write_mixture
from gristmill.pipelines.build import build
from gristmill.pipelines.executors import LocalExecutor
from gristmill.pipelines.progress import JsonLines
from gristmill.trainer.recipe import StageSettings, TrainRecipe

MakeRecipe = Callable[..., TrainRecipe]

torch.set_num_threads(1)


@pytest.fixture(scope="session")
def small_build(
    template: Path,
    tmp_path_factory: pytest.TempPathFactory,
    copied_corpus: Callable[[Path, Path], object],
) -> Path:
    """A build of code in four languages and of prose, with blocks of 2,048 tokens; only read it."""
    base = tmp_path_factory.mktemp("train") / "corpus"
    copied_corpus(template, base)
    result = build(
        str(base / "recipe.toml"),
        out=str(base / "out"),
        executor=LocalExecutor(),
        observer=JsonLines(io.StringIO()),
    )
    assert not result.failures
    return base / "out"


@pytest.fixture
def copied_build(small_build: Path, tmp_path: Path) -> Path:
    """A copy of what training reads of the build, to be changed."""
    copy = tmp_path / "build"
    shutil.copytree(small_build / "tokens", copy / "tokens")
    shutil.copy(small_build / "mixture.json", copy)
    return copy


@pytest.fixture
def make_recipe(small_build: Path, tmp_path: Path) -> MakeRecipe:
    """The function that makes a recipe with one stage of 20 steps, and whatever else is named."""

    def make(**settings: object) -> TrainRecipe:
        stage = StageSettings(name="only", sequence_length=128, batch_sequences=8, steps=20)
        plain = {"build": str(small_build), "out": str(tmp_path / "run"), "shape": "tiny"}
        return msgspec.convert(
            {**plain, "stage": (stage,), **settings}, TrainRecipe, from_attributes=True
        )

    return make


@pytest.fixture
def change_mixture(copied_build: Path) -> Callable[[Callable[[Mixture], Mixture]], None]:
    """The function that changes the manifest of the copied build."""
    path = str(copied_build / "mixture.json")
    return lambda change: write_mixture(change(read_mixture(path)), path)
