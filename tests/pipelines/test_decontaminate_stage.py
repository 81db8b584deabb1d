"""Decontamination in a build: hits named in the ledger, told by why, redone only where needed."""

import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow.parquet as pq
import pytest

from gristmill.corpus.errors import GristmillError
from gristmill.pipelines.audit import audit
from gristmill.pipelines.build import BuildResult, build
from gristmill.pipelines.decontam_command import index_benchmarks
from gristmill.pipelines.decontamination import HITS_COLUMN
from gristmill.pipelines.executors import LocalExecutor
from gristmill.pipelines.lookup import format_why, why
from gristmill.pipelines.progress import JsonLines
from gristmill.pipelines.recipe import load_recipe
from gristmill.pipelines.report import render_report

if TYPE_CHECKING:
    from ..conftest import Corpus

    Copy = Callable[[Path, Path], Corpus]

PROMPT = '''def braid(left, right):
    """Lay the letters of two words over each other like the strands of a braid of wool.
    \u4f8b\uff1a braid("ab", "cd") is "acbd"
    """
'''
ITEM = {
    "task_id": "Own/0",
    "prompt": PROMPT,
    "canonical_solution": "    return zipped(left, right)",
}
SETTINGS = """
[decontamination]
index = ["own.index"]
"""
STAGES = ("read", "paths", "language", "measure", "sign", "decontaminate")


def write_index(corpus: "Corpus", *items: Mapping[str, str]) -> None:
    path = corpus.base / "own.jsonl"
    path.write_text("".join(json.dumps(item) + "\n" for item in items))
    index_benchmarks([str(path)], out=str(corpus.base / "own.index"))


def run(corpus: "Corpus", *, extra: str = SETTINGS) -> BuildResult:
    corpus.write(extra=extra)
    result = build(
        str(corpus.recipe),
        out=str(corpus.out),
        executor=LocalExecutor(),
        observer=JsonLines(sys.stderr),
    )
    assert not result.failures, result.failures
    return result


@pytest.fixture(scope="module")
def built(
    template: Path, tmp_path_factory: pytest.TempPathFactory, copied_corpus: "Copy"
) -> "Corpus":
    """The small corpus with a file that holds an item, built with an index; tests only read it."""
    corpus = copied_corpus(template, tmp_path_factory.mktemp("decontaminate") / "corpus")
    folder = corpus.base / "repositories/zed__answers"
    folder.mkdir()
    (folder / "braid.py").write_text(f"# \u00c4\U0001f600 answers\n{PROMPT}    return 1\n")
    (folder / "wide.py").write_text(f"{PROMPT}x = '{'wide ' * 400}'\n")
    (folder / "short.py").write_text("def f(left, right):\n    return zipped(left, right) + 1\n")
    nine = "# letters of two words over each other like the\n"
    (folder / "nine.py").write_text(f"{nine}x = 1\n{nine}y = 2\n{nine}")
    write_index(corpus, ITEM)
    run(corpus)
    return corpus


@pytest.fixture
def changed(built: "Corpus", tmp_path: Path, copied_corpus: "Copy") -> "Corpus":
    """A copy of the build that a test may change."""
    return copied_corpus(built.base, tmp_path / "changed")


def runs_of(corpus: "Corpus") -> dict[str, int]:
    return {stage: len(list((corpus.out / "work" / stage).glob("*/*.json"))) for stage in STAGES}


def test_a_document_that_holds_an_item_is_dropped_and_says_where(built: "Corpus") -> None:
    (document,) = why(str(built.out), "zed__answers:braid.py").documents
    assert document.row.dropped_by == "contaminated"
    (hit,) = document.benchmark_hits
    assert (hit.benchmark, hit.item, hit.field, hit.kind) == ("own", "Own/0", "prompt", "ngram")
    text = (built.base / "repositories/zed__answers/braid.py").read_text()
    start = text.index("def braid")
    assert hit.start == start
    assert text[start : start + hit.length].endswith('is "acbd')
    assert HITS_COLUMN not in document.signals


def test_a_short_string_counts_as_a_whole_and_nine_words_do_not(built: "Corpus") -> None:
    (document,) = why(str(built.out), "zed__answers:short.py").documents
    assert document.row.dropped_by == "contaminated"
    assert [(hit.kind, hit.field) for hit in document.benchmark_hits] == [
        ("exact", "canonical_solution")
    ]
    (document,) = why(str(built.out), "zed__answers:nine.py").documents
    assert document.row.dropped_by is None
    assert document.benchmark_hits == ()


