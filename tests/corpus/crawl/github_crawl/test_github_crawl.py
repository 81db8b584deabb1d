"""A crawl of GitHub, whole: what it stores, what it asks, and what it leaves out."""

import json
import threading
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import msgspec
import pytest

from gristmill.corpus.crawl.github.files import RepositoryFile
from gristmill.corpus.crawl.github.watched import Watched
from gristmill.corpus.crawl.settings import CrawlSettings, GithubCrawl, Standins
from gristmill.corpus.memo import DigestMemo
from gristmill.corpus.record import Record
from gristmill.corpus.sources import ReadLimits, SourceSpec, list_units, read_unit
from gristmill.corpus.standins.github import GithubStandin, StandinRepository
from gristmill.pipelines.crawl import run_crawls

from .crawl_runs import FEW, FIXTURES, Runs, alike

RunsOf = Callable[..., Runs]
Repositories = tuple[StandinRepository, ...]


@pytest.fixture
def serve() -> Iterator[Callable[..., GithubStandin]]:
    open_ones: list[GithubStandin] = []

    def start(repositories: Repositories) -> GithubStandin:
        open_ones.append(GithubStandin(repositories).__enter__())
        return open_ones[-1]

    yield start
    for standin in open_ones:
        standin.__exit__(None, None, None)


def changed(repositories: Repositories, name: str, **changes: object) -> Repositories:
    return tuple(
        msgspec.structs.replace(each, **changes) if each.full_name == name else each
        for each in repositories
    )


def read_by_git(repositories: Repositories, folder: Path) -> list[Record]:
    """Return the rows that the git reader gives on the very repositories that were served."""
    lines = [
        {
            "file": str(each.git_dir),
            "full_name": each.full_name,
            "created_at": each.created_at.isoformat(),
            "stargazers_count": each.stars,
            "license": {"spdx_id": each.licence} if each.licence else None,
        }
        for each in repositories
    ]
    metadata = folder / "served.jsonl"
    metadata.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    spec = SourceSpec(
        name="s",
        kind="repository",
        component="code",
        paths=tuple(str(each.git_dir) for each in repositories),
        metadata=str(metadata),
    )
    units = list_units(spec, base="/", memo=DigestMemo())
    return [record for unit in units for record in read_unit(unit, ReadLimits())]


def without_huge(records: list[Record]) -> list[Record]:
    """Leave out what a clone without long blobs does not know of them: their length."""
    return [
        msgspec.structs.replace(record, read_error=None, num_bytes=0)
        if record.read_drop == "huge"
        else record
        for record in records
    ]


def without_submodules(records: list[Record]) -> list[Record]:
    """Leave out the detail that no tarball tells: which commit of a submodule is meant."""
    return [
        msgspec.structs.replace(record, read_error=None)
        if record.read_drop == "submodule"
        else record
        for record in records
    ]


def test_every_repository_is_stored_as_git_itself_reads_it(
    every: Repositories, serve: Callable[..., GithubStandin], runs_of: RunsOf, tmp_path: Path
) -> None:
    runs = runs_of(serve(every), created_before=date(2999, 1, 1))
    assert runs.run().is_complete
    expected = read_by_git(every, tmp_path)
    found = runs.records()
    assert len({record.collection for record in found}) == len(every)
    assert without_submodules(alike(found)) == without_submodules(alike(expected))


def test_a_clone_stores_what_git_itself_reads(
    few: Repositories, github: GithubStandin, runs_of: RunsOf, tmp_path: Path
) -> None:
    runs = runs_of(github, content="clone")
    assert runs.run().is_complete
    assert runs.asked("codeload") == {}
    expected = read_by_git(few, tmp_path)
    assert without_huge(alike(runs.records())) == without_huge(alike(expected))


def test_a_second_run_asks_for_nothing(github: GithubStandin, runs_of: RunsOf) -> None:
    runs = runs_of(github, issues=True)
    runs.run()
    before = runs.manifest()
    github.server.forget_requests()
    assert runs.run().is_complete
    assert github.requests == ()
    assert runs.manifest() == before


@pytest.mark.parametrize("content", ["tarball", "clone"])
def test_requests_are_counted_as_the_server_saw_them(
    github: GithubStandin, runs_of: RunsOf, content: str
) -> None:
    outcome = runs_of(github, content=content, issues=True).run()
    (host,) = outcome.crawls[0].hosts
    assert host.requests == len(github.requests)
    assert (host.retries, host.refusals) == (0, 0)
    assert host.received_bytes > 10_000


def test_every_request_says_who_asks(github: GithubStandin, runs_of: RunsOf) -> None:
    for content in ("tarball", "clone"):
        runs = runs_of(github, content=content)
        runs.out = runs.out / content
        runs.folder = runs.out / "crawl/hub"
        runs.run()
    agents = {request.headers["user-agent"] for request in github.requests}
    assert len(agents) == 1
    assert "mailto:test@example.org" in agents.pop()


