"""A wrong recipe is one line that names the file, the key and the nearest valid name."""

import subprocess
import sys
from pathlib import Path

import pytest

from gristmill.pipelines.cli import main

SOURCE = """
name = "small"
source = [{ name = "prose", kind = "documents", component = "text", paths = ["*.txt"] }]
"""
WEIGHTS = "mixture = { weights = { text = 1.0 } }\n"

# What is added to a sound recipe -> what the message says beside the file's name.
MISTAKES = {
    "ordr = {}": ["unknown key `ordr`", "`order`"],
    "order = { methd = 'path' }": ["unknown key `order.methd`", "`order.method`"],
    "order = { method = 'randm' }": ["order.method", "unknown name `randm`", "`random`"],
    "order = { max_sample_bytes = '3' }": ["order.max_sample_bytes", "Expected `int`"],
    "dedup.minhash = { thresold = 0.7 }": ["dedup.minhash.thresold", "`dedup.minhash.threshold`"],
    "dedup.minhash = { preset = 'deepsek' }": ["dedup.minhash.preset", "`deepsek`", "`deepseek`"],
    "dedup.minhash = { preset = 3 }": ["dedup.minhash.preset", "unknown preset `3`"],
    "dedup.minhash = { preset = ['deepseek'] }": ["dedup.minhash.preset", "unknown preset"],
    "dedup = { repository_languages = ['Pyhton'] }": ["`Pyhton`", "`Python`"],
    "fim = { preset = 'paper-v3' }": ["fim.preset", "`paper-v3`", "paper-v2-lite"],
    "fim = { rate = 1.5 }": ["fim.rate", "<= 1.0"],
    "fim = { apply_to = ['coed'] }": ["fim.apply_to", "`coed`", "`code`"],
    "rules = { preset = 'deepseek-coder' }": ["'deepseek-coder'", "'deepseek-coder-v2'"],
    "rules = { preset = ['hygiene', 'hygien'] }": ["'hygien'", "'hygiene'"],
    "rules = { preset = 3 }": ["rules.preset", "a list of names"],
    "read = { notebooks = 'cell' }": ["read.notebooks", "`cell`", "`cells`"],
    "rules.mine = { signal = 'num_chars', maxx = 3 }": ["rules.mine.maxx", "'max'"],
    "rules.mine = { signal = 'num_char', max = 3 }": ["rules.mine.signal", "'num_chars'"],
    "rules.mine = { signal = 'alphabetic_fraction', min = 25 }": ["rules.mine.min", "0.0 and 1.0"],
    "rules.mine = { signal = 'num_chars', min = 9, max = 3 }": ["rules.mine.min", "No value"],
    "rules.mine = { signal = 'num_chars', max = 3, only = ['Haskel'] }": [
        "rules.mine.only",
        "'Haskell'",
    ],
}


def failure(recipe: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """Return the one line that a build of a wrong recipe says."""
    path = tmp_path / "recipe.toml"
    path.write_text(recipe)
    with pytest.MonkeyPatch.context() as patch:
        arguments = ["build", str(path), "--out", str(tmp_path / "out"), "--workers", "0"]
        patch.setattr(sys, "argv", ["gristmill", *arguments])
        with pytest.raises(SystemExit) as stopped:
            main()
    said = capsys.readouterr()
    assert stopped.value.code == 2
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert said.err.startswith(f"error: {path}: ")
    assert not (tmp_path / "out/build.json").exists()
    return said.err


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_misspelt_recipe_names_the_key_and_the_nearest_name(
    mistake: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = failure(f"{SOURCE}{WEIGHTS}{mistake}\n", tmp_path, capsys)
    assert all(part in said for part in MISTAKES[mistake]), said


# The mixture -> what is wrong with it.
MIXTURES = {
    "{ text = 0.9 }": "add up to 0.9, not to 1",
    "{ text = 1.5, code = -0.5 }": "code has a weight of -0.5 and no source",
    "{ text = 0.4, code = 0.6 }": "code has a weight of 0.6 and no source",
    "{ code = 0.0 }": "text has a source and no weight",
    "{ texts = 1.0 }": "Did you mean `text`?",
}


@pytest.mark.parametrize("weights", MIXTURES)
def test_weights_are_checked_before_anything_is_read(
    weights: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = failure(f"{SOURCE}mixture = {{ weights = {weights} }}\n", tmp_path, capsys)
    assert "mixture.weights: " in said
    assert MIXTURES[weights] in said


def test_a_source_whose_path_matches_nothing_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = failure(SOURCE + WEIGHTS, tmp_path, capsys)
    assert "source 'prose', path '*.txt': no file matches it" in said


def test_an_unknown_kind_of_source_is_told_the_nearest(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = failure(SOURCE.replace("documents", "document") + WEIGHTS, tmp_path, capsys)
    assert "source[0].kind: unknown name `document`. Did you mean `documents`?" in said


def test_two_sources_of_one_name_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = SOURCE.partition("source = [")[2].strip().removesuffix("]")
    recipe = f"name = 'twice'\nsource = [{table}, {table}]\n{WEIGHTS}"
    assert "two sources are called `prose`" in failure(recipe, tmp_path, capsys)


@pytest.mark.parametrize("data", [b"name = ", b"name = '\xff'", b"\x00\x01\x02", b"name = 'x'"])
def test_a_file_that_is_no_recipe_ends_the_program_with_one_line(
    data: bytes, tmp_path: Path
) -> None:
    path = tmp_path / "recipe.toml"
    path.write_bytes(data)
    command = [sys.executable, "-m", "gristmill", "build", str(path), "--out", str(tmp_path / "o")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith(f"error: {path}: ")
    assert done.stderr.count("\n") == 1
