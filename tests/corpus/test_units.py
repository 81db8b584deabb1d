"""Units are named by what they hold; mistakes in a recipe are told before anything is read."""

import json
import os
from pathlib import Path

import pytest

from gristmill.corpus.errors import GristmillError
from gristmill.corpus.memo import DigestMemo
from gristmill.corpus.sources import ReadLimits, SourceSpec, Unit, list_units, read_unit


def units(folder: Path, *paths: str, memo: DigestMemo | None = None, **fields: str) -> list[Unit]:
    options = {"name": "s", "kind": "repository", "component": "code", **fields}
    spec = SourceSpec(paths=paths, **options)  # type: ignore[arg-type]
    return list_units(spec, base=str(folder), memo=memo or DigestMemo())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("one", "two"):
        (tmp_path / "repos" / name / "src").mkdir(parents=True)
        (tmp_path / "repos" / name / "src/a.py").write_text(f"{name} = 1\n")
        (tmp_path / "repos" / name / "COPYING").write_text("GPL")
    return tmp_path


def test_a_folder_is_read_as_a_repository(folder: Path) -> None:
    os.mkfifo(folder / "repos/one/pipe")
    (folder / "repos/one/link").symlink_to("COPYING")
    (folder / "repos/one/nested/.git").mkdir(parents=True)
    unit, _ = units(folder, "repos/*")
    rows = {row.path: row.read_drop or row.text for row in read_unit(unit, ReadLimits())}
    assert rows == {
        "COPYING": "GPL",
        "src/a.py": "one = 1\n",
        "pipe": "special_file",
        "link": "symlink",
        "nested": "submodule",
    }


def test_units_are_sorted_and_relative(folder: Path) -> None:
    found = units(folder, "repos/two", "repos/*")
    assert [(unit.name, unit.relative) for unit in found] == [
        ("one", "repos/one"),
        ("two", "repos/two"),
    ]


def test_a_recipes_folder_may_have_brackets_in_its_name(tmp_path: Path) -> None:
    (tmp_path / "[x]*").mkdir()
    (tmp_path / "[x]*/a.txt").write_text("x")
    (unit,) = units(tmp_path / "[x]*", "*.txt", kind="documents")
    assert unit.relative == "a.txt"


def test_a_folders_digest_depends_on_content_and_mode_only(folder: Path) -> None:
    before = [unit.digest for unit in units(folder, "repos/*")]
    path = folder / "repos/one/src/a.py"
    os.utime(path, ns=(1, 1))
    assert [unit.digest for unit in units(folder, "repos/*")] == before
    path.chmod(0o755)
    after_mode = units(folder, "repos/one")[0].digest
    path.write_text("changed")
    assert len({before[0], after_mode, units(folder, "repos/one")[0].digest}) == 3
    assert units(folder, "repos/two")[0].digest == before[1]


def test_a_memo_spares_the_second_hashing(folder: Path) -> None:
    (folder / "a.txt").write_text("one")
    memo = DigestMemo()
    first = units(folder, "a.txt", memo=memo, kind="documents")[0].digest
    memo.save(str(folder / "memo.json"))
    memo = DigestMemo.load(str(folder / "memo.json"))
    status = (folder / "a.txt").stat()
    (folder / "a.txt").write_text("two")
    os.utime(folder / "a.txt", ns=(status.st_atime_ns, status.st_mtime_ns))
    assert units(folder, "a.txt", memo=memo, kind="documents")[0].digest == first
    os.utime(folder / "a.txt", ns=(1, 1))
    assert units(folder, "a.txt", memo=memo, kind="documents")[0].digest != first


def test_a_damaged_memo_says_what_to_do(folder: Path) -> None:
    (folder / "memo.json").write_text("{")
    with pytest.raises(GristmillError, match="Delete the file"):
        DigestMemo.load(str(folder / "memo.json"))


def test_metadata_names_the_repository_and_reaches_every_row(folder: Path) -> None:
    row = {
        "file": "one",
        "full_name": "owner/one",
        "created_at": "2023-01-02T03:04:05Z",
        "stargazers_count": 7,
        "license": {"key": "gpl-3.0", "spdx_id": "GPL-3.0"},
        "forks": 3,
    }
    plain = {"file": "two", "full_name": "owner/two", "license": None}
    lines = "\n".join(json.dumps(line) for line in (row, plain))
    (folder / "repos/metadata.jsonl").write_text(lines)
    one, two = units(folder, "repos/*", metadata="repos/metadata.jsonl")
    assert (one.name, two.name) == ("owner/one", "owner/two")
    record = next(read_unit(one, ReadLimits()))
    assert (record.stars, record.declared_licence) == (7, "GPL-3.0")
    assert (record.repository_created, record.licence_files) == (1672628645, ("COPYING",))


def test_damaged_metadata_names_its_line(folder: Path) -> None:
    (folder / "m.jsonl").write_text('{"file": "repos/one", "full_name": "o/one"}\n{"file": 1}\n')
    with pytest.raises(GristmillError, match="line 2"):
        units(folder, "repos/*", metadata="m.jsonl")


def test_two_inputs_of_one_name_are_refused(folder: Path) -> None:
    (folder / "more/one").mkdir(parents=True)
    with pytest.raises(GristmillError, match="both named 'one'"):
        units(folder, "repos/*", "more/*")


@pytest.mark.parametrize(
    ("pattern", "kind", "message"),
    [
        ("none/*", "repository", "no file matches"),
        ("repos/one/COPYING", "repository", "neither"),
        ("repos/one", "warc", "is a folder"),
        ("repos/one/COPYING", "documents", "format is not known"),
    ],
)
def test_a_path_that_cannot_be_read_is_refused(
    folder: Path, pattern: str, kind: str, message: str
) -> None:
    with pytest.raises(GristmillError, match=message):
        units(folder, pattern, kind=kind)


def test_a_file_that_goes_away_is_an_error_for_the_user(folder: Path) -> None:
    (folder / "a.txt").write_text("x")
    (unit,) = units(folder, "a.txt", kind="documents")
    (folder / "a.txt").unlink()
    with pytest.raises(GristmillError, match="Check the path"):
        list(read_unit(unit, ReadLimits()))
