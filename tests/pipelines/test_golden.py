"""A golden digest per stage: output may only change together with the stage's version.

The digest is of the rows, not of the Parquet bytes, which change with the library that writes them.
"""

import json
import sys
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gristmill.pipelines.build import build
from gristmill.pipelines.executors import LocalExecutor
from gristmill.pipelines.progress import JsonLines

if TYPE_CHECKING:
    from ..conftest import Corpus

GOLDEN = Path(__file__).with_name("golden.json")
GOLDEN_WEB = Path(__file__).with_name("golden_web.json")
GOLDEN_HELD_OUT = Path(__file__).with_name("golden_held_out.json")
GOLDEN_REDACTION = Path(__file__).with_name("golden_redaction.json")
REDACTION_RECIPE = """\
name = "redacted"

[[source]]
name = "prose"
kind = "documents"
component = "text"
paths = ["prose.jsonl"]

[redaction]
text = ["email", "key"]

[mixture.weights]
text = 1.0
"""
WEB_RECIPE = """\
name = "web"

[[source]]
name = "web"
kind = "warc"
component = "text"
paths = ["*.warc"]

[rules.any]  # asks for the signals of pages and drops none
signal = "prose_chars"
min = 0

[dedup.boilerplate]
min_pages = 2

[mixture.weights]
text = 1.0
"""
HELD_OUT_STAGES = [
    *("held_out_units", "held_out_choice", "held_out_copies", "held_out_fates", "hold_out"),
    *("held_out_samples", "held_out_tokens", "held_out_pack"),
]
WEB_STAGES = [
    *("pages", "same_page", "page_fates", "page_keepers"),
    *("lines", "line_pages", "common_lines", "trim", "page_signals"),
]


def rows_digest(table: pa.Table) -> str:
    """Return a digest of a table's rows as Python shows them; floats to nine digits."""
    hasher = blake2b(digest_size=8)
    for row in table.to_pylist():
        hasher.update(json.dumps(row, default=_plain, sort_keys=True).encode())
    return hasher.hexdigest()


def _plain(value: object) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)


def stage_digests(out: Path) -> dict[str, str]:
    """Return `stage vVERSION` -> digest over all of its artifacts, by the shard's name."""
    found: dict[str, str] = {}
    for stage in sorted((out / "work").iterdir()):
        manifests = sorted(stage.glob("*/*.json")) if stage.is_dir() else []
        if not manifests:
            continue
        hasher = blake2b(digest_size=8)
        versions = set()
        for path in manifests:
            versions.add(json.loads(path.read_text())["version"])
            hasher.update(path.parent.name.encode())
            hasher.update(rows_digest(pq.read_table(path.with_suffix(".parquet"))).encode())
        (version,) = versions
        found[f"{stage.name} v{version}"] = hasher.hexdigest()
    return found


def test_no_stage_changes_its_output_without_a_new_version(
    corpus: "Corpus", request: pytest.FixtureRequest
) -> None:
    corpus.write(order="dependency")
    _write_drifts(corpus.base / "prose/drifts.jsonl")
    build(
        str(corpus.recipe),
        out=str(corpus.out),
        executor=LocalExecutor(),
        observer=JsonLines(sys.stderr),
    )
    found = stage_digests(corpus.out)
    if request.config.getoption("--update-golden"):
        GOLDEN.write_text(json.dumps(found, indent=1) + "\n")
    assert found == json.loads(GOLDEN.read_text())


def _write_drifts(path: Path) -> None:
    """Write texts that change a little from one to the next, some of them twice."""
    rows = []
    for family in range(6):
        words = [f"family{family}word{i}" for i in range(90)]
        for step in range(5):
            words[step * 9 : step * 9 + 4] = [f"step{step}word{i}" for i in range(4)]
            rows.append({"id": f"{family}-{step}", "language": "en", "text": " ".join(words)})
    copies = [{**row, "id": f"{row['id']}-copy"} for row in rows[::7]]
    path.write_text("".join(json.dumps(row) + "\n" for row in [*rows, *copies]))


