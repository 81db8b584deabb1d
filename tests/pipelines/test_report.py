"""The report is one page that needs nothing else, says everything, and fits a phone."""

import html
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gristmill.corpus.errors import GristmillError
from gristmill.filters.languages import language_table
from gristmill.pipelines.audit import audit
from gristmill.pipelines.report import SECTIONS, render_report, write_report
from gristmill.pipelines.report_mixture import PAPER_LANGUAGES

NUM_LANGUAGES = 338
NUM_CLUSTERS = 2500

# A phone is narrower than any window of the browser, so the page is shown in a frame.
HOST = """<!DOCTYPE html><body style="margin:0">
<iframe style="border:0;width:{width}px;height:{height}px" srcdoc="{page}"></iframe><script>
const frame = document.querySelector("iframe");
frame.onload = () => {{
  const inside = frame.contentDocument;
  const wide = [...inside.body.querySelectorAll("*")].filter(
    (node) => !node.closest(".frame") && node.getBoundingClientRect().right > {width} + 1);
  document.body.dataset.seen = [frame.contentWindow.innerWidth,
    inside.documentElement.scrollWidth, wide.length, inside.querySelectorAll("table").length,
    inside.querySelectorAll("script, img, b").length].join(" ");
}};
</script></body>"""


@pytest.fixture(scope="session")
def page(built: Path) -> str:
    return render_report(str(built))


@pytest.fixture
def crowded(copied: Path) -> Path:
    """A build whose ledger holds every language and thousands of clusters."""
    path = next(path for path in (copied / "ledger").glob("*.parquet") if "github" in path.name)
    table = pq.ParquetFile(path).read()
    kept = next(row for row in table.to_pylist() if row["tokens"])
    rows = []
    for i in range(NUM_LANGUAGES):
        rows.append(kept | {"doc_id": i.to_bytes(16, "big"), "language": f"Language {i}"})
    for i in range(NUM_CLUSTERS):
        keeper = (1000 + i).to_bytes(16, "big")
        rows.append(kept | {"doc_id": keeper, "item_id": keeper})
        fate: dict[str, object] = {
            "dropped_by": "near_duplicate",
            "cluster": keeper,
            "keeper": keeper,
        }
        fate["similarity"] = 0.7 + i % 30 / 100
        copy = (10_000 + i).to_bytes(16, "big")
        rows.append(
            kept | fate | {"doc_id": copy, "item_id": copy, "similarity": 0.7 + i % 30 / 100}
        )
    path.unlink()
    pq.write_table(pa.concat_tables([table, pa.Table.from_pylist(rows, schema=table.schema)]), path)
    return copied


def run_chromium(options: Sequence[str], url: str) -> subprocess.CompletedProcess[str]:
    program = shutil.which("chromium") or shutil.which("google-chrome")
    assert program is not None, "this test needs a browser: apt-get install chromium"
    switches = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking")
    logging = ("--enable-logging=stderr", "--hide-scrollbars")
    command = [program, *switches, *logging, *options, url]
    return subprocess.run(command, capture_output=True, text=True, timeout=90, check=True)


def test_the_page_shows_the_totals_and_every_section(built: Path, page: str) -> None:
    totals = audit(str(built), by=()).totals
    assert f"<dd>{totals.tokens:,}</dd>" in page
    assert f"<dd>{totals.documents:,}</dd>" in page
    for _, title in SECTIONS:
        assert f">{title}</h2>" in page


def test_a_build_writes_its_report(built: Path, page: str) -> None:
    assert (built / "report.html").read_text() == page


def test_the_same_build_gives_the_same_bytes_wherever_it_lies(copied: Path, page: str) -> None:
    first = write_report(str(copied))
    assert Path(first).read_text() == page
    second = write_report(str(copied), str(copied / "elsewhere.html"))
    assert Path(second).read_bytes() == Path(first).read_bytes()


def test_hostile_names_are_text(page: str) -> None:
    assert "<script" not in page
    assert "<img" not in page
    assert "<b>" not in page
    assert html.escape("<script>alert(1)</script>'\"`; DROP TABLE ledger; --.py") in page
    assert html.escape("ada/<img src=x onerror=alert(1)>") in page
    assert "small &lt;b&gt;corpus&lt;/b&gt;" in page


