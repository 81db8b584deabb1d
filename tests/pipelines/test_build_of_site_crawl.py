"""A build reads the pages of a crawled site, and only what a later crawl added."""

import io
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pyarrow.parquet as pq
import pytest
from aiohttp import web

from gristmill.corpus.standins.server import Loopback
from gristmill.corpus.standins.site import StoredAnswer, sites_app
from gristmill.pipelines.build import build
from gristmill.pipelines.crawl import run_crawls
from gristmill.pipelines.executors import LocalExecutor
from gristmill.pipelines.plan import plan
from gristmill.pipelines.progress import JsonLines
from gristmill.pipelines.recipe import load_crawls

if TYPE_CHECKING:
    from ..conftest import Corpus

TABLES = """
[[source]]
name = "manual"
kind = "warc"
component = "text"
crawl = "manual"

[crawl]
contact = "mailto:test@example.org"
allow_loopback = true

[[crawl.site]]
name = "manual"
urls = ["{url}/index.html"]
max_pages = {max_pages}
manners = {{requests_per_second = 1e6, burst = 1000}}
"""


@pytest.fixture
def server() -> Iterator[Loopback]:
    with Loopback(manual()) as loopback:
        yield loopback


def manual() -> web.Application:
    """Return a manual of 12 chapters, each linking to the next."""
    pages = {"/index.html": html("The mill, in chapters.", "/1.html")}
    for i in range(1, 13):
        text = f"Chapter {i} of the manual. " + f"Turn the wheel {i} times, then wait. " * (i + 5)
        pages[f"/{i}.html"] = html(text, f"/{i + 1}.html")
    return sites_app({"127.0.0.1": pages})


def html(text: str, link: str) -> StoredAnswer:
    body = f'<html><body><main><p>{text}</p></main><a href="{link}">on</a></body></html>'
    return StoredAnswer(headers=(("Content-Type", "text/html"),), body=body.encode())


def crawl(corpus: "Corpus", server: Loopback, max_pages: int) -> None:
    corpus.write(extra=TABLES.format(url=server.url, max_pages=max_pages))
    settings, base = load_crawls(str(corpus.recipe))
    run_crawls(
        settings,
        out=str(corpus.out),
        base=base,
        report=lambda result: None,
        note=lambda text: None,
    )


def manual_texts(corpus: "Corpus") -> list[str]:
    """Build; return what the build read of the manual."""
    result = build(
        str(corpus.recipe),
        out=str(corpus.out),
        executor=LocalExecutor(),
        observer=JsonLines(io.StringIO()),
    )
    assert not result.failures
    files = (corpus.out / "work/read").rglob("*.parquet")
    rows = [row for path in files for row in pq.read_table(path).to_pylist()]
    return [row["text"] for row in rows if row["collection"] == "127.0.0.1"]


def test_a_build_reads_the_pages_and_then_only_those_that_came_later(
    corpus: "Corpus", server: Loopback
) -> None:
    crawl(corpus, server, max_pages=5)
    assert len(manual_texts(corpus)) == 5
    crawl(corpus, server, max_pages=100)
    tasks = plan(str(corpus.recipe), out=str(corpus.out), executor=LocalExecutor()).tasks
    assert [task.shard.split(".")[0] for task in tasks if task.stage == "read"] == ["manual"]
    texts = manual_texts(corpus)
    assert sorted(text[:10] for text in texts)[0] == "Chapter 1 "
    assert len(texts) == 13
