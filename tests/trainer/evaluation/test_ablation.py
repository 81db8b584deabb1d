"""Builds are compared on the documents that all of them hold out, by what a model makes of each."""

from pathlib import Path

import msgspec
import pytest

from gristmill.corpus.errors import GristmillError
from gristmill.corpus.held_out import read_held_out
from gristmill.corpus.tokenizer import load_tokenizer
from gristmill.trainer.evaluation.ablation import (
    Ablation,
    Examples,
    choose_examples,
    run_ablation,
)
from gristmill.trainer.evaluation.ablation_recipe import AblationRecipe, BuildSettings
from gristmill.trainer.evaluation.evaluate import RowShape, evaluate
from gristmill.trainer.evaluation.scores import Evaluation
from gristmill.trainer.model.initial import initialise
from gristmill.trainer.model.model import Model
from gristmill.trainer.recipe import EvaluationSettings, StageSettings, TrainRecipe

from .whole_model import model_losses, model_next_ids

SHARED = TrainRecipe(
    build="unused",
    out="unused",
    shape="tiny",
    stage=(StageSettings(name="a", sequence_length=128, batch_sequences=4, steps=25),),
)


def recipe(two_builds: Path, **changes: object) -> AblationRecipe:
    builds = tuple(BuildSettings(name=n, path=str(two_builds / n)) for n in ("old", "new"))
    made = AblationRecipe(recipe="unused", out=str(two_builds / "runs"), build=builds)
    return msgspec.structs.replace(made, **changes)


def ids(path: Path) -> set[bytes]:
    return {document.doc_id for document in read_held_out(str(path))}


def test_what_all_builds_hold_out_is_measured(two_builds: Path) -> None:
    found = choose_examples(recipe(two_builds))
    assert found.path == str(two_builds / "old")
    assert ids(two_builds / "old") != ids(two_builds / "new")
    assert found.only
    assert set(found.only) == ids(two_builds / "old") & ids(two_builds / "new")


def test_what_one_build_holds_out_is_measured_if_asked(two_builds: Path) -> None:
    assert choose_examples(recipe(two_builds, held_out="new")) == Examples(
        path=str(two_builds / "new")
    )


def test_builds_of_two_tokenizers_are_refused(two_builds: Path, tmp_path: Path) -> None:
    (tmp_path / "old").symlink_to(two_builds / "old")
    (tmp_path / "new").mkdir()
    manifest = (two_builds / "new/held_out.json").read_text()
    digest = msgspec.json.decode(manifest)["tokenizer"]
    (tmp_path / "new/held_out.json").write_text(manifest.replace(digest, "0" * len(digest)))
    with pytest.raises(GristmillError, match="it is written with"):
        choose_examples(recipe(tmp_path))


def test_builds_that_hold_out_nothing_in_common_are_refused(
    two_builds: Path, tmp_path: Path
) -> None:
    (tmp_path / "old").symlink_to(two_builds / "old")
    (tmp_path / "new").mkdir()
    manifest = msgspec.json.decode((two_builds / "new/held_out.json").read_text())
    (tmp_path / "new/held_out.json").write_bytes(msgspec.json.encode({**manifest, "shards": []}))
    with pytest.raises(GristmillError, match="no document is held out by all"):
        choose_examples(recipe(tmp_path))


def untrained(one: TrainRecipe, examples: Examples) -> Evaluation:
    """Measure the model that a run starts from; the seed alone makes a difference."""
    model = Model(one.model)
    initialise(model, seed=one.seed, std=one.model.initializer_range)
    return evaluate(
        read_held_out(examples.path),
        model_losses(model),
        model_next_ids(model),
        load_tokenizer(),
        EvaluationSettings(max_tokens_per_language=500),
        shape=RowShape(128, num_rows=1),
        only=examples.only,
    )


def test_the_same_model_on_both_builds_makes_no_difference(two_builds: Path) -> None:
    notes = list[str]()
    found = run_ablation(recipe(two_builds), SHARED, untrained, note=notes.append)
    assert found is not None
    assert notes == ["run 1 of 2: old, seed 1", "run 2 of 2: new, seed 1"]
    assert found.num_tokens == 25 * 4 * 128
    assert {row.language for row in found.differences} > {"C", "all"}
    assert all(row.difference == 0 and row.noise is None for row in found.differences)
    assert msgspec.json.decode(msgspec.json.encode(found), type=Ablation) == found


def test_a_run_that_was_stopped_ends_the_ablation(two_builds: Path) -> None:
    notes = list[str]()
    found = run_ablation(recipe(two_builds), SHARED, lambda *_: None, note=notes.append)
    assert found is None
    assert notes == ["run 1 of 2: old, seed 1"]
