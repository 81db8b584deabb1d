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
    Run,
    choose_examples,
    compare,
    run_ablation,
)
from gristmill.trainer.evaluation.ablation_recipe import AblationRecipe, BuildSettings
from gristmill.trainer.evaluation.evaluate import RowShape, evaluate
from gristmill.trainer.evaluation.scores import Evaluation, FimScore, LanguageScore
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


def scored(build: str, seed: int, bits: float, matches: int) -> Run:
    language = LanguageScore(
        component="code",
        language="C",
        documents=3,
        left_out=0,
        tokens=40,
        num_bytes=100,
        bits=bits,
        first_token_bits=50.0,
    )
    fim = FimScore(language="C", tasks=10, matches=matches)
    found = Evaluation(sequence_length=128, languages=(language,), fim=(fim,))
    return Run(build=build, seed=seed, evaluation=found)


RUNS = (
    *(scored("old", 1, 200.0, 1), scored("new", 1, 180.0, 3)),
    *(scored("old", 2, 210.0, 2), scored("new", 2, 184.0, 3)),
)


def test_differences_are_of_means_over_seeds() -> None:
    bits, total, match = compare(RUNS)
    assert (bits.score, bits.first, bits.other) == ("bits/byte", 2.05, 1.82)
    assert (total.language, total.difference) == ("all", bits.difference)
    assert (match.score, match.other) == ("exact match", 0.3)
    assert match.first == pytest.approx(0.15)


def test_noise_is_the_error_of_a_difference_of_means() -> None:
    bits, _, match = compare(RUNS)
    # Variances of (2.0, 2.1) and (1.8, 1.84) are 0.005 and 0.0008, of two seeds each.
    assert bits.noise == pytest.approx((0.0058 / 2) ** 0.5)
    assert match.noise == pytest.approx(0.05)
    assert [row.noise for row in compare(RUNS[:2])] == [None] * 3


def test_the_table_has_a_line_for_each_score() -> None:
    found = Ablation(num_tokens=12_800, runs=RUNS, differences=tuple(compare(RUNS)))
    lines = found.table().splitlines()
    assert lines[0] == "new against old, 12,800 tokens each"
    assert lines[2].split() == ["bits/byte", "code", "C", "2.0500", "1.8200", "-0.2300", "0.0539"]
    assert lines[4].split()[-4:] == ["0.1500", "0.3000", "+0.1500", "0.0500"]
