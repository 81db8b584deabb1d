"""Quotas, refusals and conditional requests of GitHub's stand-in."""

import threading
import time

import pytest

from gristmill.corpus.standins.faults import Fault
from gristmill.corpus.standins.github import GithubStandin, Limits
from gristmill.corpus.standins.github.limits import Client, Ledger

from .github_client import call, repository


def standin(limits: Limits | None = None, *faults: Fault) -> GithubStandin:
    return GithubStandin([repository(1, "alpha/one")], limits=limits, faults=faults)


def remaining(url: str) -> int:
    content = call(f"{url}/rate_limit").json
    assert isinstance(content, dict)
    left = content["resources"]["core"]["remaining"]
    assert isinstance(left, int)
    return left


def test_every_answer_tells_what_is_left() -> None:
    with standin() as github:
        before = int(time.time())
        headers = call(f"{github.endpoints.github_api}/repos/alpha/one").headers
    assert headers["x-ratelimit-limit"] == "5000"
    assert headers["x-ratelimit-remaining"] == "4999"
    assert headers["x-ratelimit-used"] == "1"
    assert headers["x-ratelimit-resource"] == "core"
    assert 3590 <= int(headers["x-ratelimit-reset"]) - before <= 3602


def test_asking_for_the_rate_limit_is_free() -> None:
    with standin() as github:
        assert [remaining(github.endpoints.github_api) for _ in range(3)] == [5000] * 3


def test_an_answer_that_did_not_change_spends_nothing() -> None:
    with standin() as github:
        api = github.endpoints.github_api
        etag = call(f"{api}/repos/alpha/one").headers["etag"]
        replies = [call(f"{api}/repos/alpha/one", {"If-None-Match": etag}) for _ in range(5)]
        assert {(reply.status, reply.body) for reply in replies} == {(304, b"")}
        assert remaining(api) == 4999
        assert len(github.requests) == 7


def test_an_answer_that_did_not_change_spends_quota_without_a_token() -> None:
    with standin() as github:
        url = f"{github.endpoints.github_api}/repos/alpha/one"
        etag = call(url, token=None).headers["etag"]
        again = call(url, {"If-None-Match": f"W/{etag}"}, token=None)
    assert (again.status, again.headers["x-ratelimit-remaining"]) == (304, "58")


def test_a_changed_tag_gets_the_answer() -> None:
    with standin() as github:
        reply = call(f"{github.endpoints.github_api}/repos/alpha/one", {"If-None-Match": '"old"'})
    assert reply.status == 200


@pytest.mark.parametrize("status", [403, 429])
def test_a_spent_quota_is_refused_with_the_time_of_its_return(status: int) -> None:
    limits = Limits(requests=2, limited_status=403 if status == 403 else 429)
    with standin(limits) as github:
        url = f"{github.endpoints.github_api}/repos/alpha/one"
        replies = [call(url) for _ in range(3)]
        assert [reply.status for reply in replies] == [200, 200, status]
        assert replies[2].headers["x-ratelimit-remaining"] == "0"
        assert "retry-after" not in replies[2].headers
        assert b"API rate limit exceeded" in replies[2].body
        assert call(f"{github.endpoints.github_api}/rate_limit").status == 200


def test_a_quota_is_whole_again_after_its_window() -> None:
    now = [1000.0]
    ledger = Ledger(Limits(requests=1), clock=lambda: now[0])
    client = Client("token", is_anonymous=False)
    quota = ledger.quota(client, "core")
    ledger.spend(quota, 1)
    now[0] += 3599
    assert ledger.quota(client, "core").remaining == 0
    assert quota.reset == 4600
    now[0] += 1
    assert ledger.quota(client, "core").remaining == 1


def test_a_burst_is_forgotten_after_a_minute() -> None:
    now = [1000.0]
    ledger = Ledger(Limits(max_points=1), clock=lambda: now[0])
    client = Client("token", is_anonymous=False)
    admitted = []
    for seconds in (0, 59, 1):
        now[0] += seconds
        with ledger.admitted(client) as is_admitted:
            admitted.append(is_admitted)
    assert admitted == [True, False, True]


def test_each_token_has_its_own_quota() -> None:
    limits = Limits(requests=1, tokens=frozenset({"one", "two"}))
    with standin(limits) as github:
        url = f"{github.endpoints.github_api}/repos/alpha/one"
        statuses = [call(url, token=token).status for token in ("one", "one", "two")]
    assert statuses == [200, 403, 200]


def test_without_a_token_there_are_sixty_requests() -> None:
    with standin() as github:
        reply = call(f"{github.endpoints.github_api}/repos/alpha/one", token=None)
    assert reply.headers["x-ratelimit-limit"] == "60"


def test_searches_have_a_quota_of_their_own() -> None:
    with standin() as github:
        reply = call(f"{github.endpoints.github_api}/search/repositories?q=user:alpha")
        assert (reply.headers["x-ratelimit-resource"], remaining(github.endpoints.github_api)) == (
            "search",
            5000,
        )


def test_a_wrong_token_is_told() -> None:
    with standin() as github:
        reply = call(f"{github.endpoints.github_api}/repos/alpha/one", token="stolen")
    assert reply.status == 401
    assert b"Bad credentials" in reply.body


def test_a_client_must_say_who_it_is() -> None:
    with standin() as github:
        url = f"{github.endpoints.github_api}/repos/alpha/one"
        reply = call(url, {"User-Agent": None})
    assert reply.status == 403
    assert b"User-Agent" in reply.body


@pytest.mark.parametrize("seconds", [7, None])
def test_a_burst_meets_the_secondary_limit(seconds: int | None) -> None:
    with standin(Limits(max_points=2, retry_after_seconds=seconds)) as github:
        url = f"{github.endpoints.github_api}/repos/alpha/one"
        replies = [call(url) for _ in range(3)]
    assert [reply.status for reply in replies] == [200, 200, 403]
    assert b"secondary rate limit" in replies[2].body
    assert replies[2].headers.get("retry-after") == (None if seconds is None else "7")
    assert replies[2].headers["x-ratelimit-remaining"] == "4998"


def test_too_many_requests_at_once_meet_the_secondary_limit() -> None:
    limits = Limits(max_concurrent=0)
    with standin(limits) as github:
        assert call(f"{github.endpoints.github_api}/repos/alpha/one").status == 403


def test_requests_that_ended_no_longer_count_as_open() -> None:
    with standin(Limits(max_concurrent=1)) as github:
        url = f"{github.endpoints.github_api}/repos/alpha/one"
        assert [call(url).status for _ in range(3)] == [200, 200, 200]


def test_a_fault_stands_before_the_limits() -> None:
    with standin(None, Fault(kind="slow_down", match="/repos/")) as github:
        api = github.endpoints.github_api
        assert call(f"{api}/repos/alpha/one").status == 503
        assert remaining(api) == 5000


def test_many_clients_at_once_are_counted_exactly() -> None:
    with standin() as github:
        api = github.endpoints.github_api
        url = f"{api}/repos/alpha/one"
        threads = [threading.Thread(target=call, args=(url,)) for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert remaining(api) == 4980