def test_a_token_is_for_the_api_alone(github: GithubStandin, runs_of: RunsOf) -> None:
    runs = runs_of(github)
    runs.run()
    for request in github.requests:
        is_api = request.path_qs.startswith("/api")
        assert ("loopback-token" in request.headers.get("authorization", "")) == is_api
    stored = b"".join(path.read_bytes() for path in runs.folder.rglob("*") if path.is_file())
    assert b"loopback-token" not in stored


def test_what_git_lacks_is_counted() -> None:
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"
    files = [
        RepositoryFile(path=b"a.bin", mode="100644", data=pointer),
        RepositoryFile(path=b"b.txt", mode="100644", data=b"version"),
        RepositoryFile(path=b"c", mode="160000", reason="submodule"),
    ]
    watched = Watched()
    assert list(watched.watch(files, threading.Event())) == files
    assert watched == Watched(num_files=3, num_lfs_pointers=1, num_submodules=1)


def test_facts_say_how_content_came(github: GithubStandin, runs_of: RunsOf) -> None:
    runs = runs_of(github)
    runs.run()
    facts = {name: msgspec.json.decode(item.facts) for name, item in runs.items().items()}
    assert facts.keys() == FEW
    assert {each["content"]["way"] for each in facts.values()} == {"tarball"}
    assert facts["gristmill/edge-cases"]["content"]["num_submodules"] == 1


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"block": "dmca"}, "dmca"),
        ({"block": "tos"}, "blocked"),
        ({"is_deleted": True}, "not_found"),
    ],
)
def test_what_vanishes_after_it_was_found_is_refused_by_name(
    few: Repositories,
    serve: Callable[..., GithubStandin],
    runs_of: RunsOf,
    changes: dict[str, object],
    reason: str,
) -> None:
    name = "hukkin/tomli"
    runs = runs_of(serve(few))
    gone = serve(changed(few, name, **changes))
    runs.endpoints = msgspec.structs.replace(runs.endpoints, codeload=gone.endpoints.codeload)
    assert_refused(runs, gone, name, reason)


def assert_refused(runs: Runs, gone: GithubStandin, name: str, reason: str) -> None:
    """Crawl with an API that knows by now what the downloads know."""
    known = runs.endpoints
    runs.crawl = msgspec.structs.replace(runs.crawl, content="none", issues=True)
    runs.endpoints = known
    runs.run()
    runs.crawl = msgspec.structs.replace(runs.crawl, content="tarball", issues=False)
    runs.endpoints = msgspec.structs.replace(known, github_api=gone.endpoints.github_api)
    outcome = runs.run()
    assert outcome.is_complete
    assert outcome.crawls[0].refused["content"] == {reason: 1}
    assert runs.items()[name].reason == reason
    assert name not in {record.collection for record in runs.records()}


def test_a_repository_that_moved_since_is_fetched_under_its_new_name(
    few: Repositories, serve: Callable[..., GithubStandin], runs_of: RunsOf
) -> None:
    name = "hukkin/tomli"
    runs = runs_of(serve(few), content="none", issues=True)
    runs.run()
    moved = serve(changed(few, name, full_name="new-owner/tomli"))
    runs.endpoints = msgspec.convert(msgspec.structs.asdict(moved.endpoints), type(runs.endpoints))
    runs.crawl = msgspec.structs.replace(runs.crawl, content="tarball")
    assert runs.run().is_complete
    collections = {record.collection for record in runs.records()}
    assert collections == FEW - {name} | {"new-owner/tomli"}


def test_a_repository_that_turns_out_too_large_is_refused(
    github: GithubStandin, runs_of: RunsOf
) -> None:
    runs = runs_of(github, max_repository_bytes=100_000)
    with_sizes = runs.run().crawls[0]
    assert with_sizes.refused["repository"]["too_large"] > 0
    assert with_sizes.is_complete


def test_a_crawl_of_a_recipes_fixtures_needs_no_token_and_uses_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", "a-real-token")
    (tmp_path / "some").mkdir()
    (tmp_path / "some.jsonl").write_text(
        f'{{"file": "{FIXTURES}/repositories/gristmill__edge-cases.git", '
        '"full_name": "gristmill/edge-cases", "created_at": "2023-06-01T00:00:00Z"}',
        encoding="utf-8",
    )
    settings = CrawlSettings(
        standins=Standins(repositories="some", issues=str(FIXTURES / "github/issues.jsonl")),
        github=(GithubCrawl(name="hub", since=0, issues=True),),
    )
    outcome = run_crawls(
        settings, out=str(tmp_path), base=str(tmp_path), report=lambda _: None, note=lambda _: None
    )
    assert outcome.is_complete
    assert outcome.crawls[0].done == {"content": 1, "issues": 1, "listing": 1, "repository": 1}
