"""The report of a loop, and the section of a build's report on it: complete, safe, and readable."""

import html
import io
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import msgspec
import pyarrow as pa
import pytest

from gristmill.corpus.errors import GristmillError
from gristmill.filters.recall.audit import Estimate
from gristmill.filters.recall.decisions import Decision
from gristmill.pipelines.build import build
from gristmill.pipelines.executors import LocalExecutor
from gristmill.pipelines.progress import JsonLines
from gristmill.pipelines.recall.chart import Column, quality_chart
from gristmill.pipelines.recall.report import NO_AUDIT, recall_page, recall_sections
from gristmill.pipelines.recall.standing import Standing, read_standing
from gristmill.pipelines.recall_command import RecallResult
from gristmill.pipelines.report import render_report

Run = Callable[..., RecallResult]
HOSTILE = "</td><script>alert(1)</script><img src=x onerror='alert(2)'>\u202e\""

# A phone is narrower than any window of the browser, so the page is shown in a frame.
HOST = """<!DOCTYPE html><body style="margin:0">
<iframe style="border:0;width:{width}px;height:3000px" srcdoc="{page}"></iframe><script>
const frame = document.querySelector("iframe");
frame.onload = () => {{
  const inside = frame.contentDocument;
  const wide = [...inside.body.querySelectorAll("*")].filter(
    (node) => !node.closest(".frame") && node.getBoundingClientRect().right > {width} + 1);
  document.body.dataset.seen = [inside.documentElement.scrollWidth, wide.length,
    inside.querySelectorAll("table").length, inside.querySelectorAll("script, img").length
  ].join(" ");
}};
</script></body>"""


@pytest.fixture
def standing(found: Path) -> Standing:
    """How the small web's target stands."""
    read = read_standing(str(found / "out"), "math")
    assert read is not None
    return read


@pytest.fixture
def hostile(standing: Standing) -> Standing:
    """The same, where every name of a page or host is an attack."""

    def renamed(table: pa.Table, column: str) -> pa.Table:
        place = table.schema.get_field_index(column)
        return table.set_column(place, column, pa.array([HOSTILE] * len(table), pa.string()))

    question = Decision(
        target="math",
        host=HOSTILE,
        prefix="/",
        scope="prefix",
        verdict="hold",
        who="?",
        date="",
        iteration=1,
        pages=2,
        collected=1,
        lower=0.1,
        upper=0.9,
        note=HOSTILE,
    )
    return msgspec.structs.replace(
        standing,
        domains=renamed(standing.domains, "host"),
        samples=tuple(renamed(renamed(one, "url"), "words") for one in standing.samples),
        questions=[question],
    )


def test_a_run_leaves_its_report(found: Path, standing: Standing) -> None:
    assert (found / "out/recall/math/report.html").read_text() == recall_page(standing)


def test_the_report_shows_every_section_and_iteration(standing: Standing) -> None:
    page = recall_page(standing)
    for section in recall_sections(standing):
        assert f">{section.title}</h2>" in page
    for one in standing.iterations:
        assert f">{one.collected_tokens:,}</td>" in page
        assert f">{one.drift:.3f}</td>" in page
    assert "analysis.example.net" in page
    assert "core-hours" in page


def test_sample_pages_stand_with_their_first_words(standing: Standing) -> None:
    page = recall_page(standing)
    for row in standing.samples[-1].to_pylist():
        assert html.escape(row["url"]) in page
        assert html.escape(row["words"]) in page


def test_hostile_pages_are_text(hostile: Standing) -> None:
    page = recall_page(hostile)
    assert "<script" not in page
    assert "<img" not in page
    assert "\u202e" not in page
    assert html.escape("<script>alert(1)</script>") in page


def test_the_report_fetches_nothing(standing: Standing) -> None:
    page = recall_page(standing)
    assert "default-src 'none'" in page
    targets = re.findall(r"""(?:src|href|action)\s*=\s*["']([^"']*)""", page)
    assert targets
    assert all(target.startswith("#") for target in targets)
    assert not re.search(r"@import|url\(", page)


