"""After every fault of a server a crawl is complete, or says exactly what is missing."""

from collections import Counter
from collections.abc import Iterator

import msgspec
import pytest

from gristmill.corpus.crawl.ledger import HostCounts
from gristmill.corpus.crawl.run import CrawlResult
from gristmill.corpus.standins.faults import Fault, FaultKind
from gristmill.corpus.standins.server import Loopback

from .site_tools import MANNERS, ROBOTS, Answers, SiteRun, app_of, page, times_asked

SITE: Answers = {
    "/robots.txt": ROBOTS,
    "/": page("the start " * 200, "/a", "/b"),
    "/a": page("page a " * 200, "/c"),
    "/b": page("page b " * 200),
    "/c": page("page c " * 200),
}
SLOW = msgspec.structs.replace(MANNERS, low_speed_seconds=0.2)

# What is missing when page a has the fault for ever, and with it the only way to page c.
MISSING: dict[FaultKind, str] = {
    "slow_down": "http_503",
    "blocked": "http_403",
    "too_many_requests": "http_429",
    "server_error": "http_500",
    "wrapped_slow_down": "http_500",
    "redirect_loop": "redirect_loop",
    "empty_reply": "connection",
    "short_body": "short_body",
    "reset": "short_body",
    "slow_body": "slow",
}


@pytest.fixture
def server() -> Iterator[Loopback]:
    with Loopback(app_of(SITE)) as loopback:
        yield loopback


def crawl(run: SiteRun, server: Loopback) -> CrawlResult:
    return run(f"{server.url}/", manners=SLOW)


def fault(kind: FaultKind, times: int | None, match: str = "^/a$") -> Fault:
    return Fault(kind=kind, match=match, times=times, bytes_per_second=100)


@pytest.mark.parametrize("kind", MISSING)
def test_a_fault_that_passes_costs_nothing_but_time(
    run: SiteRun, server: Loopback, kind: FaultKind
) -> None:
    server.inject(fault(kind, 1))
    result = crawl(run, server)
    assert result.done == {"page": 4, "robots": 1}
    assert result.is_complete
    assert Counter(run.paths()) == Counter(["", "a", "b", "c"])


@pytest.mark.parametrize("kind", MISSING)
def test_a_fault_that_lasts_is_named_and_the_rest_is_there(
    run: SiteRun, server: Loopback, kind: FaultKind
) -> None:
    server.inject(fault(kind, None))
    result = crawl(run, server)
    assert result.failed == {"page": {MISSING[kind]: 1}}
    assert run.manifest().missing == {MISSING[kind]: 1}
    assert not run.manifest().is_complete
    assert run.paths() == ["", "b"]


@pytest.mark.parametrize("kind", ["blocked", "server_error", "reset"])
def test_a_later_run_fetches_what_is_missing_and_only_that(
    run: SiteRun, server: Loopback, kind: FaultKind
) -> None:
    times = 3 * SLOW.max_attempts if kind != "blocked" else 3
    server.inject(fault(kind, times))
    assert not crawl(run, server).is_complete
    server.forget_requests()
    result = crawl(run, server)
    assert times_asked(server) == {"/a": 1, "/c": 1}
    assert result.is_complete
    assert run.manifest().is_complete
    assert Counter(run.paths()) == Counter(["", "a", "b", "c"])


@pytest.mark.parametrize("kind", ["server_error", "empty_reply", "short_body", "slow_body"])
def test_rules_that_cannot_be_had_are_missing(
    run: SiteRun, server: Loopback, kind: FaultKind
) -> None:
    server.inject(fault(kind, None, match="^/robots.txt$"))
    result = crawl(run, server)
    reason = MISSING[kind]
    assert result.failed == {"page": {f"robots_{reason}": 1}, "robots": {reason: 1}}


def test_a_body_that_is_short_and_does_not_say_so_is_what_the_site_sent(
    run: SiteRun, server: Loopback
) -> None:
    server.inject(fault("cut_body", None))
    assert crawl(run, server).is_complete
    assert run.paths() == ["", "a", "b"]


def test_a_host_without_an_address_is_missing(run: SiteRun, server: Loopback) -> None:
    result = run(f"{server.url}/", "http://no-such-host.invalid/")
    assert result.done["page"] == 4
    assert result.failed == {"page": {"robots_dns": 1}, "robots": {"dns": 1}}


def test_totals_of_a_host_add_up_with_what_it_saw(run: SiteRun, server: Loopback) -> None:
    server.inject(fault("slow_down", 1, "^/a$"), fault("server_error", 1, "^/b$"))
    (host,) = crawl(run, server).hosts
    bodies = [body for body in SITE.values() if isinstance(body, str)]
    errors = host.received_bytes - len(ROBOTS.text or "") - sum(map(len, bodies))
    assert host == HostCounts(
        host=f"127.0.0.1:{server.port}",
        requests=len(server.requests),
        received_bytes=host.received_bytes,
        retries=2,
        refusals=1,
        waited_seconds=host.waited_seconds,
    )
    assert 0 < errors < 1000


def test_totals_hold_over_all_runs(run: SiteRun, server: Loopback) -> None:
    run(f"{server.url}/", max_pages=2)
    (host,) = run(f"{server.url}/").hosts
    assert host.requests == len(server.requests) == 5
