"""Rules on web pages in a build: each drop has its rule, and formulas and code are never cut."""

import io
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from gristmill.filters.page_signals import PAGE_SIGNALS
from gristmill.pipelines.audit import audit
from gristmill.pipelines.build import build
from gristmill.pipelines.executors import LocalExecutor
from gristmill.pipelines.lookup import why
from gristmill.pipelines.progress import JsonLines
from gristmill.pipelines.recipe import load_recipe
from gristmill.pipelines.why_text import format_why

RECIPES = Path(__file__).parents[2] / "pipelines/recipes"
RECIPE = """\
name = "rules"

[[source]]
name = "web"
kind = "warc"
component = "{component}"
paths = ["*.warc"]
extract = "fine"

[[source]]
name = "notes"
kind = "documents"
component = "{component}"
paths = ["*.txt"]

[dedup.boilerplate]
min_pages = 3

[mixture.weights]
{component} = 1.0

{rules}
"""
RULES = '[rules]\npreset = "web"\n'
Row = dict[str, object]
Record = Callable[[str, str], bytes]


def prose(topic: str, num_lines: int = 20) -> str:
    words = ("early", "late", "north", "south", "grey", "blue", "slow", "quick", "old", "new")
    return "".join(
        f"<p>The {topic} of day {n} is {words[n % 10]} and {words[n // 3 % 10]}, they say.</p>"
        for n in range(num_lines)
    )


PAGES = {
    "/good": prose("ship"),
    "/math": "".join(f"<p>Let <script type='math/tex'>x_{n}^2</script> be.</p>" for n in range(40)),
    "/moved": "<p>The node you are looking for is at <a href='/x'>x</a>.</p>",
    "/search?q=ship": prose("storm"),
    "/users/77/ada": prose("harbour"),
    "/tiny": "<p>Only this.</p>",
    "/noise": "<p>" + "@#%^&*()!~+=<br>" * 60 + "</p>",
    "/again": "<p>All of this is said again and again and once more, always.</p>" * 30,
}
DROPS = {
    "/moved": "page_stub",
    "/search?q=ship": "page_role",
    "/users/77/ada": "page_role",
    "/tiny": "page_short",
    "/noise": "page_symbols",
    "/again": "page_lines",
}


def built(folder: Path, component: str = "math", rules: str = RULES) -> dict[str, Row]:
    recipe = folder / "recipe.toml"
    recipe.write_text(RECIPE.format(component=component, rules=rules))
    (folder / "note.txt").write_text("A note.\n")
    out = folder / "out"
    result = build(
        str(recipe), out=str(out), executor=LocalExecutor(), observer=JsonLines(io.StringIO())
    )
    assert not result.failures, result.failures
    return {row["path"]: row for row in pq.read_table(out / "ledger").to_pylist()}


@pytest.fixture
def pages(tmp_path: Path, warc_record: Record) -> Path:
    """A folder with a page for each rule."""
    records = [warc_record(f"http://site.example{path}", body) for path, body in PAGES.items()]
    records.append(warc_record("http://casino.example/", prose("game")))
    (tmp_path / "a.warc").write_bytes(b"".join(records))
    return tmp_path


def test_each_page_is_dropped_by_the_rule_that_it_breaks(pages: Path) -> None:
    rows = built(pages)
    fates = {path: rows[f"http://site.example{path}"]["dropped_by"] for path in PAGES}
    assert fates == {"/good": None, "/math": None, **DROPS}
    assert rows["http://casino.example/"]["dropped_by"] == "page_spam"
    assert {rows["note.txt"][name] for name in PAGE_SIGNALS.names} == {None}
    assert not audit(str(pages / "out"), by=()).differences


def test_why_shows_the_signal_and_what_the_rule_wants(pages: Path) -> None:
    built(pages)
    shown = format_why(why(str(pages / "out"), "http://site.example/moved"))
    assert "DROPPED by page_stub" in shown
    assert "DROPS  page_stub: stub is redirect, wants none of redirect" in shown
    assert "fires  page_short: num_chars" in shown


def test_a_component_has_thresholds_of_its_own(pages: Path, warc_record: Record) -> None:
    body = prose("island") + 8 * prose("island", 1)
    (pages / "b.warc").write_bytes(warc_record("http://site.example/refrain", body))
    url = "http://site.example/refrain"
    assert built(pages)[url]["dropped_by"] is None
    hits = built(pages, "text")[url]["rule_hits"]
    assert isinstance(hits, list)
    assert {"page_lines_text", "page_ngrams_text"} <= set(hits)


def test_a_threshold_reads_no_text_again_and_no_rule_measures_no_page(pages: Path) -> None:
    assert "stub" not in built(pages, rules="")["http://site.example/good"]
    assert not (pages / "out/work/page_signals").exists()
    built(pages)
    before = sorted((pages / "out/work/page_signals").glob("*/*"))
    rows = built(pages, rules=f"{RULES}[rules.page_short]\nmin = 10\n")
    assert rows["http://site.example/tiny"]["dropped_by"] is None
    assert sorted((pages / "out/work/page_signals").glob("*/*")) == before


def test_common_lines_are_cut_but_no_code_and_no_formula(
    tmp_path: Path, warc_record: Record
) -> None:
    shared = (
        "<pre><code class='language-python'>import numpy as np and nothing else at all\n"
        "print of something that is written everywhere\n</code></pre>"
        "<p>where <script type='math/tex'>x</script> is a number of the field</p>"
        "<script type='math/tex; mode=display'>x is a number\\\\\n is a number of it</script>"
        "<p>use <code>numpy</code> for all of these examples</p>"
        "<p>All rights of this site are reserved by its authors</p>"
    )
    topics = ("ship", "storm", "harbour", "island")
    (tmp_path / "a.warc").write_bytes(
        b"".join(
            warc_record(f"http://site.example/{topic}", f"{prose(topic)}{shared}")
            for topic in topics
        )
    )
    rows = built(tmp_path, rules="")
    (path,) = (tmp_path / "out/work/read").glob("web*/*.parquet")
    for row in pq.read_table(path, columns=["path", "text"], partitioning=None).to_pylist():
        spans, text = rows[row["path"]]["cut_spans"], row["text"]
        assert isinstance(spans, list)
        cut = [text[first:end].strip() for first, end in zip(spans[::2], spans[1::2], strict=True)]
        assert cut == ["All rights of this site are reserved by its authors"]
        assert "$$x is a number\\\\\nis a number of it$$" in text


def test_the_bundled_recipe_has_its_files_and_rules_for_each_component() -> None:
    recipe = load_recipe(str(RECIPES / "web_recall.toml"))
    assert {source.recall for source in recipe.raw.source} == {"math", "code"}
    for target in recipe.raw.recall.target:
        for name in (*target.seeds, target.decisions, target.audit):
            assert name is not None
            assert (RECIPES / name).is_file()
    asked = {rule.signal for rule in recipe.rules}
    assert asked & set(PAGE_SIGNALS.names) == set(PAGE_SIGNALS.names) - {"formula_fraction"}
    assert {component for rule in recipe.rules for component in rule.components} == {
        *("math", "code", "text")
    }
