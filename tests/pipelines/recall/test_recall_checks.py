"""What a recipe may ask of a target over repositories, and what holds unless it does."""

from pathlib import Path

import pytest

from gristmill.corpus.errors import GristmillError
from gristmill.pipelines.recall_settings import RecallTarget
from gristmill.pipelines.recipe import load_recipe

RECIPE = """\
name = "two"
[[source]]
name = "code"
kind = "repository"
component = "code"
paths = ["*.tar.gz"]
[[source]]
name = "web"
kind = "warc"
component = "code"
paths = ["*.warc"]
[[source]]
name = "texts"
kind = "documents"
component = "code"
paths = ["*.jsonl"]
[mixture]
weights = { code = 1.0 }
[[recall.target]]
name = "files"
sources = ["code"]
seeds_rule = "described"
token_budget = [1000]
[[recall.target]]
name = "pages"
sources = ["web"]
seeds = ["seeds.txt"]
"""


def targets(folder: Path, text: str) -> list[RecallTarget]:
    (folder / "recipe.toml").write_text(text)
    return list(load_recipe(str(folder / "recipe.toml")).raw.recall.target)


def test_files_have_two_iterations_and_are_scored_as_a_whole(tmp_path: Path) -> None:
    files, pages = targets(tmp_path, RECIPE)
    assert (files.stop.max_iterations, pages.stop.max_iterations) == (2, 3)
    assert (files.passage_words, pages.passage_words) == (0, 250)


def test_what_a_recipe_gives_holds_for_files_too(tmp_path: Path) -> None:
    given = "[1000]\npassage_words = 500\nstop = { max_iterations = 5 }"
    files, _ = targets(tmp_path, RECIPE.replace("[1000]", given))
    assert (files.stop.max_iterations, files.passage_words) == (5, 500)


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ('sources = ["code"]', 'sources = ["code", "web"]', "some of its sources hold web pages"),
        ('sources = ["code"]', 'sources = ["texts"]', "neither web pages nor files"),
        ('sources = ["code"]', 'sources = ["web"]', "is for files of repositories"),
        ('sources = ["code"]', "sources = []", "needs `sources`"),
        ('sources = ["code"]', "sources = [[]]", "Expected `str`"),
        ("token_budget = [1000]", "", "needs a `token_budget`"),
        ('"described"', '"describd"', "Did you mean `described`"),
        ('paths = ["*.tar.gz"]', 'paths = ["*.tar.gz"]\nrecall = "pages"', "of another kind"),
        ('paths = ["*.jsonl"]', 'paths = ["*.jsonl"]\nrecall = "pages"', "no pages or files"),
        ("[1000]", "[1000]\nstop = 3", "stop"),
        ("[1000]", "[1000]\nevidence = { formulas = 1 }", "are of web pages"),
        ("[1000]", '[1000]\nextract = "fine"', "are of web pages"),
        (
            "[1000]",
            "[1000]\ndescribed = { least_fraction = 0.8, most_fraction = 0.7 }",
            "must lie in order",
        ),
    ],
)
def test_a_target_that_does_not_suit_its_sources_is_an_error(
    tmp_path: Path, old: str, new: str, what: str
) -> None:
    assert old in RECIPE
    with pytest.raises(GristmillError, match=what):
        targets(tmp_path, RECIPE.replace(old, new))
