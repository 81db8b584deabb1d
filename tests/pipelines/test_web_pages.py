"""What became of formulas and code of web pages is counted for each source, fallbacks by reason."""

import io
import json
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from gristmill.pipelines.audit import Audit, audit, format_table
from gristmill.pipelines.build import BuildResult, build
from gristmill.pipelines.executors import LocalExecutor
from gristmill.pipelines.progress import JsonLines
from gristmill.pipelines.report import render_report
from gristmill.pipelines.summary import build_text
from gristmill.pipelines.web_pages import Fallback, WebSource

RECIPE = """\
name = "web"

[[source]]
name = "crawl"
kind = "warc"
component = "math"
paths = ["*.warc"]
extract = "fine"

[mixture.weights]
math = 1.0
"""
PROSE = "<p>A paragraph of plain words, long enough to be what this page is about, is here.</p>" * 4
FORMULAS = f"{PROSE}<p>Let \\(x\\) be less than \\(y\\).</p><pre>a = 1\nb = 2\n</pre>"
COSTLY = "<p>many" * 110_000


@pytest.fixture(scope="module")
def result(
    tmp_path_factory: pytest.TempPathFactory, warc_record: Callable[[str, str], bytes]
) -> BuildResult:
    folder = tmp_path_factory.mktemp("web")
    bodies = {"a": FORMULAS, "b": COSTLY, "c": ""}
    records = [warc_record(f"http://h.org/{name}", body) for name, body in bodies.items()]
    (folder / "a.warc").write_bytes(b"".join(records))
    (folder / "recipe.toml").write_text(RECIPE)
    return build(
        str(folder / "recipe.toml"),
        out=str(folder / "out"),
        executor=LocalExecutor(),
        observer=JsonLines(io.StringIO()),
    )


@pytest.fixture(scope="module")
def found(result: BuildResult) -> Audit:
    return audit(result.out, by=())


def test_a_source_has_its_pages_by_tier_and_what_is_kept_of_them(found: Audit) -> None:
    assert found.web_pages.sources == (
        WebSource(
            source="crawl",
            fine=1,
            cheap=1,
            raw=0,
            unread=1,
            formulas_found=2,
            formulas_kept=2,
            code_lines_found=2,
            code_lines_kept=2,
        ),
    )


def test_fallbacks_are_counted_by_the_class_of_their_reason(found: Audit) -> None:
    reason = "the fine text would cost too much"
    assert found.web_pages.fallbacks == (Fallback(source="crawl", reason=reason, pages=1),)


def test_a_person_reads_of_fallbacks_in_every_summary(result: BuildResult, found: Audit) -> None:
    line = "1 pages of crawl have the cheap text: the fine text would cost too much"
    assert line in format_table(found)
    assert "1 pages of crawl by the cheap tier" in build_text(result)
    page = render_report(result.out)
    assert "Pages with the cheap text in place of the fine one" in page


def test_the_read_stage_counts_tiers_and_fallbacks(result: BuildResult) -> None:
    (manifest,) = (Path(result.out) / "work/read").glob("*/*.json")
    counts = json.loads(manifest.read_text())["counts"]
    assert counts["extracted"] == {"fine": 1, "cheap": 1}
    assert counts["fell_back"] == {"the fine text would cost too much": 1}


def test_a_ledger_says_by_what_each_text_was_made(result: BuildResult) -> None:
    (path,) = (Path(result.out) / "ledger").glob("*.parquet")
    rows = pq.read_table(path, columns=["path", "extracted_by"]).to_pylist()
    assert {row["path"][-1]: row["extracted_by"] for row in rows} == {
        "a": "fine",
        "b": "cheap",
        "c": None,
    }


def test_a_build_without_pages_says_nothing_of_them(built: Path) -> None:
    sources = audit(str(built), by=()).web_pages.sources
    assert [one.source for one in sources] == sorted({one.source for one in sources})
