"""A file of each of the 338 languages is told by its name, its first lines and the rules."""

import csv
from pathlib import Path

import pytest

from gristmill.corpus.shards import folder_language, language_folder
from gristmill.filters.detect import detect_language
from gristmill.filters.languages import language_table

FIXTURES = Path(__file__).resolve().parent.parent.parent / "fixtures"
SYNTHETIC = "made by the gristmill authors, synthetic"


def language_files() -> dict[str, list[Path]]:
    """Return the files of each language; its folder is named as a token shard's is."""
    folders = sorted((FIXTURES / "languages").iterdir())
    return {
        folder_language(folder.name): [path for path in folder.rglob("*") if path.is_file()]
        for folder in folders
    }


FILES = language_files()


@pytest.mark.parametrize("name", sorted(FILES))
def test_file_of_a_language_is_told_as_that_language(name: str) -> None:
    (path,) = FILES[name]
    shown = path.relative_to(FIXTURES / "languages").as_posix().partition("/")[2]
    assert detect_language(shown, path.read_text(encoding="utf-8")).language == name


def test_every_one_of_the_338_names_has_a_file_and_nothing_else_has() -> None:
    assert set(FILES) == language_table().paper_names
    assert {len(paths) for paths in FILES.values()} == {1}


def test_a_folder_is_named_as_that_of_the_languages_token_shards() -> None:
    folders = {folder.name for folder in (FIXTURES / "languages").iterdir()}
    assert folders == {language_folder(name) for name in FILES}


def test_the_notice_says_which_files_are_written_for_the_test() -> None:
    with (FIXTURES / "NOTICE.tsv").open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))
    origins = {row["path"]: row["origin"] for row in rows if row["path"].startswith("languages/")}
    assert set(origins) == {
        path.relative_to(FIXTURES).as_posix() for paths in FILES.values() for path in paths
    }
    made = {path for path, origin in origins.items() if origin.startswith("made by")}
    assert {origins[path] for path in made} == {SYNTHETIC}
    assert len(made) < 90  # a public file is better


def test_the_files_stay_small() -> None:
    sizes = [path.stat().st_size for paths in FILES.values() for path in paths]
    assert sum(sizes) < 1_500_000
    assert sum(size > 12_288 for size in sizes) <= 5
