"""The command that compares builds: it trains on each, goes on where it stopped, and tells."""

import io
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result

from gristmill.pipelines.cli import cli
from gristmill.trainer.evaluation.ablation import Ablation, Examples
from gristmill.trainer.evaluation.ablation_recipe import load_ablation
from gristmill.trainer.evaluation.measure import train_and_measure

from ..narrow import NARROW_TABLE

TRAINING = f"""\
build = "unused"
out = "unused"
precision = "fp32"

{NARROW_TABLE}
[[stage]]
name = "only"
sequence_length = 64
batch_sequences = 2
steps = 3

[schedule]
warmup_steps = 1

[checkpoint]
background = false

[log]
tensorboard = false

[evaluation]
max_tokens_per_language = 400
"""
ABLATION = """\
recipe = "tiny.toml"
out = "runs"

[[build]]
name = "old"
path = "{builds}/old"

[[build]]
name = "new"
path = "{builds}/new"
"""


@pytest.fixture(scope="module")
def ablation(two_builds: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The recipe that compares the builds."""
    folder = tmp_path_factory.mktemp("measure")
    (folder / "tiny.toml").write_text(TRAINING)
    (folder / "ablation.toml").write_text(ABLATION.format(builds=two_builds))
    return folder / "ablation.toml"


def ablate(recipe: Path, *options: str) -> Result:
    result = CliRunner().invoke(cli, ["ablate", str(recipe), *options])
    assert result.exit_code == 0, result.output
    return result


def test_builds_are_compared_and_a_second_call_trains_nothing(ablation: Path) -> None:
    found = msgspec.json.decode(ablate(ablation, "--json").stdout, type=Ablation)
    checkpoints = sorted((ablation.parent / "runs").glob("*/checkpoints/*/state.json"))
    assert [path.parts[-4] for path in checkpoints] == ["new-1", "old-1"]
    times = [path.stat().st_mtime_ns for path in checkpoints]
    assert any(row.difference != 0 for row in found.differences)
    assert ablate(ablation).stdout.startswith("new against old: 384 tokens each, seed 1\n")
    assert [path.stat().st_mtime_ns for path in checkpoints] == times


def test_what_is_measured_is_the_trained_model(ablation: Path, tmp_path: Path) -> None:
    recipe, shared = load_ablation(str(ablation))
    scores = []
    for steps in (1, 3):
        stage = msgspec.structs.replace(shared.stage[0], steps=steps)
        optimizer = msgspec.structs.replace(shared.optimizer, lr=0.02)
        one = msgspec.structs.replace(
            shared, stage=(stage,), optimizer=optimizer, out=str(tmp_path / str(steps))
        )
        one = msgspec.structs.replace(
            one, schedule=msgspec.structs.replace(one.schedule, warmup_steps=0)
        )
        examples = Examples(path=recipe.build[0].path)
        found = train_and_measure(one, examples, where="recipe", stream=io.StringIO())
        assert found is not None
        scores.append(sum(score.bits for score in found.totals()))
    assert scores[1] < scores[0]


@pytest.mark.slow
def test_two_ranks_tell_what_one_tells(ablation: Path) -> None:
    apart = ablation.with_name("ranks.toml")
    apart.write_text(ablation.read_text().replace('"runs"', '"runs-of-two"'))
    launch = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    told = subprocess.run(
        [sys.executable, *launch, "-m", "gristmill", "ablate", apart],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert told.returncode == 0, told.stderr
    assert told.stdout == ablate(ablation).stdout
