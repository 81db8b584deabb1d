"""The REST calls of GitHub's stand-in: listings, pages, redirects and refusals."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from gristmill.corpus.standins.github import GithubStandin

from .github_client import BORN, call, issue, repository

ISSUES = tuple(
    issue(number, is_pull_request=number == 2, state="closed" if number == 3 else "open")
    for number in range(1, 6)
)
REPOSITORIES = [
    repository(1, "alpha/one", stars=10, issues=ISSUES, old_names=("alpha/first",)),
    repository(2, "alpha/two", stars=500, is_fork=True),
    repository(3, "beta/secret", is_private=True),
    repository(4, "beta/gone", is_deleted=True),
    repository(5, "beta/taken", block="dmca"),
    repository(6, "beta/rude", block="tos"),
    repository(7, "beta/quiet", has_issues=False, language="Go"),
    *(repository(number, f"many/name-{number}") for number in range(100, 230)),
]


@pytest.fixture(scope="module")
def api() -> Iterator[str]:
    with GithubStandin(REPOSITORIES) as standin:
        yield standin.endpoints.github_api


def names(content: object) -> list[str]:
    assert isinstance(content, list)
    return [item["full_name"] for item in content]


def numbers(content: object) -> list[int]:
    assert isinstance(content, list)
    return [item["number"] for item in content]


def test_all_repositories_are_listed_once_by_following_the_links(api: str) -> None:
    seen: list[str] = []
    url: str | None = f"{api}/repositories"
    sizes = []
    while url is not None:
        reply = call(url)
        seen += names(reply.json)
        sizes.append(len(names(reply.json)))
        url = reply.links.get("next")
    assert sizes == [100, 35]
    assert seen == [r.full_name for r in REPOSITORIES if r.is_visible]


def test_since_leaves_out_the_ids_up_to_it(api: str) -> None:
    assert names(call(f"{api}/repositories?since=2").json)[0] == "beta/taken"
    assert call(f"{api}/repositories?since=9999").json == []


def test_a_repository_is_found_by_name_in_any_case_and_by_id(api: str) -> None:
    by_name, by_id = call(f"{api}/repos/Alpha/ONE"), call(f"{api}/repositories/1")
    assert by_name.status == by_id.status == 200
    assert by_name.json == by_id.json


def test_a_renamed_repository_redirects_to_its_id(api: str) -> None:
    reply = call(f"{api}/repos/alpha/first")
    assert (reply.status, reply.headers["location"]) == (301, f"{api}/repositories/1")
    issues = call(f"{api}/repos/alpha/first/issues")
    assert issues.headers["location"] == f"{api}/repositories/1/issues"


@pytest.mark.parametrize("name", ["beta/secret", "beta/gone", "beta/never"])
def test_what_is_private_deleted_or_unknown_is_not_found(api: str, name: str) -> None:
    assert call(f"{api}/repos/{name}").status == 404


@pytest.mark.parametrize(("name", "status"), [("taken", 451), ("rude", 403)])
def test_a_repository_that_was_taken_down_says_why(api: str, name: str, status: int) -> None:
    reply = call(f"{api}/repos/beta/{name}")
    assert reply.status == status
    content = reply.json
    assert isinstance(content, dict)
    assert content["message"] == "Repository access blocked"
    assert set(content["block"]) == {"reason", "created_at", "html_url"}


def test_any_other_call_is_not_found(api: str) -> None:
    assert call(f"{api}/emojis").status == 404


@pytest.mark.parametrize("kind", ["orgs", "users"])
def test_the_repositories_of_an_account_come_in_linked_pages(api: str, kind: str) -> None:
    first = call(f"{api}/{kind}/many/repos?per_page=100")
    second = call(first.links["next"])
    assert first.links["last"] == first.links["next"]
    assert second.links["prev"] == second.links["first"]
    assert len(names(first.json) + names(second.json)) == 130


def test_a_page_holds_thirty_unless_asked_and_a_hundred_at_most(api: str) -> None:
    assert len(names(call(f"{api}/users/many/repos").json)) == 30
    assert len(names(call(f"{api}/users/many/repos?per_page=1000").json)) == 100


def test_an_account_without_repositories_is_not_found(api: str) -> None:
    assert call(f"{api}/orgs/nobody/repos").status == 404


def test_issues_come_newest_first_with_pull_requests_among_them(api: str) -> None:
    content = call(f"{api}/repos/alpha/one/issues").json
    assert isinstance(content, list)
    assert numbers(content) == [5, 4, 2, 1]
    assert ["pull_request" in item for item in content] == [False, False, True, False]


def test_issues_can_be_asked_for_by_state_and_by_change(api: str) -> None:
    root = f"{api}/repos/alpha/one/issues"
    assert numbers(call(f"{root}?state=closed").json) == [3]
    since = (BORN + timedelta(days=103)).isoformat().replace("+00:00", "Z")
    query = f"state=all&since={since}&sort=updated&direction=asc"
    assert numbers(call(f"{root}?{query}").json) == [3, 4, 5]


def test_pages_of_issues_link_to_the_id_of_the_repository(api: str) -> None:
    reply = call(f"{api}/repos/alpha/one/issues?per_page=2")
    assert reply.links["next"] == f"{api}/repositories/1/issues?per_page=2&page=2"
    assert numbers(call(reply.links["next"]).json) == [2, 1]


def test_a_wrong_state_of_issues_is_refused(api: str) -> None:
    assert call(f"{api}/repos/alpha/one/issues?state=lost").status == 422


def test_issues_that_are_switched_off_are_gone(api: str) -> None:
    assert call(f"{api}/repos/beta/quiet/issues").status == 410


def test_comments_belong_to_one_issue(api: str) -> None:
    content = call(f"{api}/repos/alpha/one/issues/4/comments").json
    assert isinstance(content, list)
    assert [item["id"] for item in content] == [9004]
    assert call(f"{api}/repos/alpha/one/issues/77/comments").status == 404


def test_a_tarball_lies_at_codeload(api: str) -> None:
    root = api.removesuffix("/api")
    named = call(f"{api}/repos/alpha/one/tarball/v1.0")
    assert (named.status, named.body) == (302, b"")
    assert named.headers["location"] == f"{root}/codeload/alpha/one/legacy.tar.gz/v1.0"
    head = call(f"{api}/repos/alpha/one/tarball").headers["location"]
    assert head == f"{root}/codeload/alpha/one/legacy.tar.gz/refs/heads/main"


def test_a_search_shows_the_most_stars_first_and_no_fork(api: str) -> None:
    content = call(f"{api}/search/repositories?q=user:alpha").json
    assert isinstance(content, dict)
    assert (names(content["items"]), content["total_count"]) == (["alpha/one"], 1)
    with_forks = call(f"{api}/search/repositories?q=user:alpha+fork:true").json
    assert isinstance(with_forks, dict)
    assert names(with_forks["items"]) == ["alpha/two", "alpha/one"]


@pytest.mark.parametrize("query", ["", "planet:mars", "created:soon", "stars:many"])
def test_a_search_that_cannot_be_understood_is_refused(api: str, query: str) -> None:
    assert call(f"{api}/search/repositories?q={query}").status == 422


def test_a_search_shows_a_thousand_results_and_no_more() -> None:
    with GithubStandin([repository(number) for number in range(1, 1102)]) as standin:
        root = f"{standin.endpoints.github_api}/search/repositories?q=user:owner&per_page=100"
        last, beyond = call(f"{root}&page=10"), call(f"{root}&page=11")
    assert isinstance(last.json, dict)
    assert (len(last.json["items"]), last.json["total_count"]) == (100, 1101)
    assert "next" not in last.links
    assert beyond.status == 422