def _capture(url: str, topic: str) -> bytes:
    lines = "".join(f"Line {n} says that {topic} is number {n * 7}.\n" for n in range(20))
    page = f"Home | Products | Contact and imprint\n{lines}"
    http = f"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n{page}".encode()
    head = (
        f"WARC/1.0\r\nWARC-Type: response\r\nWARC-Record-ID: <urn:x:{topic}>\r\n"
        f"WARC-Target-URI: {url}\r\nContent-Type: application/http; msgtype=response\r\n"
        f"Content-Length: {len(http)}\r\n\r\n"
    )
    return head.encode() + http + b"\r\n\r\n"


def test_no_stage_of_web_pages_changes_its_output_without_a_new_version(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    urls = ("http://a.example/1", "https://www.a.example/1/", "http://a.example/2")
    captures = [
        _capture(url, topic) for url, topic in zip(urls, ("ant", "bee", "cat"), strict=True)
    ]
    (tmp_path / "one.warc").write_bytes(b"".join(captures))
    (tmp_path / "two.warc").write_bytes(_capture("http://b.example", "bee"))
    (tmp_path / "recipe.toml").write_text(WEB_RECIPE)
    build(
        str(tmp_path / "recipe.toml"),
        out=str(tmp_path / "out"),
        executor=LocalExecutor(),
        observer=JsonLines(sys.stderr),
    )
    found = {
        stage: digest
        for stage, digest in stage_digests(tmp_path / "out").items()
        if stage.split(" ")[0] in WEB_STAGES
    }
    if request.config.getoption("--update-golden"):
        GOLDEN_WEB.write_text(json.dumps(found, indent=1) + "\n")
    assert found == json.loads(GOLDEN_WEB.read_text())
    assert len(found) == len(WEB_STAGES)


def test_redaction_does_not_change_its_output_without_a_new_version(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    secrets = ["ada@lovelace.org", "93.184.216.34", "ghp_" + "a1B2c3D4e5F6" * 3, "nobody"]
    secrets += ["password = 'r4nd0m-Sw3et+pw'", "https://ada:Sw0rdf1sh@db.nowhere.org"]
    rows = [
        {"id": str(i), "language": "en", "text": f"Write to {secret} twice: {secret}\n"}
        for i, secret in enumerate(secrets)
    ]
    (tmp_path / "prose.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "recipe.toml").write_text(REDACTION_RECIPE)
    build(
        str(tmp_path / "recipe.toml"),
        out=str(tmp_path / "out"),
        executor=LocalExecutor(),
        observer=JsonLines(sys.stderr),
    )
    found = {
        stage: digest
        for stage, digest in stage_digests(tmp_path / "out").items()
        if stage.split(" ")[0] in ("sensitive", "redact")
    }
    if request.config.getoption("--update-golden"):
        GOLDEN_REDACTION.write_text(json.dumps(found, indent=1) + "\n")
    assert found == json.loads(GOLDEN_REDACTION.read_text())
    assert len(found) == 2


def test_holding_out_does_not_change_its_output_without_a_new_version(
    corpus: "Corpus", request: pytest.FixtureRequest
) -> None:
    corpus.write(extra="\n[held_out]\nfraction = 0.4\n")
    build(
        str(corpus.recipe),
        out=str(corpus.out),
        executor=LocalExecutor(),
        observer=JsonLines(sys.stderr),
    )
    found = {
        stage: digest
        for stage, digest in stage_digests(corpus.out).items()
        if stage.split(" ")[0] in HELD_OUT_STAGES
    }
    if request.config.getoption("--update-golden"):
        GOLDEN_HELD_OUT.write_text(json.dumps(found, indent=1) + "\n")
    assert found == json.loads(GOLDEN_HELD_OUT.read_text())
    assert len(found) == len(HELD_OUT_STAGES)
