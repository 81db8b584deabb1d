"""Small real corpora: git repositories made by git, JSON lines, and a recipe over them."""

import fcntl
import io
import json
import logging
import os
import shutil
import subprocess
import urllib.request
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from moto.server import ThreadedMotoServer

from gristmill.pipelines.build import build
from gristmill.pipelines.crawl import run_crawls
from gristmill.pipelines.executors import LocalExecutor
from gristmill.pipelines.progress import JsonLines
from gristmill.pipelines.recipe import load_crawls

DEMO_RECIPE = Path(__file__).parents[1] / "pipelines/recipes/demo.toml"
LICENCE = "MIT License\n\nPermission is hereby granted, free of charge, to any person\n"
GIT_DATE = "2023-03-01T12:00:00+0000"

RECIPE = """\
name = "small"
seed = 7

[[source]]
name = "github"
kind = "repository"
component = "code"
paths = ["repositories/*"]
shards = 4

[[source]]
name = "prose"
kind = "documents"
component = "text"
paths = ["prose/*.jsonl"]

[rules]
preset = "deepseek-coder-v2"
{rules}

[dedup]
partitions = 2
repository_languages = ["Python"]

[order]
method = "{order}"

[shards]
target_tokens = 4000
block_tokens = 2048

[mixture]
weights = {{ code = 0.7, text = 0.3 }}
total_tokens = 1000000
"""


