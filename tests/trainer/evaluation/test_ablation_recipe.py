"""An ablation's runs differ in build and seed alone, and recipes that would not are refused."""

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from gristmill.corpus.errors import GristmillError
from gristmill.trainer.evaluation.ablation_recipe import load_ablation

TRAINING = """\
build = "unused"
out = "unused"
shape = "tiny"
seed = 99

[[stage]]
name = "short"
sequence_length = 128
batch_sequences = 4
steps = 100
{stage}

[schedule]
warmup_steps = 10
"""
ABLATION = """\
recipe = "tiny.toml"
out = "runs"
{more}

[[build]]
name = "old"
path = "builds/old"

[[build]]
name = "{name}"
path = "s3://corpora/new"
"""

Write = Callable[..., str]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def recipe(more: str = "", name: str = "new", stage: str = "") -> str:
        (tmp_path / "tiny.toml").write_text(TRAINING.format(stage=stage))
        path = tmp_path / "ablation.toml"
        path.write_text(ABLATION.format(more=more, name=name))
        return str(path)

    return recipe


def test_runs_differ_in_build_seed_and_folder_alone(write: Write, tmp_path: Path) -> None:
    recipe, shared = load_ablation(write("seeds = [1, 2]"))
    runs = recipe.runs(shared)
    assert [(build.name, run.seed) for build, run in runs] == [
        *(("old", 1), ("new", 1)),
        *(("old", 2), ("new", 2)),
    ]
    assert {run.build for _, run in runs} == {f"{tmp_path}/builds/old", "s3://corpora/new"}
    assert runs[3][1].out == f"{tmp_path}/runs/new-2"
    alike = [msgspec.structs.replace(run, build="", out="", seed=0) for _, run in runs]
    assert all(run == alike[0] for run in alike)


@pytest.mark.parametrize(
    ("changes", "where", "what"),
    [
        ({"more": "sedes = [1]"}, "ablation.toml", "sedes"),
        ({"more": "seeds = []"}, "ablation.toml", "length >= 1"),
        ({"more": "seeds = [3, 3]"}, "seeds", "a seed is named twice"),
        ({"more": 'held_out = "neu"'}, "held_out", "neu is none of the builds"),
        ({"name": "old"}, "build", "two builds have one name"),
        ({"name": "a/b"}, "ablation.toml", "matching regex"),
        ({"stage": 'build = "other"'}, "recipe", "stage short .* names data of its own"),
    ],
    ids=str,
)
def test_a_recipe_that_compares_nothing_is_refused(
    write: Write, changes: dict[str, str], where: str, what: str
) -> None:
    with pytest.raises(GristmillError, match=what) as caught:
        load_ablation(write(**changes))
    assert where in caught.value.where


def test_the_recipe_that_comes_with_gristmill_can_be_read() -> None:
    recipes = Path(__file__).parents[3] / "trainer/recipes"
    recipe, shared = load_ablation(str(recipes / "ablation_demo.toml"))
    assert [build.name for build in recipe.build] == ["demo", "next"]
    assert shared.shape == "tiny"
    assert len(recipe.seeds) == 2
