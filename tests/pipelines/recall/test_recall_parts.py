"""The parts of a loop that decide: the budget, the draw, the sample to audit, the recipe."""

from pathlib import Path

import numpy as np
import pytest

from gristmill.corpus.errors import GristmillError
from gristmill.pipelines.recall.state import ModelRecord, State
from gristmill.pipelines.recall.thresholds import budget_threshold
from gristmill.pipelines.recipe import load_recipe


def threshold(logits: list[float], tokens: list[int], budget: int) -> float:
    return budget_threshold(np.array(logits, np.float32), np.array(tokens, np.int64), budget)


def test_a_budget_is_spent_from_the_best_page_on() -> None:
    assert threshold([1, 3, 2, 0], [10, 10, 10, 10], 25) == 2
    assert threshold([1, 3, 2, 0], [10, 10, 10, 10], 30) == 1
    assert threshold([1, 3, 2, 0], [10, 10, 10, 10], 1000) == 0


def test_pages_of_one_score_are_in_or_out_together() -> None:
    assert threshold([3, 2, 2, 1], [10, 10, 10, 10], 25) == 3


def test_the_best_page_is_in_even_if_it_is_longer_than_the_budget() -> None:
    assert threshold([3, 2], [100, 10], 25) == 3


def test_a_pool_without_pages_has_a_threshold() -> None:
    assert threshold([], [], 25) == 0


def test_a_folder_that_was_not_finished_is_removed(tmp_path: Path) -> None:
    state = State(str(tmp_path), "math")
    left = state.folder / ".iteration-001.partial"
    left.mkdir(parents=True)
    assert State(str(tmp_path), "math").model(1) is None
    assert not left.exists()


def test_iterations_are_dropped_from_one_on(tmp_path: Path) -> None:
    state = State(str(tmp_path), "math")
    for number in (1, 2, 3):
        with state.new(number) as folder:
            (folder / "table.bin").write_bytes(b"")
    assert state.drop_from(2) == 2
    assert state.path(1).exists()
    assert not state.path(2).exists()


def test_models_need_a_disk(tmp_path: Path) -> None:
    with pytest.raises(GristmillError, match="on this machine"):
        State("memory://out", "math")


def test_a_record_that_is_none_is_an_error(tmp_path: Path) -> None:
    state = State(str(tmp_path), "math")
    with state.new(1) as folder:
        (folder / "model.json").write_text("no")
    with pytest.raises(GristmillError, match="the next run trains again"):
        state.read(1, "model.json", ModelRecord)


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ('sources = ["web"]', 'sources = ["wbe"]', "unknown source `wbe`"),
        ('kind = "warc"', 'kind = "documents"', "neither web pages nor files"),
        ('name = "math"\nsources', 'name = "../math"\nsources', "no name of a target"),
        ('seeds = ["seeds.txt"]', "", "needs `seeds`, `seeds_rule` or `pages`"),
        ("dim = 16", "dims = 16", r"recall\.target\[0\]\.train\.dims"),
    ],
)
def test_a_recipe_that_cannot_be_meant_is_an_error(
    web: Path, old: str, new: str, what: str
) -> None:
    path = web / "recipe.toml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    with pytest.raises(GristmillError, match=what):
        load_recipe(str(path))


def test_a_file_that_is_not_there_is_an_error(web: Path, recall_run: object) -> None:
    (web / "audit.tsv").unlink()
    assert callable(recall_run)
    with pytest.raises(GristmillError, match="there is no such file"):
        recall_run(web)


def test_people_get_pages_to_label_that_are_no_seeds(found: Path) -> None:
    lines = (found / "out/recall/math/audit-sample.tsv").read_text().splitlines()
    assert lines[0].startswith("#")
    assert len(lines) == 1 + 228 - 24
    assert all(line.split("\t")[1] == "?" for line in lines[1:])
    assert not any("algebra.example.org" in line for line in lines)
