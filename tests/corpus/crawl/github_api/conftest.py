"""Serves what a test gives, and makes the modules that these tests share importable by name."""

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))

from github_crawl import Crawl

from gristmill.corpus.standins.github import GithubStandin, StandinRepository


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
