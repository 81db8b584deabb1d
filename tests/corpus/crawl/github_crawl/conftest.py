"""A GitHub of real repositories on loopback, and crawls of it as the command line runs them."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gristmill.corpus.standins.github import (
    GithubStandin,
    StandinRepository,
    make_repositories,
)

from .crawl_runs import FEW, FIXTURES, Runs

Repositories = tuple[StandinRepository, ...]


def listing_of(names: frozenset[str] | None, target: Path) -> Path:
    """Write the lines of some fixture repositories, with paths that hold anywhere."""
    lines = (FIXTURES / "repositories.jsonl").read_text(encoding="utf-8").splitlines()
    listed = [json.loads(line) for line in lines]
    chosen = [
        line | {"file": str(FIXTURES / line["file"])}
        for line in listed
        if names is None or line["full_name"] in names
    ]
    target.write_text("".join(json.dumps(line) + "\n" for line in chosen), encoding="utf-8")
    return target


@pytest.fixture(scope="session")
def few(tmp_path_factory: pytest.TempPathFactory) -> Repositories:
    """Some small repositories, one of them with everything odd."""
    folder = tmp_path_factory.mktemp("few")
    listing = listing_of(FEW, folder / "few.jsonl")
    issues = FIXTURES / "github/issues.jsonl"
    return make_repositories(listing, folder / "made", issues=issues)


@pytest.fixture(scope="session")
def every(tmp_path_factory: pytest.TempPathFactory) -> Repositories:
    """All fixture repositories."""
    folder = tmp_path_factory.mktemp("every")
    return make_repositories(listing_of(None, folder / "every.jsonl"), folder / "made")


@pytest.fixture
def github(few: Repositories) -> Iterator[GithubStandin]:
    with GithubStandin(few) as standin:
        yield standin


@pytest.fixture
def runs_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Runs]:
    """Crawls of a stand-in into one folder."""
    monkeypatch.setenv("GITHUB_TOKEN", "loopback-token")

    def make(standin: GithubStandin, **settings: object) -> Runs:
        return Runs(standin, tmp_path / "out", settings)

    return make
