"""A small build with all that an audit tells: drops, duplicates, web pages, hostile names."""

import io
import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from gristmill.pipelines.build import build
from gristmill.pipelines.executors import LocalExecutor
from gristmill.pipelines.progress import JsonLines

HOSTILE_REPOSITORY = "ada/<img src=x onerror=alert(1)>"
HOSTILE_NAME = "<script>alert(1)</script>'\"`; DROP TABLE ledger; --.py"

RECIPE = """\
name = "small <b>corpus</b>"
seed = 3

[[source]]
name = "github"
kind = "repository"
component = "code"
paths = ["repositories/*"]
metadata = "repositories.jsonl"
shards = 3

[[source]]
name = "pages"
kind = "warc"
component = "math"
paths = ["pages.warc"]

[[source]]
name = "prose"
kind = "documents"
component = "text"
paths = ["prose.jsonl"]

[rules]
preset = "deepseek-coder-v2"

[fim]
rate = 1.0
spm_rate = 0.5

[order]
max_sample_bytes = 3000

[shards]
target_tokens = 4000
block_tokens = 800
bucket_bits = 4
"""


def _module(name: str, functions: int = 12) -> str:
    comment = f"# Gibt {name} zur\u00fcck: \u4e2d\u6587"
    body = "\n".join(
        f"def {name}_{i}(value):\n    {comment} {i}\n    return value + {i}"
        for i in range(functions)
    )
    return f'"""Functions of {name}."""\n\n{body}\n'


def _repositories() -> dict[str, dict[str, str | bytes]]:
    ada: dict[str, str | bytes] = {
        "ada/core.py": _module("core"),
        "ada/extra.py": _module("extra").rstrip("\n"),
        "ada/wide.py": f"x = 1\ny = '{'wide ' * 300}'\n",
        "ada/dense.py": "1234567890 = 0\n" * 40 + f"# {'9' * 1200}\n",
        "logo.png": b"\x89PNG\r\n\x1a\n" + bytes(range(256)),
        "empty.py": "",
        HOSTILE_NAME: _module("hostile", 5),
    }
    bob: dict[str, str | bytes] = {
        "Program.cs": "using System;\nclass Program {\n  static void Main() { }\n}\n",
        "a b+c%20[d]*.cpp": "#include <vector>\nint main() { return static_cast<int>(0); }\n",
        "copy/core.py": _module("core"),
        "copy/hostile.py": _module("hostile", 5),
        "copy/near.py": _module("extra") + "\n# one line more\n",
    }
    return {"ada__tools": ada, "bob__tools": bob}


def _commit(folder: Path, files: Mapping[str, str | bytes]) -> None:
    folder.mkdir(parents=True)
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    date = "2022-03-01T12:00:00+0000"
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "GIT_CONFIG_NOSYSTEM": "1"}
    environment |= {"GIT_AUTHOR_DATE": date, "GIT_COMMITTER_DATE": date}
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    for command in (
        ["init", "-q", "-b", "main"],
        ["add", "-A"],
        [*identity, "commit", "-qm", "one"],
    ):
        subprocess.run(["git", *command], cwd=folder, env=environment, check=True)


def _warc_record(url: str, body: str) -> bytes:
    http = f"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n\r\n{body}".encode()
    head = (
        "WARC/1.0\r\nWARC-Type: response\r\n"
        f"WARC-Record-ID: <urn:uuid:00000000-0000-4000-8000-{len(body):012d}>\r\n"
        f"WARC-Date: 2023-01-01T00:00:00Z\r\nWARC-Target-URI: {url}\r\n"
        f"Content-Type: application/http; msgtype=response\r\nContent-Length: {len(http)}\r\n\r\n"
    )
    return head.encode() + http + b"\r\n\r\n"


def _write_pages(path: Path) -> None:
    with io.BytesIO() as stream:
        for i in range(4):
            lines = "".join(
                f"<p>The sum of the first {n} numbers is {n * (n + i)}.</p>" for n in range(30)
            )
            page = f"<html lang=en><body><main><h1>Sums {i}</h1>{lines}</main></body></html>"
            stream.write(_warc_record(f"https://math{i % 2}.example.org/sums/{i}", page))
        path.write_bytes(stream.getvalue())


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A build that tests only read; the recipe lies beside it."""
    base = tmp_path_factory.mktemp("audited")
    for name, files in _repositories().items():
        _commit(base / "repositories" / name, files)
    metadata = {
        "file": "repositories/ada__tools",
        "full_name": HOSTILE_REPOSITORY,
        "created_at": "2021-05-06T07:08:09Z",
        "stargazers_count": 12,
        "license": {"spdx_id": "MIT"},
    }
    (base / "repositories.jsonl").write_text(json.dumps(metadata) + "\n")
    _write_pages(base / "pages.warc")
    rows = [
        {"id": f"p{i}", "language": "en", "text": f"Chapter {i}.\n" + f"It was day {i}. " * (i + 9)}
        for i in range(12)
    ]
    (base / "prose.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (base / "recipe.toml").write_text(RECIPE)
    out = base / "out"
    result = build(
        str(base / "recipe.toml"),
        out=str(out),
        executor=LocalExecutor(),
        observer=JsonLines(io.StringIO()),
    )
    assert not result.failures, result.failures
    return out


@pytest.fixture
def copied(built: Path, tmp_path: Path) -> Path:
    """A copy of the build that a test may damage."""
    ignore = shutil.ignore_patterns("work")
    return Path(shutil.copytree(built, tmp_path / "copied", ignore=ignore))


@pytest.fixture(scope="session")
def inputs(built: Path) -> Path:
    """The folder of the inputs that the build was made from."""
    return built.parent
