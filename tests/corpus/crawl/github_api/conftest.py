"""Serves the repositories that a test gives, and crawls them into its folder."""

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from gristmill.corpus.standins.github import GithubStandin, StandinRepository

from .github_crawl import Crawl


@pytest.fixture
def serve() -> Iterator[Callable[..., GithubStandin]]:
    with ExitStack() as stack:

        def start(*repositories: StandinRepository, **options: object) -> GithubStandin:
            standin = GithubStandin(repositories, **options)  # type: ignore[arg-type]
            return stack.enter_context(standin)

        yield start


@pytest.fixture
def crawl_of(tmp_path: Path) -> Callable[..., Crawl]:
    def make(standin: GithubStandin, **settings: object) -> Crawl:
        return Crawl(standin, tmp_path / "crawl", **settings)

    return make


@pytest.fixture
def bare(tmp_path: Path) -> dict[str, object]:
    """Return the fields of a repository that git can be asked about."""
    git_dir = tmp_path / "bare.git"
    roles, parts = ("AUTHOR", "COMMITTER"), ("NAME", "EMAIL")
    who = {f"GIT_{role}_{part}": "nobody" for role in roles for part in parts}

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(git_dir), *arguments]
        done = subprocess.run(command, check=True, capture_output=True, env=os.environ | who)
        return done.stdout.decode().strip()

    git_dir.mkdir()
    git("init", "--quiet", "--bare", "--initial-branch=main")
    tree = git("hash-object", "-w", "-t", "tree", os.devnull)
    commit = git("commit-tree", "-m", "first", tree)
    git("update-ref", "refs/heads/main", commit)
    return {"git_dir": git_dir, "commit": commit}
