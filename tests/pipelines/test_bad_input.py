"""Bad input costs itself and nothing else: a row with its reason, or one clear line, never a trace."""

import gzip
import io
import json
import os
import re
import subprocess
import sys
import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

if TYPE_CHECKING:
    from ..conftest import Corpus

    CopyCorpus = Callable[[Path, Path], Corpus]

MORE_SOURCES = """
[read]
max_archive_bytes = 4_000_000

[[source]]
name = "pages"
kind = "warc"
component = "text"
paths = ["pages/*"]

[[source]]
name = "tables"
kind = "documents"
component = "text"
paths = ["tables/*.parquet"]
"""

LedgerRow = dict[str, object]


class Built(NamedTuple):
    """A corpus and what the command said when it was built."""

    corpus: "Corpus"
    rows: list[LedgerRow]
    stderr: str


def gristmill(*arguments: str, timeout: float = 120) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "gristmill", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)


def build(corpus: "Corpus", out: str | None = None) -> "subprocess.CompletedProcess[str]":
    where = out or str(corpus.out)
    return gristmill("build", str(corpus.recipe), "--out", where, "--workers", "0")


def ledger(out: Path) -> list[LedgerRow]:
    rows: list[LedgerRow] = pq.read_table(out / "ledger").to_pylist()
    return rows


def partial_files(out: Path) -> list[Path]:
    return [path for path in out.rglob("*") if path.name.endswith(".partial")]


