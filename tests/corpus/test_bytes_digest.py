"""The digest of the original bytes: the same from every kind of source, and before any decoding."""

import json
import subprocess
import tarfile
from hashlib import blake2b
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gristmill.corpus.memo import DigestMemo
from gristmill.corpus.record import Record
from gristmill.corpus.sources import ReadLimits, SourceSpec, UnitKind, list_units
from gristmill.corpus.sources import read_unit as read_records

FILES = {
    "latin.c": "/* Größe */\n".encode("latin_1"),
    "wide.c": "int a;\r\n".encode("utf-16"),
    "blob.bin": b"\0\1\2",
    "empty.c": b"",
}


def digest(data: bytes) -> bytes:
    return blake2b(data, digest_size=16).digest()


def read(path: Path, kind: UnitKind) -> list[Record]:
    spec = SourceSpec(name="s", kind=kind, component="text", paths=(path.name,))
    (unit,) = list_units(spec, base=str(path.parent), memo=DigestMemo())
    return list(read_records(unit, ReadLimits(max_file_bytes=100)))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    for name, data in FILES.items():
        (folder / name).write_bytes(data)
    (folder / "huge.c").write_bytes(b"x" * 101)
    (folder / "link").symlink_to("latin.c")
    return folder


def packed(folder: Path) -> Path:
    path = folder.with_suffix(".tar.gz")
    with tarfile.open(path, "w:gz") as archive:
        archive.add(folder, "project-1")
    return path


def committed(folder: Path) -> Path:
    identity = ("-c", "user.name=a", "-c", "user.email=a@b", "-c", "core.autocrlf=false")
    for arguments in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "x"]):
        subprocess.run(["git", *identity, "-C", str(folder), *arguments], check=True)
    return folder


@pytest.mark.parametrize("make", [packed, committed, Path])
def test_every_kind_of_repository_keeps_the_digest_of_its_files(folder: Path, make: object) -> None:
    assert callable(make)
    rows = {row.path: row for row in read(make(folder), "repository")}
    assert {name: rows[name].bytes_digest for name in FILES} == {
        name: digest(data) for name, data in FILES.items()
    }
    assert rows["huge.c"].bytes_digest is rows["link"].bytes_digest is None


def test_a_text_document_keeps_the_digest_of_its_file(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(FILES["latin.c"])
    (row,) = read(tmp_path / "a.txt", "documents")
    assert (row.text, row.bytes_digest) == ("/* Größe */\n", digest(FILES["latin.c"]))


def test_a_json_line_keeps_the_digest_of_the_line(tmp_path: Path) -> None:
    lines = [json.dumps({"text": "é"}).encode(), b"{no json", b'{"text": "\\ud800"}', b"[1]"]
    (tmp_path / "a.jsonl").write_bytes(b"\n".join(lines))
    rows = read(tmp_path / "a.jsonl", "documents")
    assert [row.bytes_digest for row in rows] == [digest(line) for line in lines]


def test_a_parquet_value_keeps_the_digest_of_its_bytes_even_if_they_are_no_text(
    tmp_path: Path,
) -> None:
    values = [b"fine", "gr\u00fcn".encode(), b"bad \xff"]
    column = pa.array(values, pa.binary()).cast(pa.string(), safe=False)
    pq.write_table(pa.table({"text": column}), tmp_path / "a.parquet")
    rows = read(tmp_path / "a.parquet", "documents")
    assert [row.bytes_digest for row in rows] == [digest(value) for value in values]


def test_a_page_keeps_the_digest_of_its_payload(tmp_path: Path) -> None:
    payload = "<html><body><p>Größe</p></body></html>".encode("latin_1")
    block = b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=latin1\r\n\r\n" + payload
    head = (
        "WARC/1.0\r\nWARC-Type: response\r\nWARC-Target-URI: http://host.org/\r\n"
        "WARC-Record-ID: <urn:uuid:a>\r\nContent-Type: application/http; msgtype=response\r\n"
        f"Content-Length: {len(block)}\r\n\r\n"
    )
    (tmp_path / "a.warc").write_bytes(head.encode() + block + b"\r\n\r\n")
    (row,) = read(tmp_path / "a.warc", "warc")
    assert row.bytes_digest == digest(payload)
