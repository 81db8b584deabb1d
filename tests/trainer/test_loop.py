"""Runs of the loop: to the end, stopped and gone on with, and in what they write."""

import io
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from gristmill.corpus.errors import GristmillError
from gristmill.corpus.mixture import Mixture
from gristmill.trainer.evaluation.scores import Evaluation
from gristmill.trainer.loop import EVALUATION, RunResult, train
from gristmill.trainer.recipe import (
    CheckpointSettings,
    LogSettings,
    ScheduleSettings,
    StageSettings,
    TrainRecipe,
)
from gristmill.trainer.report.records import EvaluationRecord, SkipRecord, StepRecord
from gristmill.trainer.report.run_log import read_records

from .narrow import NARROW

MakeRecipe = Callable[..., TrainRecipe]

RUN = """
import sys
from pathlib import Path
import msgspec, torch
from gristmill.trainer.loop import train
from gristmill.trainer.recipe import TrainRecipe
torch.set_num_threads(1)
train(msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=TrainRecipe), where="recipe.toml")
"""
STAGE = StageSettings(name="only", sequence_length=64, batch_sequences=2, steps=6)


@pytest.fixture
def short(make_recipe: MakeRecipe, tmp_path: Path) -> MakeRecipe:
    """The function that makes a recipe of six small steps."""

    def make(out: str = "run", **more: object) -> TrainRecipe:
        plain: dict[str, object] = {
            "out": str(tmp_path / out),
            "stage": (STAGE,),
            "precision": "fp32",
            "shape": NARROW,
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


def test_a_run_that_was_asked_to_stop_goes_on_as_if_it_had_not(short: MakeRecipe) -> None:
    whole, stopped = short("whole"), short("stopped")
    run(whole)
    first = run_and_stop(stopped)
    assert first.is_stopped
    assert 2 <= first.step < 6
    second = run(stopped)
    assert (second.is_stopped, second.step) == (False, 6)
    assert losses(stopped.out) == losses(whole.out)


def run_and_stop(recipe: TrainRecipe) -> RunResult:
    watcher = threading.Thread(target=ask_to_stop_after, args=(recipe.out, 2))
    watcher.start()
    result = run(recipe)
    watcher.join()
    return result


def ask_to_stop_after(out: str, num_steps: int) -> None:
    """Send this process SIGTERM when so many steps are written down."""
    while len(losses(out)) < num_steps:
        time.sleep(0.01)
    os.kill(os.getpid(), signal.SIGTERM)


def test_a_killed_run_loses_at_most_the_steps_since_its_checkpoint(
    short: MakeRecipe, tmp_path: Path
) -> None:
    whole, killed = short("whole"), short("killed")
    run(whole)
    (tmp_path / "recipe.json").write_bytes(msgspec.json.encode(killed))
    process = subprocess.Popen([sys.executable, "-c", RUN, str(tmp_path / "recipe.json")])
    while len(losses(killed.out)) < 4:
        assert process.poll() is None
        time.sleep(0.01)
    process.kill()
    process.wait()
    run(killed)
    assert losses(killed.out) == losses(whole.out)


def test_a_finished_run_has_nothing_to_do(short: MakeRecipe) -> None:
    run(short())
    again = run(short())
    assert (again.step, again.losses) == (6, None)
    assert len(losses(short().out)) == 6


def test_a_loss_that_is_no_number_names_the_documents(short: MakeRecipe) -> None:
    recipe = short(optimizer={"lr": 1e30})
    with pytest.raises(GristmillError, match=r"norm nan; .* document [0-9a-f]{32}, tokens/"):
        run(recipe)
    assert list(Path(recipe.out).glob("not-finite-step-*.json"))


def test_steps_that_stand_out_are_skipped_until_there_are_too_many(short: MakeRecipe) -> None:
    spikes = {"factor": 1.0000001, "window": 1, "max_skips": 1}
    recipe = short(spikes=spikes, optimizer={"lr": 1e-9})
    with pytest.raises(GristmillError, match="2 steps in a row stood out"):
        run(recipe)
    skips = [r for r in read_records(recipe.out) if isinstance(r, SkipRecord)]
    assert [skip.step for skip in skips][-2:] == [skips[-2].step, skips[-2].step + 1]


def test_a_build_that_changed_is_refused_with_what_differs(
    short: MakeRecipe,
    copied_build: Path,
    change_mixture: Callable[[Callable[[Mixture], Mixture]], None],
) -> None:
    run_and_stop(short(build=str(copied_build)))
    change_mixture(lambda m: msgspec.structs.replace(m, seed=m.seed + 1))
    with pytest.raises(GristmillError, match=r"the build has changed .* seed"):
        run(short(build=str(copied_build)))


def test_a_damaged_shard_stops_training_with_its_name(
    short: MakeRecipe, copied_build: Path
) -> None:
    for shard in copied_build.glob("tokens/*/*/part*.parquet"):
        data = bytearray(shard.read_bytes())
        data[40:60] = bytes(20)
        shard.write_bytes(data)
    with pytest.raises(GristmillError, match=r"tokens/.*part.*parquet: .*row group 0"):
        run(short(build=str(copied_build)))


def test_the_checkpoint_of_another_shape_is_refused(short: MakeRecipe) -> None:
    run(short())
    other = msgspec.structs.replace(NARROW, hidden_size=32)
    with pytest.raises(
        GristmillError, match="begun with a shape of hidden_size = 16, and the recipe's is 32"
    ):
        run(short(shape=other))


def test_held_out_documents_are_measured_at_intervals_and_at_the_end(
    short: MakeRecipe, held_out_build: Path
) -> None:
    evaluation = {"every_steps": 4, "fim_samples": 1}
    stage = msgspec.structs.replace(STAGE, sequence_length=192)
    recipe = short(build=str(held_out_build), evaluation=evaluation, stage=(stage,))
    result = run(recipe)
    found = [r for r in read_records(recipe.out) if isinstance(r, EvaluationRecord)]
    assert [record.step for record in found] == [4, 6]
    assert found[1].bits_per_byte["code/all"] < found[0].bits_per_byte["code/all"]
    assert result.evaluation is not None
    assert result.evaluation.fim
    written = msgspec.json.decode((Path(recipe.out) / EVALUATION).read_bytes(), type=Evaluation)
    assert written == result.evaluation


def test_a_build_that_holds_nothing_out_cannot_be_evaluated_on(short: MakeRecipe) -> None:
    with pytest.raises(GristmillError, match="holds nothing out"):
        run(short(evaluation={"every_steps": 2}))


def test_an_evaluation_of_nothing_is_refused_before_the_first_step(
    short: MakeRecipe, held_out_build: Path
) -> None:
    evaluation = {"every_steps": 4, "max_tokens_per_language": 3}
    recipe = short(build=str(held_out_build), evaluation=evaluation)
    with pytest.raises(GristmillError, match="no language has held-out documents that fit into 3"):
        run(recipe)
    assert not (Path(recipe.out) / "metrics.jsonl").exists()
