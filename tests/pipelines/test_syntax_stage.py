"""Syntax in a build: parsed where asked for, counted, decided on, redone only where needed."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import pyarrow.parquet as pq
import pytest

from gristmill.corpus.errors import GristmillError
from gristmill.filters.syntax import SYNTAX, SYNTAX_SIGNALS
from gristmill.filters.tree_facts import SyntaxStatus
from gristmill.pipelines.build import BuildResult, build
from gristmill.pipelines.executors import LocalExecutor
from gristmill.pipelines.lookup import format_why, why
from gristmill.pipelines.progress import JsonLines
from gristmill.pipelines.recipe import load_recipe

if TYPE_CHECKING:
    from ..conftest import Corpus

    Copy = Callable[[Path, Path], Corpus]

RULE = """
[rules.broken]
signal = "syntax_error_fraction"
max = {limit}
only = ["Python"]
"""
BROKEN = "def f(:\n    return ((1 +\n" * 30
DOCS = Path(__file__).parents[2] / "docs"


def run(corpus: "Corpus", *, limit: float = 0.2, extra: str = "") -> BuildResult:
    corpus.write(rules=RULE.format(limit=limit), extra=extra)
    return build(
        str(corpus.recipe),
        out=str(corpus.out),
        executor=LocalExecutor(),
        observer=JsonLines(sys.stderr),
    )


def add_broken(corpus: "Corpus") -> "Corpus":
    """Add a Python file that is none, and others, in a folder of their own."""
    folder = corpus.base / "repositories/zed__broken"
    folder.mkdir()
    (folder / "broken.py").write_text(BROKEN)
    (folder / "deep.json").write_text("[" * 40 + "]" * 40)
    (folder / "long.py").write_text("x = 1\n" * 12_000)
    return corpus


@pytest.fixture
def broken(built: "Corpus", tmp_path: Path, copied_corpus: "Copy") -> "Corpus":
    """A copy of the build that a test may change."""
    return copied_corpus(built.base, tmp_path / "broken")


@pytest.fixture(scope="module")
def built(
    template: Path, tmp_path_factory: pytest.TempPathFactory, copied_corpus: "Copy"
) -> "Corpus":
    """The small corpus with a broken file, built with the rule; tests only read it."""
    corpus = add_broken(copied_corpus(template, tmp_path_factory.mktemp("syntax") / "corpus"))
    run(corpus)
    return corpus


def counts(corpus: "Corpus") -> dict[str, int]:
    """Return the statuses that the published shards have counted."""
    found: dict[str, int] = {}
    for path in (corpus.out / "work/syntax").glob("*/*.json"):
        for status, count in json.loads(path.read_text())["counts"].get("syntax", {}).items():
            found[status] = found.get(status, 0) + count
    return found


def runs_of(corpus: "Corpus", stage: str) -> int:
    return len(list((corpus.out / "work" / stage).glob("*/*.json")))


def test_a_rule_on_the_error_share_drops_a_broken_file(built: "Corpus") -> None:
    (document,) = why(str(built.out), "zed__broken:broken.py").documents
    assert document.row.dropped_by == "broken"
    assert document.signals["syntax_status"] == "parsed"
    (good,) = why(str(built.out), "ada__tools:src/ada.py").documents
    assert good.row.dropped_by is None
    assert good.signals["syntax_error_fraction"] == 0.0
    assert good.signals["syntax_num_functions"] == 40
    assert "syntax_error_fraction" in format_why(why(str(built.out), "zed__broken:broken.py"))


def test_only_what_the_rule_looks_at_is_parsed_and_all_is_counted(built: "Corpus") -> None:
    found = counts(built)
    assert found["parsed"] == 11  # two of each of five tools, and the broken one
    assert found["too_large"] == 1
    assert found["not_chosen"] > 10
    assert found["no_grammar"] >= 40  # the chapters
    assert set(found) == {"parsed", "too_large", "not_chosen", "no_grammar"}


def test_a_sample_of_everything_parses_every_file_with_a_grammar(broken: "Corpus") -> None:
    before = counts(broken)
    run(broken, extra="[syntax]\nsample = 1.0\n")
    after = counts(broken)
    assert after["not_chosen"] == before["not_chosen"]
    assert after["parsed"] == 2 * before["parsed"] + before["not_chosen"]
    (document,) = why(str(broken.out), "zed__broken:deep.json").documents
    assert document.signals["syntax_max_depth"] == 41


def test_a_new_threshold_parses_nothing_again(broken: "Corpus") -> None:
    before = runs_of(broken, "syntax")
    result = run(broken, limit=0.99)
    assert runs_of(broken, "syntax") == before
    assert result.num_ran > 0
    (document,) = why(str(broken.out), "zed__broken:broken.py").documents
    assert document.row.dropped_by != "broken"


def test_a_new_limit_redoes_syntax_and_what_follows_only(broken: "Corpus") -> None:
    stages = ("read", "language", "measure", "sign", "syntax")
    before = {stage: runs_of(broken, stage) for stage in stages}
    run(broken, extra="[syntax]\nmax_bytes = 100000\n")
    after = {stage: runs_of(broken, stage) for stage in stages}
    assert after == before | {"syntax": 2 * before["syntax"]}
    (document,) = why(str(broken.out), "zed__broken:long.py").documents
    assert document.signals["syntax_status"] == "parsed"


def test_without_a_rule_or_a_sample_nothing_is_parsed(corpus: "Corpus") -> None:
    corpus.write(extra="[syntax]\nmax_bytes = 1000\ntimeout_seconds = 1.0\n")
    build(
        str(corpus.recipe),
        out=str(corpus.out),
        executor=LocalExecutor(),
        observer=JsonLines(sys.stderr),
    )
    assert not (corpus.out / "work/syntax").exists()
    names = pq.read_schema(next((corpus.out / "ledger").glob("*.parquet"))).names
    assert not [name for name in names if name.startswith("syntax")]


def test_the_ledger_has_the_signals_and_the_stage_also_the_spans(built: "Corpus") -> None:
    ledger = pq.read_schema(next((built.out / "ledger").glob("*.parquet"))).names
    assert [name for name in ledger if name.startswith("syntax")] == SYNTAX_SIGNALS.names
    artifact = next((built.out / "work/syntax").glob("*/*.parquet"))
    assert pq.read_schema(artifact).names == ["doc_id", *SYNTAX.names]


def test_a_gate_on_a_grammar_that_is_none_is_an_error(corpus: "Corpus") -> None:
    corpus.write(rules=RULE.format(limit=0.2).replace("Python", "SQL"))
    with pytest.raises(GristmillError, match="never measured for SQL"):
        load_recipe(str(corpus.recipe))


def test_every_column_of_the_stage_is_documented() -> None:
    page = (DOCS / "syntax.md").read_text()
    names = [*SYNTAX.names, *get_args(SyntaxStatus)]
    assert not [name for name in names if f"\n| `{name}` |" not in page]