def test_every_table_has_a_caption_and_every_chart_a_label(standing: Standing) -> None:
    page = recall_page(standing)
    assert page.count("<table") == page.count("<caption>") > 6
    for svg in re.findall(r"<svg[^>]*>", page):
        assert 'aria-hidden="true"' in svg or "aria-label=" in svg


def test_a_loop_without_an_audit_says_what_to_do(web: Path, recall_run: Run) -> None:
    recipe = (web / "recipe.toml").read_text()
    (web / "recipe.toml").write_text(recipe.replace('audit = "audit.tsv"\n', ""))
    recall_run(web)
    page = (web / "out/recall/math/report.html").read_text()
    assert html.escape(NO_AUDIT) in page
    assert 'role="img"' not in page


def test_a_chart_puts_intervals_where_their_values_are() -> None:
    share = Estimate(value=0.5, lower=0.25, upper=1.0)
    chart = quality_chart("x", [Column(name="1", tokens=7, precision=share, recall=None)])
    # 140 high below 22: the middle at 92, the interval from 22 on for three quarters.
    assert '<circle class="plain" cx="76" cy="92.0"' in chart
    assert 'y="22.0" width="2" height="105.0"' in chart
    assert 'class="math"' not in chart


def test_a_build_shows_how_its_targets_stand(found: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(found, tmp_path / "copied"))
    recipe = folder / "recipe.toml"
    recipe.write_text(recipe.read_text().replace('kind = "warc"', 'kind = "warc"\nrecall = "math"'))
    out = str(folder / "out")
    build(str(recipe), out=out, executor=LocalExecutor(), observer=JsonLines(io.StringIO()))
    page = (folder / "out/report.html").read_text()
    assert "Source web keeps the pages of recall target math" in page
    assert "What each iteration collected" in page
    assert "Pages just below the threshold, iteration 3" in page
    (folder / "out/recall/math/recall.json").unlink()
    assert "whose loop has left no record" in render_report(out)


def test_a_damaged_file_is_an_error_that_names_it(found: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(found, tmp_path / "copied"))
    (folder / "out/recall/math/iteration-002/samples.parquet").unlink()
    with pytest.raises(GristmillError, match=r"iteration-002/samples\.parquet"):
        read_standing(str(folder / "out"), "math")
    (folder / "out/recall/math/costs.json").write_text("[]")
    shutil.copy(
        found / "out/recall/math/iteration-002/samples.parquet",
        folder / "out/recall/math/iteration-002/samples.parquet",
    )
    with pytest.raises(GristmillError, match=r"costs\.json"):
        read_standing(str(folder / "out"), "math")


@pytest.mark.system
@pytest.mark.parametrize("width", [400, 1280])
def test_a_browser_shows_the_report_without_errors_or_sideways_scrolling(
    hostile: Standing, tmp_path: Path, width: int
) -> None:
    program = shutil.which("chromium") or shutil.which("google-chrome")
    assert program is not None, "this test needs a browser: apt-get install chromium"
    host = tmp_path / "host.html"
    host.write_text(HOST.format(width=width, page=html.escape(recall_page(hostile))))
    switches = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking")
    logging = ("--enable-logging=stderr", "--hide-scrollbars", "--dump-dom")
    command = [program, *switches, *logging, host.as_uri()]
    shown = subprocess.run(command, capture_output=True, text=True, timeout=90, check=True)
    seen = re.search(r'data-seen="([^"]*)"', shown.stdout)
    assert seen is not None, shown.stderr
    scroll, num_wide, num_tables, num_foreign = map(int, seen[1].split())
    assert (scroll, num_wide, num_foreign) == (width, 0, 0)
    assert num_tables > 6
    assert "CONSOLE" not in shown.stderr
