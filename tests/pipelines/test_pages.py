"""Pages of one URL in a build: one stays, and every other names what stays in its place."""

import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from gristmill.pipelines.audit import audit
from gristmill.pipelines.build import build
from gristmill.pipelines.executors import LocalExecutor
from gristmill.pipelines.lookup import why
from gristmill.pipelines.plan import plan
from gristmill.pipelines.progress import JsonLines
from gristmill.pipelines.report import render_report
from gristmill.pipelines.why_text import format_why

RECIPE = """\
name = "pages"

[[source]]
name = "web"
kind = "warc"
component = "text"
paths = ["*.warc"]

[dedup]
page_urls = "{page_urls}"
partitions = {partitions}

[mixture.weights]
text = 1.0
"""
Row = dict[str, object]


def text(topic: str, num_lines: int) -> str:
    return "".join(f"<p>The {topic} has line {n}, {topic} {n * 7}.</p>" for n in range(num_lines))


def record(url: str, body: str, number: int) -> bytes:
    page = f"<html lang=en><body><main><h1>Page</h1>{body}</main></body></html>"
    http = f"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n\r\n{page}".encode()
    head = (
        f"WARC/1.0\r\nWARC-Type: response\r\nWARC-Record-ID: <urn:uuid:{number}>\r\n"
        f"WARC-Date: 2023-01-01T00:00:00Z\r\nWARC-Target-URI: {url}\r\n"
        f"Content-Type: application/http; msgtype=response\r\nContent-Length: {len(http)}\r\n\r\n"
    )
    return head.encode() + http + b"\r\n\r\n"


CAPTURES = {
    "first.warc": [
        ("http://www.example.org/a/one?utm_source=mail", text("ant", 30)),
        ("http://example.org/a/two", text("bee", 20)),
        ("http://EXAMPLE.org:80/a/two", text("wasp", 25)),
    ],
    "second.warc": [
        ("https://example.org/a/one", text("ant", 40)),
        ("https://example.org/a/three", text("cat", 30)),
    ],
    # It resembles the chosen capture of /a/one, and its shorter path is preferred.
    "third.warc": [("https://mirror.example/one", text("ant", 40) + "<p>Mirrored.</p>")],
}


class Web:
    """The captures as WARC files with a recipe; tests build it with other settings."""

    def __init__(self, base: Path) -> None:
        self.base, self.out, self.recipe = base, base / "out", base / "recipe.toml"
        for name, captures in CAPTURES.items():
            records = (record(url, body, i) for i, (url, body) in enumerate(captures))
            (base / name).write_bytes(b"".join(records))

    def build(self, page_urls: str, *, partitions: int = 3, extra: str = "") -> dict[str, Row]:
        """Build and return the ledger by URL."""
        self.recipe.write_text(RECIPE.format(page_urls=page_urls, partitions=partitions) + extra)
        result = build(
            str(self.recipe),
            out=str(self.out),
            executor=LocalExecutor(),
            observer=JsonLines(sys.stderr),
        )
        assert not result.failures, result.failures
        return {row["path"]: row for row in pq.read_table(self.out / "ledger").to_pylist()}


@pytest.fixture
def web(tmp_path: Path) -> Web:
    return Web(tmp_path)


def fates(ledger: dict[str, Row]) -> dict[str, object]:
    return {path: row["dropped_by"] for path, row in ledger.items()}


def test_captures_of_one_url_are_one_page(web: Web) -> None:
    found = fates(web.build("web"))
    assert found == {
        "http://www.example.org/a/one?utm_source=mail": "same_page",
        "https://example.org/a/one": "near_duplicate",
        "https://mirror.example/one": None,
        "http://example.org/a/two": "same_page",
        "http://EXAMPLE.org:80/a/two": None,  # it has more text
        "https://example.org/a/three": None,
    }


def test_the_keeper_of_a_page_is_kept_although_the_chosen_capture_is_not(web: Web) -> None:
    ledger = web.build("web")
    mirror = ledger["https://mirror.example/one"]
    capture = ledger["http://www.example.org/a/one?utm_source=mail"]
    assert capture["keeper"] == capture["cluster"] == mirror["doc_id"]
    assert capture["similarity"] is None
    assert capture["item_id"] == capture["doc_id"]


def test_strict_merges_only_what_the_rfc_calls_equal(web: Web) -> None:
    found = fates(web.build("strict"))
    assert [path for path, reason in found.items() if reason == "same_page"] == [
        "http://example.org/a/two"
    ]


def test_off_leaves_the_captures_to_the_comparison_of_texts(web: Web) -> None:
    ledger = web.build("off")
    assert "same_page" not in fates(ledger).values()
    assert not (web.out / "work" / "pages").exists()


def test_the_number_of_partitions_changes_no_fate(web: Web) -> None:
    one = web.build("web", partitions=1)
    assert web.build("web", partitions=64) == one


def test_a_capture_that_a_rule_drops_stands_for_no_other(web: Web) -> None:
    chosen = web.build("web")["http://EXAMPLE.org:80/a/two"]
    rule = f"[rules.max_text]\nsignal = 'num_chars'\nmax = {int(str(chosen['num_chars'])) - 1}\n"
    found = fates(web.build("web", extra=rule))
    assert found["http://EXAMPLE.org:80/a/two"] == "max_text"
    assert found["http://example.org/a/two"] is None


def test_audit_why_and_report_know_the_reason(web: Web) -> None:
    web.build("web")
    found = audit(str(web.out), by=())
    drop = next(drop for drop in found.funnel if drop.reason == "same_page")
    assert (drop.kind, drop.documents) == ("duplicate", 2)
    assert not found.differences
    explained = format_why(why(str(web.out), "http://example.org/a/two"))
    assert "DROPPED by same_page" in explained
    assert "http://EXAMPLE.org:80/a/two" in explained
    assert "same URL" in render_report(str(web.out))


def test_a_plan_names_the_changed_rules(web: Web) -> None:
    web.build("web")
    web.recipe.write_text(RECIPE.format(page_urls="strict", partitions=3))
    planned = plan(str(web.recipe), out=str(web.out), executor=LocalExecutor())
    causes = {task.reason for task in planned.done if not task.is_consequence}
    assert causes == {'rules: "web" -> "strict"'}
