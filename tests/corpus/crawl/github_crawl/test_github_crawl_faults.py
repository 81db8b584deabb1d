"""What a crawl of GitHub makes of downloads that fail: once, and for ever."""

from collections.abc import Callable

import msgspec
import pytest

from gristmill.corpus.crawl.run import CrawlResult
from gristmill.corpus.standins.faults import Fault, FaultKind
from gristmill.corpus.standins.github import GithubStandin, StandinRepository

from .crawl_runs import FEW, QUICK, Runs, alike

RunsOf = Callable[..., Runs]
BROKEN: tuple[FaultKind, ...] = (
    "server_error",
    "redirect_loop",
    "empty_reply",
    "short_body",
    "reset",
    "cut_body",
    "slow_body",
)
PUSHED_BACK: tuple[FaultKind, ...] = (
    "slow_down",
    "too_many_requests",
    "wrapped_slow_down",
    "blocked",
)
DOWNLOADS = "/codeload/"


def fault(kind: FaultKind, match: str, times: int | None) -> Fault:
    # A few bytes a second: slow over any time.
    return Fault(kind=kind, match=match, times=times, bytes_per_second=40)


def failed(runs: Runs) -> dict[str, int]:
    outcome = runs.run()
    assert not outcome.is_complete
    crawl: CrawlResult = outcome.crawls[0]
    return crawl.failed.get("content", {}) or {"waiting": crawl.waiting["content"]}


@pytest.mark.parametrize("kind", [*BROKEN, *PUSHED_BACK])
def test_a_download_that_fails_once_is_had_after_all(
    github: GithubStandin, runs_of: RunsOf, kind: FaultKind
) -> None:
    github.server.inject(fault(kind, DOWNLOADS, 1))
    runs = runs_of(github)
    outcome = runs.run()
    assert outcome.is_complete
    assert runs.items().keys() == FEW
    assert runs.manifest().is_complete
    (host,) = outcome.crawls[0].hosts
    assert host.requests == len(github.requests)
    assert host.retries + host.refusals > 0 or kind == "redirect_loop"  # once is no loop


@pytest.mark.parametrize("kind", BROKEN)
def test_what_no_tarball_gives_is_cloned(
    github: GithubStandin, runs_of: RunsOf, kind: FaultKind
) -> None:
    github.server.inject(fault(kind, f"{DOWNLOADS}.*tomli", None))
    runs = runs_of(github)
    assert runs.run().is_complete
    ways = {
        name: msgspec.json.decode(item.facts)["content"]["way"]
        for name, item in runs.items().items()
    }
    assert [name for name, way in ways.items() if way == "clone"] == ["hukkin/tomli"]
    assert any("cloning it" in note for note in runs.notes)


@pytest.mark.parametrize("kind", [*BROKEN, *PUSHED_BACK])
def test_what_fails_for_ever_is_named_and_comes_with_a_later_run(
    few: tuple[StandinRepository, ...], github: GithubStandin, runs_of: RunsOf, kind: FaultKind
) -> None:
    num_attempts = 1 if kind == "slow_body" else 3
    runs = runs_of(github, downloads=msgspec.structs.replace(QUICK, max_attempts=num_attempts))
    endpoints = runs.endpoints
    with GithubStandin(few, faults=[fault(kind, "", None)]) as broken:
        runs.endpoints = msgspec.structs.replace(
            endpoints,
            codeload=broken.endpoints.codeload,
            github_git=broken.endpoints.github_git,
        )
        missing = failed(runs)
    assert sum(missing.values()) == len(FEW)
    manifest = runs.manifest()
    assert not manifest.is_complete
    assert sum(manifest.missing.values()) == len(FEW)
    runs.endpoints = endpoints
    assert runs.run().is_complete
    assert runs.items().keys() == FEW


def test_a_tarball_of_another_commit_is_refused(
    few: tuple[StandinRepository, ...], github: GithubStandin, runs_of: RunsOf
) -> None:
    other = next(each for each in few if each.full_name == "byorgey/split")
    path = f"/codeload/byorgey/split/legacy.tar.gz/{other.commit}"
    github.server.inject(
        Fault(kind="redirect", match=f"{DOWNLOADS}.*tomli", times=None, location=path)
    )
    runs = runs_of(github)
    assert runs.run().crawls[0].refused["content"] == {"wrong_commit": 1}
    assert len(list(runs.asked("/codeload/hukkin/tomli").elements())) == 2


def test_what_github_still_has_and_does_not_give_is_missed(
    github: GithubStandin, runs_of: RunsOf
) -> None:
    runs = runs_of(github)
    with GithubStandin(()) as forgetful:
        runs.endpoints = msgspec.structs.replace(
            runs.endpoints, codeload=forgetful.endpoints.codeload
        )
        assert failed(runs) == {"not_found": len(FEW)}


@pytest.mark.parametrize(
    ("location", "reason"),
    [
        ("http://10.0.0.1/archive", "refused_host"),
        ("http://127.0.0.1:1/archive", "refused_host"),
        ("file:///etc/passwd", "refused_scheme"),
        ("http://user:secret@127.0.0.1/archive", "refused_credentials"),
    ],
)
def test_a_redirect_that_leads_away_is_refused(
    github: GithubStandin, runs_of: RunsOf, location: str, reason: str
) -> None:
    github.server.inject(
        Fault(kind="redirect", match=f"{DOWNLOADS}.*tomli", times=None, location=location)
    )
    outcome = runs_of(github).run()
    assert outcome.is_complete
    assert outcome.crawls[0].refused["content"] == {reason: 1}


def test_a_host_without_an_address_is_named(github: GithubStandin, runs_of: RunsOf) -> None:
    runs = runs_of(github)
    nowhere = "http://nowhere.invalid"
    runs.endpoints = msgspec.structs.replace(runs.endpoints, codeload=nowhere, github_git=nowhere)
    assert failed(runs) == {"dns": len(FEW)}


def test_content_does_not_depend_on_what_failed(github: GithubStandin, runs_of: RunsOf) -> None:
    runs = runs_of(github)
    runs.run()
    expected = alike(runs.records())
    runs.out = runs.out / "again"
    runs.folder = runs.out / "crawl/hub"
    for number, kind in enumerate(BROKEN):
        github.server.inject(
            Fault(kind=kind, match=DOWNLOADS, first=1 + number, bytes_per_second=40)
        )
    assert runs.run().is_complete
    assert alike(runs.records()) == expected
