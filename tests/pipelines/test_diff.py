"""A diff says what each language gained and lost between two builds, and for which reason."""

import io
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from gristmill.pipelines.audit import audit
from gristmill.pipelines.build import build
from gristmill.pipelines.cli import cli
from gristmill.pipelines.diff import Diff, diff, diff_text
from gristmill.pipelines.executors import LocalExecutor
from gristmill.pipelines.progress import JsonLines

if TYPE_CHECKING:
    from ..conftest import Corpus

NARROW = '[rules.narrow]\nsignal = "max_line_length"\nmax = 200\nonly = ["Haskell"]\n'


@pytest.fixture(scope="module")
def pair(
    template: Path,
    copied_corpus: Callable[[Path, Path], "Corpus"],
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Path, Path]:
    """Two builds of one corpus: all of it, then without wide Haskell and with a new text."""
    corpus = copied_corpus(template, tmp_path_factory.mktemp("diff") / "corpus")
    run(corpus, corpus.out)
    narrow = corpus.base / "narrow"
    shutil.copytree(corpus.out, narrow)
    corpus.write(rules=NARROW)
    (corpus.base / "prose/more.jsonl").write_text('{"text": "One more. It is short."}\n')
    run(corpus, narrow)
    return corpus.out, narrow


def run(corpus: "Corpus", out: Path) -> None:
    observer = JsonLines(io.StringIO())
    result = build(str(corpus.recipe), out=str(out), executor=LocalExecutor(), observer=observer)
    assert not result.failures


def reasons(found: Diff, language: str) -> dict[str, int]:
    return {c.reason: c.documents for c in found.changes if c.language == language}


def test_what_a_rule_took_and_what_a_source_brought_is_told_by_language(
    pair: tuple[Path, Path],
) -> None:
    found = diff(*map(str, pair))
    # what is left of a repository is another sample, whose tokens are others
    left = "other tokens of the same documents"
    assert reasons(found, "Haskell") == {"dropped by narrow": -2, left: 0}
    (new,) = [change for change in found.changes if change.reason == "newly read"]
    assert (new.component, new.documents) == ("text", 1)
    assert {language.language for language in found.languages} == {"Haskell", new.language}


def test_the_way_back_is_the_opposite(pair: tuple[Path, Path]) -> None:
    forth, back = diff(*map(str, pair)), diff(*map(str, reversed(pair)))
    assert reasons(back, "Haskell")["no longer dropped by narrow"] == 2
    tokens = {(part.component, part.language): part.tokens for part in forth.languages}
    assert {(p.component, p.language): -p.tokens for p in back.languages} == tokens


def test_the_changes_add_up_to_the_difference_of_the_totals(pair: tuple[Path, Path]) -> None:
    found = diff(*map(str, pair))
    before, after = (audit(str(out), by=(), check=False).totals for out in pair)
    assert sum(change.tokens for change in found.changes) == after.tokens - before.tokens
    assert sum(change.documents for change in found.changes) == after.kept - before.kept


def test_a_build_and_its_copy_do_not_differ(built: Path) -> None:
    assert diff_text(diff(str(built), str(built))).startswith("No language gained or lost")


def test_the_command_prints_a_line_for_each_language_and_reason(pair: tuple[Path, Path]) -> None:
    lines = CliRunner().invoke(cli, ["diff", *map(str, pair)]).stdout.splitlines()
    row = next(i for i, line in enumerate(lines) if line.startswith("code/Haskell"))
    assert lines[row + 1].startswith("  dropped by narrow")
    assert lines[row].split()[1] == lines[row + 1].split()[3] == "-2"
    assert lines[-1].startswith("total")
