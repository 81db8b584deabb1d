"""Totals by language in a file: written, compared, and each difference named."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from gristmill.corpus.errors import GristmillError
from gristmill.pipelines.audit import audit
from gristmill.pipelines.cli import cli
from gristmill.pipelines.totals import total_differences, write_totals


@pytest.fixture
def totals(built: Path, tmp_path: Path) -> Path:
    path = tmp_path / "totals.tsv"
    write_totals(audit(str(built), by=("language",), check=False), str(path))
    return path


def test_the_totals_of_a_build_are_those_that_it_wrote(built: Path, totals: Path) -> None:
    found = audit(str(built), by=("language",), check=False)
    assert total_differences(found, str(totals)) == []


def test_another_number_is_named_with_its_language_and_the_change(
    built: Path, totals: Path
) -> None:
    lines = totals.read_text().splitlines()
    row = next(i for i, line in enumerate(lines) if line.startswith("code\tPython\t"))
    values = lines[row].split("\t")
    lines[row] = "\t".join([*values[:4], str(int(values[4]) + 7)])
    totals.write_text("\n".join(lines) + "\n")
    found = audit(str(built), by=("language",), check=False)
    (difference,) = total_differences(found, str(totals))
    assert difference.startswith("code/Python: ")
    assert difference.endswith("(-7 tokens)")


def test_a_language_that_is_gone_and_one_that_is_new_are_named(built: Path, totals: Path) -> None:
    text = totals.read_text().replace("code\tC#\t", "code\tD\t")
    totals.write_text(text)
    found = audit(str(built), by=("language",), check=False)
    names = [line.partition(":")[0] for line in total_differences(found, str(totals))]
    assert names == ["code/C#", "code/D"]


def test_a_file_of_something_else_is_an_error(built: Path, tmp_path: Path) -> None:
    path = tmp_path / "other.tsv"
    found = audit(str(built), by=("language",), check=False)
    for text in ("a\tb\n", "", "component\tlanguage\tdocuments\tkept\ttokens\ncode\tC\t1\t2\n"):
        path.write_text(text)
        with pytest.raises(GristmillError, match="totals by language"):
            total_differences(found, str(path))


def test_the_command_fails_on_other_totals(built: Path, totals: Path) -> None:
    arguments = ["audit", str(built), "--by", "component", "--no-check", "--expect", str(totals)]
    assert CliRunner().invoke(cli, arguments).exit_code == 0
    totals.write_text("\n".join(totals.read_text().splitlines()[:-1]) + "\n")
    result = CliRunner().invoke(cli, arguments)
    assert result.exit_code == 1
    assert "expected 0 documents" in result.stderr