OUTPUTS = ("tokens/**/*.parquet", "held_out/**/*.parquet", "ledger/*.parquet", "*.json")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that accepts new golden digests, to be used with a new stage version."""
    parser.addoption("--update-golden", action="store_true")


def make_repository(folder: Path, files: Mapping[str, str | bytes]) -> Path:
    """Make a working clone with one commit, always with the same commit id."""
    folder.mkdir(parents=True)
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_AUTHOR_DATE": GIT_DATE,
        "GIT_COMMITTER_DATE": GIT_DATE,
        "GIT_AUTHOR_NAME": "a",
        "GIT_AUTHOR_EMAIL": "a@example.org",
        "GIT_COMMITTER_NAME": "a",
        "GIT_COMMITTER_EMAIL": "a@example.org",
    }
    for command in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-q", "-m", "one"]):
        subprocess.run(["git", *command], cwd=folder, env=environment, check=True)
    return folder


def python_file(name: str, lines: int = 40) -> str:
    """Return a Python file unlike those of other names, with short lines."""
    body = "\n".join(
        f"def {name}_{i}(value):\n    return value * {i} + len('{name} step {i}')"
        for i in range(lines)
    )
    return f'"""Functions of {name}."""\n\n{body}\n'


def haskell_file(name: str, width: int = 60) -> str:
    """Return a Haskell file whose longest line is `width` characters."""
    lines = [f"{name}{i} :: Int -> Int\n{name}{i} x = x + {i}" for i in range(30)]
    comment = f"-- {name} ".ljust(width, "z")
    return f"module {name.title()} where\n{comment}\n" + "\n".join(lines) + "\n"


def _repositories() -> dict[str, dict[str, str | bytes]]:
    found: dict[str, dict[str, str | bytes]] = {}
    for owner in ("ada", "bob", "cyd", "dan"):
        found[f"{owner}__tools"] = {
            "LICENSE": LICENCE,
            "README.md": f"# Tools of {owner}\n\nThey do what {owner} needs every day.\n",
            f"src/{owner}.py": python_file(owner),
            "src/shared.py": "import os\nfrom . import "
            + owner
            + "\n"
            + python_file(f"{owner}_s", 8),
            "main.c": f'#include "{owner}.h"\nint main(void) {{ return {owner}(); }}\n',
            f"{owner}.h": f"/* header of {owner} */\nint {owner}(void);\n",
            "empty.py": "",
            "logo.png": b"\x89PNG\r\n\x1a\n" + bytes(range(256)),
        }
    found["ada__haskell"] = {"Ada.hs": haskell_file("ada"), "Wide.hs": haskell_file("wide", 300)}
    found["bob__haskell"] = {"Bob.hs": haskell_file("bob"), "Wider.hs": haskell_file("wider", 900)}
    fork = dict(found["bob__tools"])
    fork["README.md"] = "# A fork of the tools of bob\n\nIt is kept for a while.\n"
    found["eve__fork"] = fork
    return found


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The inputs of the small corpus, made once; tests copy them."""
    base = tmp_path_factory.mktemp("template")
    for name, files in _repositories().items():
        make_repository(base / "repositories" / name, files)
    prose = base / "prose"
    prose.mkdir()
    rows = [
        {
            "id": f"page-{i}",
            "language": "en",
            "text": f"Chapter {i}.\n" + f"It was day {i}. " * (i + 9),
        }
        for i in range(40)
    ]
    (prose / "chapters.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return base


class Corpus:
    """A copy of the inputs with its recipe; tests edit both and build."""

    def __init__(self, base: Path) -> None:
        self.base = base
        self.recipe = base / "recipe.toml"
        self.out = base / "out"
        self.write()

    def write(self, *, rules: str = "", order: str = "random", extra: str = "") -> None:
        """Write the recipe."""
        self.recipe.write_text(RECIPE.format(rules=rules, order=order) + extra)

    def files(self, out: Path | None = None) -> dict[str, bytes]:
        """Return every published file but the report: path -> bytes."""
        out = out or self.out
        found = [path for name in OUTPUTS for path in out.glob(name)]
        return {str(path.relative_to(out)): path.read_bytes() for path in sorted(found)}


def copy_corpus(source: Path, base: Path) -> Corpus:
    """Copy the inputs of a corpus, and what has been built of it."""
    shutil.copytree(source, base, symlinks=True)
    return Corpus(base)


@pytest.fixture
def corpus(template: Path, tmp_path: Path) -> Corpus:
    """A fresh copy of the small corpus."""
    return copy_corpus(template, tmp_path / "corpus")


@pytest.fixture(scope="session")
def copied_corpus() -> Callable[[Path, Path], Corpus]:
    """The function that copies a corpus to a folder."""
    return copy_corpus


@pytest.fixture(scope="session")
def repository() -> Callable[[Path, Mapping[str, str | bytes]], Path]:
    """The function that makes a git repository."""
    return make_repository


def make_warc_record(url: str, html: str) -> bytes:
    """Return the response record of a web page, always the same for the same page."""
    http = f"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n\r\n{html}".encode()
    head = (
        "WARC/1.0\r\nWARC-Type: response\r\n"
        f"WARC-Record-ID: <urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, url)}>\r\n"
        f"WARC-Date: 2023-01-01T00:00:00Z\r\nWARC-Target-URI: {url}\r\n"
        f"Content-Type: application/http; msgtype=response\r\nContent-Length: {len(http)}\r\n\r\n"
    )
    return head.encode() + http + b"\r\n\r\n"


@pytest.fixture(scope="session")
def warc_record() -> Callable[[str, str], bytes]:
    """The function that makes a WARC record of a web page."""
    return make_warc_record


@pytest.fixture(scope="module")
def s3_endpoint() -> Iterator[str]:
    """The address of an S3 server without a bucket; any key opens it."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    # All servers of a process share their buckets, also with those that were stopped.
    urllib.request.urlopen(f"{url}/moto-api/reset", data=b"").close()
    yield url
    server.stop()


@pytest.fixture(scope="session")
def demo_build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The whole demo corpus, crawled and built once in about 30 s; tests only read it."""
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent  # of all workers
    out = shared / "demo"
    with (shared / "demo.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (out / "build.json").exists():
            build_demo(out)
    return out


def build_demo(out: Path) -> None:
    """Crawl and build the demo."""
    settings, base = load_crawls(str(DEMO_RECIPE))
    notes: list[str] = []
    crawled = run_crawls(
        settings, out=str(out), base=base, report=lambda result: None, note=notes.append
    )
    assert crawled.is_complete, (crawled, notes)
    result = build(
        str(DEMO_RECIPE),
        out=str(out),
        executor=LocalExecutor(),
        observer=JsonLines(io.StringIO()),
    )
    assert not result.failures, result.failures
