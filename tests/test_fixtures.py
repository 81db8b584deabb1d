"""The committed inputs: whole, licence-clean, small, and readable by the real readers."""

import csv
import hashlib
import json
import subprocess
from pathlib import Path

import pytest
from fastwarc.warc import ArchiveIterator, WarcRecordType

FIXTURES = Path(__file__).resolve().parent.parent / "fixtures"
MAX_TOTAL_BYTES = 10_000_000
UNLISTED = {"NOTICE.tsv", "README.md"}
LICENCES = {
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "CC0-1.0",
    "ISC",
    "MIT",
    "MIT OR Apache-2.0",
    "PSF-2.0",
    "PostgreSQL",
    "Zlib",
    "public-domain",
}


def fixture_files() -> dict[str, Path]:
    paths = (path for path in FIXTURES.rglob("*") if path.is_file() or path.is_symlink())
    return {path.relative_to(FIXTURES).as_posix(): path for path in paths}


def notice() -> list[dict[str, str]]:
    with (FIXTURES / "NOTICE.tsv").open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))


def warcs() -> list[Path]:
    return sorted((FIXTURES / "web").rglob("*.warc.*"))


def bare_repositories() -> list[Path]:
    return sorted((FIXTURES / "repositories").glob("*.git"))


def test_the_notice_names_every_file_once_and_no_other() -> None:
    present = {
        name
        for name in fixture_files()
        if name not in UNLISTED and not name.startswith(("licences/", "golden/"))
    }
    assert [row["path"] for row in notice()] == sorted(present)


def test_every_file_has_the_bytes_that_the_notice_says() -> None:
    for row in notice():
        content = (FIXTURES / row["path"]).read_bytes()
        found = (str(len(content)), hashlib.sha256(content).hexdigest())
        assert found == (row["bytes"], row["sha256"]), row["path"]


def test_every_licence_is_one_of_the_allowed_ones() -> None:
    assert {row["licence"] for row in notice()} <= LICENCES


def test_every_origin_has_its_licence_text() -> None:
    texts = {path.stem for path in (FIXTURES / "licences").iterdir()}
    for row in notice():
        if row["origin"].startswith("made by"):
            continue
        packages = [part.split() for part in row["origin"].split("; ")]
        named = {word.lstrip("@").replace("/", "-") for part in packages for word in part}
        assert named & texts, row["origin"]


def test_the_fixtures_are_no_larger_than_ten_megabytes() -> None:
    assert sum(path.lstat().st_size for path in fixture_files().values()) <= MAX_TOTAL_BYTES


def test_a_checkout_holds_no_link_and_no_ignore_file() -> None:
    for name, path in fixture_files().items():
        assert not path.is_symlink(), name
        assert path.name not in {".gitignore", ".gitattributes", ".gitmodules"}, name


def test_the_repository_list_names_every_repository() -> None:
    lines = (FIXTURES / "repositories.jsonl").read_text(encoding="utf-8").splitlines()
    listed = [json.loads(line)["file"] for line in lines]
    present = {f"repositories/{path.name}" for path in (FIXTURES / "repositories").iterdir()}
    assert len(listed) == len(set(listed))
    assert set(listed) == present


@pytest.mark.parametrize("path", bare_repositories(), ids=lambda path: path.name)
def test_git_finds_no_fault_in_a_bare_repository(path: Path) -> None:
    check = subprocess.run(
        ["git", "--git-dir", str(path), "fsck", "--strict", "--no-progress"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (check.returncode, check.stdout) == (0, ""), check.stderr


@pytest.mark.parametrize("path", bare_repositories(), ids=lambda path: path.name)
def test_a_bare_repository_needs_no_empty_folder(path: Path) -> None:
    empty = [folder for folder in path.rglob("*") if folder.is_dir() and not any(folder.iterdir())]
    assert empty == []
    assert (path / "refs" / "heads" / "main").is_file()


@pytest.mark.parametrize("path", warcs(), ids=lambda path: path.name)
def test_a_warc_file_reads_as_info_then_request_and_response_pairs(path: Path) -> None:
    with path.open("rb") as stream:
        kinds = [record.record_type for record in ArchiveIterator(stream, parse_http=False)]
    assert kinds[0] == WarcRecordType.warcinfo
    assert len(kinds) > 10
    assert set(kinds_as_text(kinds[1::2])) == {"request"}
    assert set(kinds_as_text(kinds[2::2])) == {"response"}


def kinds_as_text(kinds: list[WarcRecordType]) -> list[str]:
    return [str(kind).rsplit(".", 1)[-1] for kind in kinds]