def tar_of(files: Mapping[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return stream.getvalue()


def code(name: str) -> bytes:
    """Return a Python file unlike those of other names."""
    lines = (f"def {name}_{i}():\n    return '{name} number {i}'" for i in range(12))
    return ("\n".join(lines) + "\n").encode()


def page(name: str) -> str:
    return f"<main>{''.join(f'<p>{name} has a paragraph {i}.</p>' for i in range(20))}</main>"


def _write_healthy(corpus: "Corpus", warc_record: Callable[[str, str], bytes]) -> None:
    corpus.write(extra=MORE_SOURCES)
    for folder in ("pages", "tables"):
        (corpus.base / folder).mkdir()
    record = warc_record("https://good.example.org/", page("good"))
    (corpus.base / "pages/good.warc.gz").write_bytes(gzip.compress(record, mtime=0))
    _write_table(corpus.base / "tables/good.parquet", "good")


def _write_table(path: Path, name: str) -> None:
    texts = [f"Verse {i} of {name}. " + f"{name} {i} " * 30 for i in range(300)]
    pq.write_table(pa.table({"text": texts}), path, row_group_size=100, compression="none")


def _write_damage(
    base: Path,
    warc_record: Callable[[str, str], bytes],
    repository: Callable[[Path, Mapping[str, str | bytes]], Path],
) -> None:
    _damage_pages(base / "pages", warc_record)
    _damage_tables(base / "tables")
    _damage_repositories(base / "repositories", repository)
    lines: list[bytes] = [
        b'{"id": "after", "text": "There is a good line after all of the damage."}',
        b'{"id": "cut", "text": "There is no',
        b'{"id": "nul", "text": "There is a \\u0000 in it"}',
        b'{"id": "surrogate", "text": "There is half \\ud800 a character"}',
        b'{"id": "bytes", "text": "\xff\xfe\x80"}',
        b'{"id": "textless"}',
        b'{"id": "line", "text": "' + b"x" * 10_000_000 + b'"}',
    ]
    (base / "prose/odd.jsonl").write_bytes(b"\n".join([*lines[1:], lines[0], b""]))


def _damage_pages(folder: Path, warc_record: Callable[[str, str], bytes]) -> None:
    cut = [warc_record(f"https://cut.example.org/{i}", page(f"cut {i}")) for i in range(3)]
    members = b"".join(gzip.compress(record, mtime=0) for record in cut)
    (folder / "cut.warc.gz").write_bytes(members[:-60])
    lying = [warc_record(f"https://lying.example.org/{i}", page(f"lying {i}")) for i in range(3)]
    head, empty_line, body = lying[1].partition(b"\r\n\r\n")
    lying[1] = re.sub(rb"Content-Length: \d+", b"Content-Length: 99999", head) + empty_line + body
    (folder / "lying.warc").write_bytes(b"".join(lying))


def _damage_tables(folder: Path) -> None:
    _write_table(folder / "flipped.parquet", "flipped")
    with pq.ParquetFile(folder / "flipped.parquet") as file:
        second = file.metadata.row_group(1).column(0)
        start = second.dictionary_page_offset or second.data_page_offset
    data = bytearray((folder / "flipped.parquet").read_bytes())
    data[start : start + 200] = b"\xff" * 200
    (folder / "flipped.parquet").write_bytes(data)
    _write_table(folder / "cut.parquet", "cut")
    (folder / "cut.parquet").write_bytes((folder / "cut.parquet").read_bytes()[:-100])


def _damage_repositories(
    folder: Path, repository: Callable[[Path, Mapping[str, str | bytes]], Path]
) -> None:
    names = ("missing", "flipped", "sound")
    broken = repository(folder / "broken", {f"{name}.py": code(name) for name in names})
    _loose_object(broken, "missing.py").unlink()
    _loose_object(broken, "flipped.py").write_bytes(b"this is no object")
    files = {"top/fine.py": code("fine"), "../../outside.py": code("outside")}
    (folder / "outside.tar.gz").write_bytes(tar_of(files))
    bomb = {"top/first.py": code("first")} | {f"top/{i}.txt": bytes(1 << 20) for i in range(40)}
    (folder / "bomb.tar.gz").write_bytes(tar_of(bomb))
    odd = folder / "odd"
    odd.mkdir()
    (odd / "line.js").write_bytes(b"var x = 1; " * 1_000_000)
    (odd / "nul.py").write_bytes(b"x = 1\n\0\0\0\0" * 50)
    (odd / "bytes.py").write_bytes(b"\xff\xfe\x80\x81\x8d\x8f\x90\n" * 50)
    (odd / "fine.py").write_bytes(code("odd"))
    (odd / "self").symlink_to(".")
    (odd / "there").symlink_to("back")
    (odd / "back").symlink_to("there")


def _loose_object(folder: Path, name: str) -> Path:
    command = ["git", "rev-parse", f"HEAD:{name}"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    identity = done.stdout.strip()
    path = folder / ".git/objects" / identity[:2] / identity[2:]
    path.chmod(0o644)
    return path


@pytest.fixture(scope="module")
def healthy(
    template: Path,
    tmp_path_factory: pytest.TempPathFactory,
    copied_corpus: "CopyCorpus",
    warc_record: Callable[[str, str], bytes],
) -> Built:
    """The corpus without any damage."""
    corpus = copied_corpus(template, tmp_path_factory.mktemp("healthy") / "corpus")
    _write_healthy(corpus, warc_record)
    done = build(corpus)
    assert done.returncode == 0, done.stderr
    return Built(corpus, ledger(corpus.out), done.stderr)


@pytest.fixture(scope="module")
def damaged(
    template: Path,
    tmp_path_factory: pytest.TempPathFactory,
    copied_corpus: "CopyCorpus",
    warc_record: Callable[[str, str], bytes],
    repository: Callable[[Path, Mapping[str, str | bytes]], Path],
) -> Built:
    """The same corpus with every kind of damage among its inputs, built by the command."""
    corpus = copied_corpus(template, tmp_path_factory.mktemp("damaged") / "corpus")
    _write_healthy(corpus, warc_record)
    _write_damage(corpus.base, warc_record, repository)
    done = build(corpus)
    assert done.returncode == 0, done.stderr
    return Built(corpus, ledger(corpus.out), done.stderr)


def test_x(damaged: Built) -> None:
    for row in damaged.rows:
        if row["read_drop"] if "read_drop" in row else row["dropped_by"]:
            print(row["collection"], row["path"], row["dropped_by"], row["num_bytes"], row["read_error"])
    assert 0