def test_why_shows_the_item_the_place_and_an_excerpt(built: "Corpus") -> None:
    found = why(str(built.out), "zed__answers:braid.py")
    (hit,) = found.documents[0].benchmark_hits
    shown = format_why(found)
    assert "DROPPED by contaminated" in shown
    place = f"characters {hit.start} to {hit.start + hit.length}"
    assert f"  own Own/0, prompt: {hit.num_words} words (ngram) at {place}" in shown
    assert '    def braid(left, right): """Lay the letters of two words' in shown


def test_contamination_goes_before_rules_which_are_told_all_the_same(built: "Corpus") -> None:
    (document,) = why(str(built.out), "zed__answers:wide.py").documents
    assert document.row.dropped_by == "contaminated"
    assert document.row.rule_hits == ["mean_line_length", "max_line_length"]


def test_the_ledger_has_hits_an_empty_list_or_null(built: "Corpus") -> None:
    rows = pq.read_table(built.out / "ledger").to_pylist()
    hits = {row["path"]: row[HITS_COLUMN] for row in rows}
    assert len(hits["braid.py"]) == 1
    assert hits["page-1"] == []
    assert hits["logo.png"] is None


def test_the_audit_and_the_report_count_it(built: "Corpus") -> None:
    found = audit(str(built.out), by=("component",))
    assert not found.differences
    (drop,) = [drop for drop in found.funnel if drop.reason == "contaminated"]
    assert (drop.kind, drop.documents) == ("contamination", 3)
    reasons = [drop.reason for drop in found.funnel]
    assert reasons.index("contaminated") < reasons.index("max_line_length")
    page = render_report(str(built.out))
    assert "3 of " in page
    assert "zed/answers:braid.py" in page or "zed__answers:braid.py" in page
    assert "contamination.csv" in page


def test_the_same_build_again_has_nothing_to_do(changed: "Corpus") -> None:
    assert run(changed).num_ran == 0


def test_another_index_redoes_the_scan_and_no_other_reading(changed: "Corpus") -> None:
    before = runs_of(changed)
    write_index(changed, ITEM | {"task_id": "Own/1", "canonical_solution": "one two three four"})
    run(changed)
    assert runs_of(changed) == before | {"decontaminate": 2 * before["decontaminate"]}
    (document,) = why(str(changed.out), "zed__answers:short.py").documents
    assert document.row.dropped_by is None
    (document,) = why(str(changed.out), "zed__answers:braid.py").documents
    assert document.benchmark_hits[0].item == "Own/1"


def test_an_index_that_has_moved_is_the_same(changed: "Corpus") -> None:
    before = runs_of(changed)
    (changed.base / "own.index").rename(changed.base / "moved.index")
    run(changed, extra=SETTINGS.replace("own", "moved"))
    assert runs_of(changed) == before


def test_components_that_are_not_named_are_not_scanned(changed: "Corpus") -> None:
    run(changed, extra=f'{SETTINGS}components = ["text"]\n')
    (document,) = why(str(changed.out), "zed__answers:braid.py").documents
    assert document.row.dropped_by is None
    rows = pq.read_table(changed.out / "ledger").to_pylist()
    scanned = {row["component"] for row in rows if row[HITS_COLUMN] is not None}
    assert scanned == {"text"}


def test_without_an_index_there_is_no_stage_and_no_column(corpus: "Corpus") -> None:
    run(corpus, extra="")
    assert not (corpus.out / "work/decontaminate").exists()
    names = pq.read_schema(next((corpus.out / "ledger").glob("*.parquet"))).names
    assert HITS_COLUMN not in names
    assert "nothing was looked for" in render_report(str(corpus.out))


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        ('[decontamination]\nindeks = ["a"]\n', "Did you mean `decontamination.index`"),
        ('[decontamination]\nindex = ["a"]\ncomponents = ["cod"]\n', "Did you mean `code`"),
    ],
)
def test_a_misspelt_key_is_an_error(corpus: "Corpus", extra: str, message: str) -> None:
    corpus.write(extra=extra)
    with pytest.raises(GristmillError, match=message):
        load_recipe(str(corpus.recipe))


def test_an_index_that_is_missing_or_none_is_an_error(corpus: "Corpus") -> None:
    with pytest.raises(GristmillError, match=r"decontamination\.index: there is no index"):
        run(corpus)
    (corpus.base / "own.index").write_text("no index")
    with pytest.raises(GristmillError, match="it is not an index of benchmarks"):
        run(corpus)
