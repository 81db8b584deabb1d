"""Bare repositories made of archives, git folders and plain folders."""

import json
import subprocess
from datetime import datetime, timezone
from pathlib import Path

import pytest

from gristmill.corpus.errors import GristmillError
from gristmill.corpus.standins.github import StandinRepository, make_repositories
from gristmill.corpus.standins.github.identity import repository_ids

FIXTURES = Path(__file__).parents[3] / "fixtures"


def listing(tmp_path: Path, *names: str) -> Path:
    lines = (FIXTURES / "repositories.jsonl").read_text(encoding="utf-8").splitlines()
    items = [json.loads(line) for line in lines]
    kept = [item | {"file": str(FIXTURES / item["file"])} for item in items]
    chosen = [item for item in kept if item["full_name"] in names or not names]
    path = tmp_path / "repositories.jsonl"
    path.write_text("".join(json.dumps(item) + "\n" for item in chosen), encoding="utf-8")
    return path


def one(tmp_path: Path, name: str) -> StandinRepository:
    return make_repositories(listing(tmp_path, name), tmp_path / "made")[0]


def git(repository: StandinRepository, *arguments: str) -> str:
    command = ["git", f"--git-dir={repository.git_dir}", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_a_bare_repository_is_served_where_it_lies(tmp_path: Path) -> None:
    lua = one(tmp_path, "lua/lua")
    assert lua.git_dir == FIXTURES / "repositories/lua__lua.git"
    assert lua.commit == git(lua, "rev-parse", "main").strip()
    assert lua.pushed_at == datetime(2024, 11, 28, 9, 14, 18, tzinfo=timezone.utc)


def test_an_archive_becomes_one_commit_of_its_files_modes_and_links(tmp_path: Path) -> None:
    made = one(tmp_path, "gristmill/edge-cases-archive")
    assert made.commit == "a0dbce70198fe1ab8c0d9d01cc987e8c42c13a52"
    rows = [row.split() for row in git(made, "ls-tree", "-r", "HEAD").splitlines()]
    modes = {row[3]: row[0] for row in rows}
    assert modes["outside.txt"] == modes["src/link.py"] == "120000"
    assert modes["README.md"] == "100644"
    assert git(made, "cat-file", "blob", "HEAD:outside.txt") == "../../outside.txt"
    assert "docs/na\N{LATIN SMALL LETTER I WITH DIAERESIS}ve file (1).md" in git(
        made, "ls-tree", "-r", "-z", "--name-only", "HEAD"
    ).split("\0")


def test_a_folder_becomes_one_commit_at_its_birth(tmp_path: Path) -> None:
    made = one(tmp_path, "hukkin/tomli")
    assert made.commit == "b09f76dfe3d7d675b07350fb929b78beab34376e"
    assert made.pushed_at == made.created_at == datetime(2021, 5, 31, tzinfo=timezone.utc)


def test_what_is_made_is_whole_and_made_once(tmp_path: Path) -> None:
    made = one(tmp_path, "hukkin/tomli")
    assert made.git_dir is not None
    git(made, "fsck", "--strict")
    before = {path: path.stat().st_mtime_ns for path in made.git_dir.rglob("*")}
    assert one(tmp_path, "hukkin/tomli") == made
    assert {path: path.stat().st_mtime_ns for path in made.git_dir.rglob("*")} == before


def test_issues_are_put_to_their_repositories(tmp_path: Path) -> None:
    chosen = listing(tmp_path, "gristmill/edge-cases", "hukkin/tomli")
    made = make_repositories(chosen, tmp_path / "made", issues=FIXTURES / "github/issues.jsonl")
    numbers = {item.full_name: [issue.number for issue in item.issues] for item in made}
    assert numbers == {"gristmill/edge-cases": [1, 2, 3, 4], "hukkin/tomli": []}
    assert made[0].issues[0].changed_at == datetime(2023, 6, 9, 17, 20, tzinfo=timezone.utc)


def test_every_repository_of_the_fixtures_can_be_made(tmp_path: Path) -> None:
    made = make_repositories(FIXTURES / "repositories.jsonl", tmp_path)
    assert len({repository.commit for repository in made}) == len(made) == 68
    by_id = sorted(made, key=lambda repository: repository.id)
    days = [
        max(repository.created_at.date(), datetime(2007, 10, 20).date()) for repository in by_id
    ]
    assert days == sorted(days)
    assert sum(repository.is_fork for repository in made) == 3


def test_an_id_depends_on_the_birth_and_the_name_alone() -> None:
    born = datetime(2020, 1, 1, tzinfo=timezone.utc)
    alone = repository_ids([("alpha/one", born)])
    among = repository_ids([("beta/two", born), ("alpha/one", born)])
    assert alone["alpha/one"] == among["alpha/one"] != among["beta/two"]


def test_a_git_that_fails_is_told_with_its_words(tmp_path: Path) -> None:
    (tmp_path / "broken.git").mkdir()
    item = {"file": "broken.git", "full_name": "a/b", "created_at": "2020-01-01T00:00:00Z"}
    path = tmp_path / "repositories.jsonl"
    path.write_text(json.dumps(item) + "\n", encoding="utf-8")
    with pytest.raises(GristmillError, match=r"git log failed: .*not a git repository"):
        make_repositories(path, tmp_path / "made")
