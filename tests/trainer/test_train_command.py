"""`gristmill train` as its users start it: alone, under torchrun, and without torch."""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from .narrow import NARROW_TABLE

RECIPE = f"""
build = "{{build}}"
out = "{{out}}"
precision = "fp32"
micro_batch_sequences = 1

{NARROW_TABLE}
[[stage]]
name = "only"
sequence_length = 64
batch_sequences = 2
steps = 3

[schedule]
warmup_steps = 1

[log]
every_steps = 1
tensorboard = false
"""


@pytest.fixture
def recipe(small_build: Path, tmp_path: Path) -> Path:
    path = tmp_path / "recipe.toml"
    path.write_text(RECIPE.format(build=small_build, out=tmp_path / "run"))
    return path


def gristmill(*words: str | Path, launch: Sequence[str] = ()) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *launch, "-m", "gristmill", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=200, check=False)


def test_a_run_prints_its_lines_and_its_result_and_leaves_for_hugging_face(
    recipe: Path, tmp_path: Path
) -> None:
    shown = gristmill("train", recipe, "--json")
    assert shown.returncode == 0, shown.stderr
    assert [line.split(" | ")[0] for line in shown.stderr.splitlines()] == [
        "step 1/3 only",
        "step 2/3 only",
        "step 3/3 only",
    ]
    assert json.loads(shown.stdout)["step"] == 3
    again = gristmill("train", recipe)
    assert again.stdout == f"{tmp_path / 'run'}: 3 of 3 steps; nothing to do.\n"
    written = gristmill("train", recipe, "--hub", tmp_path / "hub")
    assert written.returncode == 0, written.stderr
    assert (tmp_path / "hub/config.json").exists()


@pytest.mark.slow
def test_two_ranks_of_torchrun_learn_what_one_learns(recipe: Path, tmp_path: Path) -> None:
    launch = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    two = gristmill("train", recipe, "--out", tmp_path / "two", "--json", launch=launch)
    assert two.returncode == 0, two.stderr
    one = gristmill("train", recipe, "--json")
    losses = [json.loads(run.stdout)["losses"]["all"]["nats_per_token"] for run in (one, two)]
    assert losses[0] == pytest.approx(losses[1], abs=1e-6)


def test_a_misspelt_key_is_named_with_the_nearest(recipe: Path) -> None:
    recipe.write_text(recipe.read_text().replace("precision", "precison"))
    shown = gristmill("train", recipe)
    assert shown.returncode == 2
    assert "precison" in shown.stderr
    assert "precision" in shown.stderr


def test_without_torch_the_message_says_what_to_install(recipe: Path) -> None:
    code = (
        "import sys; sys.modules['torch'] = None; from gristmill.pipelines.cli import main; main()"
    )
    command = [sys.executable, "-c", code, "train", str(recipe)]
    shown = subprocess.run(command, capture_output=True, text=True, check=False)
    assert shown.returncode == 2
    assert "pip install 'gristmill[train]'" in shown.stderr