def test_the_page_fetches_nothing(page: str) -> None:
    assert "default-src 'none'" in page
    targets = re.findall(r"""(?:src|href|xlink:href|action)\s*=\s*["']([^"']*)""", page)
    assert targets
    # what a link saves lies in the page itself
    assert all(target.startswith(("#", "data:text/csv;")) for target in targets)
    assert not re.search(r"@import|url\(", page)


def test_every_table_has_a_caption_and_every_chart_a_label(page: str) -> None:
    assert page.count("<table>") == page.count("<caption>") > 6
    for svg in re.findall(r"<svg[^>]*>", page):
        assert 'aria-hidden="true"' in svg or "aria-label=" in svg


def test_every_language_with_tokens_is_on_the_page(built: Path, page: str) -> None:
    (languages,) = audit(str(built), by=("language",)).breakdowns
    for group in languages.groups:
        if group.tokens:
            assert f'>{html.escape(group.value)} <span class="note">{group.component}<' in page


def test_the_page_of_a_sound_build_says_that_its_files_agree(page: str) -> None:
    assert "Shards, ledger and build.json agree" in page


def test_a_damaged_build_says_what_is_wrong(copied: Path) -> None:
    shard = next(copied.glob("tokens/code/Python/*.parquet"))
    shard.unlink()
    page = render_report(str(copied))
    assert f"{shard.relative_to(copied)} is missing" in page
    assert "agree" not in page


def test_a_crowded_build_stays_small_and_complete(crowded: Path) -> None:
    page = render_report(str(crowded))
    assert len(page) < 400_000
    for i in range(NUM_LANGUAGES):
        assert f">Language {i} <" in page
    assert re.search(r"and 2,4\d\d more; all clusters by size", page)
    assert re.search(r"[\d,]+ differences between shards, ledger and build\.json", page)


def test_the_mixture_stands_beside_that_of_the_paper(page: str) -> None:
    section = page[page.index('id="mixture-title"') : page.index('id="languages-title"')]
    for text in ("DeepSeek-Coder-V2", "1,170B", "70.2% of code", "3.08", "2.71"):
        assert text in section


def test_shares_of_code_stand_beside_those_of_the_paper(page: str) -> None:
    table = page[page.index("Shares of code beside") : page.index('id="detection-title"')]
    (row,) = re.findall(r'<th scope="row">Python.*?</tr>', table)
    assert re.findall(r"<td>([^<]*)</td>", row)[2] == "15.1%"
    assert "all others" in table


def test_the_names_of_the_papers_languages_are_ours() -> None:
    assert PAPER_LANGUAGES.keys() <= {row.name for row in language_table().languages}


def test_redactions_are_shown_by_language_where_the_ledger_counts_them(
    copied: Path, page: str
) -> None:
    assert "Nothing is redacted in this build." in page
    for path in (copied / "ledger").glob("*.parquet"):
        table = pq.ParquetFile(path).read()
        ones = pa.array([1] * table.num_rows, pa.int64())
        path.unlink()
        pq.write_table(table.append_column("redacted_ip_addresses", ones), path)
    (python,) = [
        group
        for group in audit(str(copied), by=("language",)).breakdowns[0].groups
        if group.value == "Python"
    ]
    text = render_report(str(copied))
    table = text[text.index('id="redactions-title"') : text.index('id="pages-title"')]
    assert ">ip addresses</th>" in table
    (row,) = re.findall(r'<th scope="row">Python .*?</tr>', table)
    assert f"<td>{python.kept}</td>" in row


def test_no_report_without_a_build(tmp_path: Path) -> None:
    with pytest.raises(GristmillError, match=r"no build\.json"):
        write_report(str(tmp_path))


@pytest.mark.system
@pytest.mark.parametrize("width", [360, 1200])
def test_a_browser_shows_the_page_without_errors_or_sideways_scrolling(
    crowded: Path, tmp_path: Path, width: int
) -> None:
    page = render_report(str(crowded))
    host = tmp_path / "host.html"
    host.write_text(HOST.format(width=width, height=2000, page=html.escape(page)))
    shown = run_chromium(["--dump-dom"], host.as_uri())
    found = re.search(r'data-seen="([^"]*)"', shown.stdout)
    assert found is not None, shown.stderr
    inner, scroll, num_wide, num_tables, num_foreign = map(int, found[1].split())
    assert (inner, scroll, num_wide, num_foreign) == (width, width, 0, 0)
    assert num_tables > 6
    assert "CONSOLE" not in shown.stderr
