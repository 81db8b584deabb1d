"""The program itself: exit status, what goes to which stream, and errors a person can act on."""

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from gristmill import __version__
from gristmill.pipelines.cli import cli

if TYPE_CHECKING:
    from ..conftest import Corpus


def gristmill(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "gristmill", *(str(argument) for argument in arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def test_every_command_and_option_says_what_it_does() -> None:
    for name, command in cli.commands.items():
        assert command.help, name
        for parameter in command.params:
            shown = getattr(parameter, "help", None)
            assert parameter.param_type_name == "argument" or shown or parameter.name == "workers"


def test_version_is_the_package_s() -> None:
    assert __version__ in gristmill("--version").stdout


def test_wrong_usage_is_exit_2() -> None:
    result = gristmill("build", "recipe.toml")
    assert result.returncode == 2
    assert "--out" in result.stderr


def test_unknown_command_is_exit_2() -> None:
    assert gristmill("bild").returncode == 2


def test_missing_recipe_is_one_line(corpus: "Corpus") -> None:
    result = gristmill("build", corpus.base / "none.toml", "--out", corpus.out)
    assert result.returncode == 2
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1
    assert "none.toml" in result.stderr


def test_build_prints_json_for_tools(corpus: "Corpus") -> None:
    result = gristmill("build", corpus.recipe, "--out", corpus.out, "--workers", 0, "--json")
    assert result.returncode == 0, result.stderr
    shown = json.loads(result.stdout)
    assert shown["totals"]["kept"] > 0
    assert all(json.loads(line)["event"] == "done" for line in result.stderr.splitlines())


def test_second_build_says_that_there_is_nothing_to_do(corpus: "Corpus") -> None:
    gristmill("build", corpus.recipe, "--out", corpus.out, "--workers", 0)
    result = gristmill("build", corpus.recipe, "--out", corpus.out)
    assert "nothing to do" in result.stdout
    assert result.stderr == ""


def test_failed_build_is_exit_1_and_names_the_shard(corpus: "Corpus") -> None:
    (corpus.out / "work").mkdir(parents=True)
    (corpus.out / "work/measure").write_text("in the way")
    result = gristmill("build", corpus.recipe, "--out", corpus.out, "--workers", 0)
    assert result.returncode == 1
    assert "measure of github." in result.stdout
    assert "Traceback" not in result.stderr


def test_audit_of_a_damaged_build_is_exit_1(corpus: "Corpus") -> None:
    gristmill("build", corpus.recipe, "--out", corpus.out, "--workers", 0)
    assert gristmill("audit", corpus.out).returncode == 0
    next(corpus.out.glob("tokens/code/Python/*.parquet")).unlink()
    result = gristmill("audit", corpus.out)
    assert result.returncode == 1
    assert "Python" in result.stdout


@pytest.mark.parametrize("command", ["audit", "why", "trace"])
def test_a_directory_without_a_build_is_one_clear_line(corpus: "Corpus", command: str) -> None:
    extra = {"audit": [], "why": ["x"], "trace": ["tokens/x.parquet", "0"]}[command]
    result = gristmill(command, corpus.base, *extra)
    assert result.returncode == 2
    assert "Traceback" not in result.stderr
    assert str(corpus.base) in result.stderr


def test_plan_is_json_for_tools(corpus: "Corpus") -> None:
    gristmill("build", corpus.recipe, "--out", corpus.out, "--workers", 0)
    shown = json.loads(gristmill("plan", corpus.recipe, "--out", corpus.out, "--json").stdout)
    assert shown["is_exact"]
    assert shown["shards"] == []
