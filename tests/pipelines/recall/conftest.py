"""A small web of eight sites, three of them on mathematics, and a recipe that looks for it."""

import io
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from gristmill.filters.recall.decisions import format_decisions
from gristmill.pipelines.executors import Executor, LocalExecutor
from gristmill.pipelines.progress import JsonLines
from gristmill.pipelines.recall_command import RecallResult, recall

RECIPE = """\
name = "recall"

[[source]]
name = "web"
kind = "warc"
component = "math"
paths = ["*.warc"]

[dedup]
partitions = 2

[mixture]
weights = { math = 1.0 }

[[recall.target]]
name = "math"
sources = ["web"]
seeds = ["seeds.txt"]
decisions = "decisions.tsv"
audit = "audit.tsv"
stop = { least_positives = 5 }

[recall.target.train]
dim = 16
buckets = 4096
least_words = 1_000_000
"""
TOPICS = {
    "math": "theorem proof lemma integral matrix prime group ring field limit series vector",
    "pets": "cat dog paw fur collar leash puppy kitten bowl tail whisker bark",
    "food": "flour sugar oven butter salt pepper bake stir dough sauce onion garlic",
    "news": "mayor council vote budget road bridge police court storm market school train",
}
COMMON = ("the", "of", "and", "a", "to", "in", "is", "that", "it", "with", "for", "as", "on", "by")
SITES = {
    "algebra.example.org": ("math", "/notes/"),
    "analysis.example.net": ("math", "/lectures/"),
    "topology.example.com": ("math", "/"),
    "cats.example.org": ("pets", "/"),
    "kitchen.example.net": ("food", "/recipes/"),
    "daily.example.com": ("news", "/2020/"),
}
PAGES_A_SITE = 24
FORMULAS = "<p>Let \\(x\\) be less than \\(y\\) and \\(z\\).</p>"
Chosen = Callable[[str], bool]


def page_text(topic: str, name: str, words: int = 240) -> str:
    draw = random.Random(f"{topic} {name}")
    choices = [*COMMON, *TOPICS[topic].split()]
    lines = [" ".join(draw.choices(choices, k=12)) for _ in range(words // 12)]
    return "".join(f"<p>{line.capitalize()}.</p>" for line in lines)


def warc_record(url: str, body: str) -> bytes:
    page = f"<html lang=en><body><main><h1>Page</h1>{body}</main></body></html>"
    http = f"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n\r\n{page}".encode()
    head = (
        f"WARC/1.0\r\nWARC-Type: response\r\nWARC-Record-ID: <urn:{url}>\r\n"
        f"WARC-Date: 2023-01-01T00:00:00Z\r\nWARC-Target-URI: {url}\r\n"
        f"Content-Type: application/http; msgtype=response\r\nContent-Length: {len(http)}\r\n\r\n"
    )
    return head.encode() + http + b"\r\n\r\n"


def no_page(_url: str) -> bool:
    return False


def site_pages(
    host: str, topic: str, folder: str, num_pages: int = PAGES_A_SITE, chosen: Chosen = no_page
) -> list[bytes]:
    """Return the records of a site; the chosen pages have three formulas each."""
    urls = [f"https://{host}{folder}{i}.html" for i in range(num_pages)]
    return [
        warc_record(url, page_text(topic, url) + (FORMULAS if chosen(url) else "")) for url in urls
    ]


def write_web(folder: Path, chosen: Chosen = no_page) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for host, (topic, path) in SITES.items():
        (folder / f"{host}.warc").write_bytes(
            b"".join(site_pages(host, topic, path, chosen=chosen))
        )
    forum = [
        *site_pages("forum.example.org", "math", "/math/", chosen=chosen),
        *site_pages("forum.example.org", "pets", "/pets/", 60, chosen=chosen),
    ]
    (folder / "forum.warc").write_bytes(b"".join(forum))
    (folder / "recipe.toml").write_text(RECIPE)
    (folder / "seeds.txt").write_text("# sites\nalgebra.example.org\n")
    (folder / "decisions.tsv").write_text(format_decisions([]))
    audit = [
        *(f"https://analysis.example.net/lectures/{i}.html\tyes\n" for i in range(6)),
        *(f"https://cats.example.org/{i}.html\tno\n" for i in range(6)),
    ]
    (folder / "audit.tsv").write_text("".join(audit))


def run(folder: Path, executor: Executor | None = None, retrain: int | None = None) -> RecallResult:
    """Run the recipe of a folder into its `out`."""
    return recall(
        str(folder / "recipe.toml"),
        out=str(folder / "out"),
        executor=executor or LocalExecutor(),
        observer=JsonLines(io.StringIO()),
        retrain=retrain,
    )


@pytest.fixture
def web(tmp_path: Path) -> Path:
    """A folder with the small web and its recipe."""
    write_web(tmp_path / "web")
    return tmp_path / "web"


@pytest.fixture
def formula_web(tmp_path: Path) -> Callable[[Chosen], Path]:
    """The function that makes the small web, with formulas on chosen pages and asked for."""

    def write(chosen: Chosen) -> Path:
        folder = tmp_path / "web"
        write_web(folder, chosen)
        recipe = RECIPE.replace('paths = ["*.warc"]', 'paths = ["*.warc"]\nextract = "fine"')
        (folder / "recipe.toml").write_text(f"{recipe}\n[recall.target.evidence]\nformulas = 3\n")
        return folder

    return write


@pytest.fixture
def recall_run() -> Callable[..., RecallResult]:
    """The function that runs the recipe of a folder."""
    return run


@pytest.fixture(scope="session")
def found(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small web after a run; tests only read it, or copy it."""
    folder = tmp_path_factory.mktemp("found") / "web"
    write_web(folder)
    result = run(folder)
    assert not result.failures, result.failures
    return folder
