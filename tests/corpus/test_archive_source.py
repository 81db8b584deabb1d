"""An archive is read as a stream: hostile names, bombs and cut ends become rows."""

import bz2
import gzip
import io
import lzma
import random
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from gristmill.corpus.memo import DigestMemo
from gristmill.corpus.record import Record
from gristmill.corpus.sources import ReadLimits, SourceSpec, list_units, read_unit

COMMIT = "0123456789abcdef0123456789abcdef01234567"
NOISE = random.Random(1).randbytes(200_000).hex().encode()


def member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    return info


def tar(files: dict[str, bytes], *others: tarfile.TarInfo, comment: str = "") -> bytes:
    stream = io.BytesIO()
    headers = {"comment": comment} if comment else {}
    with tarfile.open(fileobj=stream, mode="w", pax_headers=headers) as archive:
        for name, data in files.items():
            info = member(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
        for info in others:
            archive.addfile(info)
    return stream.getvalue()


def read(
    folder: Path, data: bytes, name: str = "a.tar", limits: ReadLimits | None = None
) -> list[Record]:
    (folder / name).write_bytes(data)
    spec = SourceSpec(name="s", kind="repository", component="code", paths=(name,))
    (unit,) = list_units(spec, base=str(folder), memo=DigestMemo())
    return list(read_unit(unit, limits or ReadLimits()))


def by_path(records: list[Record]) -> dict[str, str | None]:
    return {record.path: record.read_drop or record.text for record in records}


@pytest.mark.parametrize(
    ("name", "pack"),
    [
        ("a.tar", bytes),
        ("a.tar.gz", gzip.compress),
        ("a.tgz", gzip.compress),
        ("a.tar.xz", lzma.compress),
        ("a.tar.bz2", bz2.compress),
        ("a.tar.zst", zstandard.ZstdCompressor().compress),
    ],
)
def test_a_github_archive_is_read(
    tmp_path: Path, name: str, pack: Callable[[bytes], bytes]
) -> None:
    files = {"o-r-01/src/a.py": b"x = 1\n", "o-r-01/LICENSE": b"MIT", "o-r-01/LICENSES/B": b"B"}
    rows = read(tmp_path, pack(tar(files, comment=COMMIT)), name)
    assert by_path(rows) == {"src/a.py": "x = 1\n", "LICENSE": "MIT", "LICENSES/B": "B"}
    assert {row.revision for row in rows} == {COMMIT}
    assert {row.licence_files for row in rows} == {("LICENSE", "LICENSES/B")}
    assert {row.collection for row in rows} == {"a"}


def test_only_a_single_top_folder_is_stripped(tmp_path: Path) -> None:
    assert set(by_path(read(tmp_path, tar({"a/x": b"1", "b/y": b"2"})))) == {"a/x", "b/y"}
    assert set(by_path(read(tmp_path, tar({"a/x": b"1", "y": b"2"})))) == {"a/x", "y"}


def test_hostile_members_are_rows_and_nothing_is_written(tmp_path: Path) -> None:
    data = tar(
        {"../../evil": b"x", "/etc/evil": b"x", "t/ok": b"fine"},
        member("t/link", tarfile.SYMTYPE, "/etc/passwd"),
        member("t/hard", tarfile.LNKTYPE, "t/ok"),
        member("t/outside", tarfile.LNKTYPE, "/etc/passwd"),
        member("t/null", tarfile.CHRTYPE),
        member("t/pipe", tarfile.FIFOTYPE),
    )
    assert by_path(read(tmp_path, data)) == {
        "../../evil": "unsafe_path",
        "/etc/evil": "unsafe_path",
        "ok": "fine",
        "hard": "fine",
        "link": "symlink",
        "outside": "special_file",
        "null": "special_file",
        "pipe": "special_file",
    }
    assert [path.name for path in tmp_path.iterdir()] == ["a.tar"]


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
def test_a_bomb_is_cut_off_and_said_to_be_one(
    tmp_path: Path, pack: Callable[[bytes], bytes]
) -> None:
    data = pack(tar({"t/a": b"text", "t/zeros": bytes(20 << 20), "t/b": b"late"}))
    first, *_, last = read(tmp_path, data, "a.tar.gz")
    assert first.text == "text"
    assert (last.read_drop, last.path) == ("corrupt", "")
    assert "more than 200 times its size" in (last.read_error or "")


def test_the_unpacked_size_has_a_limit(tmp_path: Path) -> None:
    files = {f"t/{i}": NOISE for i in range(9)}
    rows = read(tmp_path, tar(files), limits=ReadLimits(max_archive_bytes=1 << 20))
    assert [row.read_drop for row in rows] == [None, None, "corrupt"]


@pytest.mark.parametrize("pack", [bytes, gzip.compress, zstandard.ZstdCompressor().compress])
@pytest.mark.parametrize("share", [0.5, 0.99])
def test_a_cut_archive_keeps_what_came_before(
    tmp_path: Path, pack: Callable[[bytes], bytes], share: float
) -> None:
    texts = [random.Random(i).randbytes(200_000).hex() for i in range(5)]
    data = pack(tar({f"t/{i}": text.encode() for i, text in enumerate(texts)}))
    *good, last = read(tmp_path, data[: int(len(data) * share)])
    assert len(good) == int(5 * share)
    assert [row.text for row in good] == texts[: len(good)]
    assert last.read_drop == "corrupt"
    assert "at byte" in (last.read_error or "")


def test_a_plain_archive_cut_between_two_members_is_noticed(tmp_path: Path) -> None:
    data = tar({"t/a": b"x" * 512, "t/b": b"y"})
    good, last = read(tmp_path, data[:1024])
    assert good.text == "x" * 512
    assert "no end-of-archive mark" in (last.read_error or "")


def test_a_damaged_header_is_not_taken_for_the_end(tmp_path: Path) -> None:
    data = bytearray(tar({"t/a": b"x" * 512, "t/b": b"y"}))
    data[1024:1030] = b"\xff" * 6
    rows = read(tmp_path, bytes(data))
    assert [row.read_drop for row in rows] == [None, "corrupt"]


def test_a_wrong_checksum_at_the_end_is_noticed(tmp_path: Path) -> None:
    data = bytearray(gzip.compress(tar({"t/a": b"x"})))
    data[-8] ^= 255
    good, last = read(tmp_path, bytes(data))
    assert (good.text, last.read_drop) == ("x", "corrupt")


def test_an_extension_header_of_any_length_is_refused(tmp_path: Path) -> None:
    rows = read(tmp_path, tar({"t/" + "x" * 2_000_000: b"1"}))
    assert [row.read_drop for row in rows] == ["corrupt"]


@pytest.mark.parametrize("data", [b"", b"x", b"\x1f\x8b\x08", b"<html>" * 999])
def test_what_is_no_archive_is_one_corrupt_row(tmp_path: Path, data: bytes) -> None:
    assert [row.read_drop for row in read(tmp_path, data)] == ["corrupt"]
