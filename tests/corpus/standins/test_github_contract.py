"""The stand-in's answers beside GitHub's published schemas and recorded answers."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from gristmill.corpus.standins.github import GithubStandin

from .github_client import Reply, call, issue, repository

FIXTURES = Path(__file__).parents[3] / "fixtures/github"
RECORDED = json.loads((FIXTURES / "recorded.json").read_text(encoding="utf-8"))
COMPONENTS = json.loads((FIXTURES / "components.json").read_text(encoding="utf-8"))
# What only an administrator of the repository is told; the recorded token was one.
FOR_ADMINISTRATORS = {
    "allow_auto_merge",
    "allow_merge_commit",
    "allow_rebase_merge",
    "allow_squash_merge",
    "allow_update_branch",
    "delete_branch_on_merge",
    "use_squash_pr_title_as_default",
}


@pytest.fixture(scope="module")
def api() -> Iterator[str]:
    found = issue(1)
    pull = issue(2, is_pull_request=True, state="closed", body=None, author="helper[bot]")
    repositories = [
        repository(1, "alpha/one", issues=(found, pull), old_names=("alpha/first",)),
        repository(2, "alpha/bare", licence=None, language=None, is_user_owned=True),
        repository(3, "alpha/taken", block="dmca"),
    ]
    with GithubStandin(repositories) as standin:
        yield standin.endpoints.github_api


def recorded(part: str) -> dict[str, object]:
    found = next(exchange for name, exchange in RECORDED.items() if part in name)
    assert isinstance(found, dict)
    return found


def first(content: object) -> dict[str, object]:
    item = content[0] if isinstance(content, list) else content
    assert isinstance(item, dict)
    return item


def assert_same_shape(ours: object, real: object, at: str = "") -> None:
    """Hold that ours has every key of the real one, with values of the same kind."""
    if ours is None or real is None:
        return
    assert type(ours) is type(real), at
    if isinstance(real, dict):
        assert isinstance(ours, dict)
        assert set(real) - set(ours) <= FOR_ADMINISTRATORS, at
        for key in set(real) & set(ours):
            assert_same_shape(ours[key], real[key], f"{at}.{key}")


@pytest.mark.parametrize(
    ("path", "component", "is_list"),
    [
        ("/repositories", "minimal-repository", True),
        ("/orgs/alpha/repos", "minimal-repository", True),
        ("/users/alpha/repos", "minimal-repository", True),
        ("/repos/alpha/one", "full-repository", False),
        ("/repos/alpha/bare", "full-repository", False),
        ("/repos/alpha/one/issues?state=all", "issue", True),
        ("/repos/alpha/one/issues/1/comments", "issue-comment", True),
        ("/rate_limit", "rate-limit-overview", False),
        ("/repos/alpha/none", "basic-error", False),
    ],
)
def test_an_answer_is_valid_by_the_published_description(
    api: str, path: str, component: str, *, is_list: bool
) -> None:
    content = call(api + path).json
    reference = {"$ref": f"#/$defs/{component}"}
    schema = {"type": "array", "items": reference, "minItems": 1} if is_list else reference
    Draft202012Validator(COMPONENTS | schema).validate(content)


def test_the_items_of_a_search_are_valid_by_the_published_description(api: str) -> None:
    content = first(call(f"{api}/search/repositories?q=user:alpha").json)
    schema = COMPONENTS | {"$ref": "#/$defs/repo-search-result-item"}
    assert isinstance(content["items"], list)
    assert len(content["items"]) == 2
    for item in content["items"]:
        Draft202012Validator(schema).validate(item)


def test_the_published_description_finds_what_is_missing() -> None:
    validator = Draft202012Validator(COMPONENTS | {"$ref": "#/$defs/issue-comment"})
    assert not validator.is_valid({"id": 1})


def test_a_repository_has_the_shape_of_a_recorded_one(api: str) -> None:
    assert_same_shape(call(f"{api}/repos/alpha/one").json, recorded("get-repository")["body"])


def test_an_issue_has_the_shape_of_a_recorded_one(api: str) -> None:
    ours = first(call(f"{api}/repos/alpha/one/issues").json)
    assert_same_shape(ours, first(recorded("paginate-issues")["body"]))


def test_a_bot_is_told_apart(api: str) -> None:
    user = first(call(f"{api}/repos/alpha/one/issues?state=closed").json)["user"]
    assert isinstance(user, dict)
    assert user["type"] == "Bot"


def test_a_redirect_has_the_shape_of_a_recorded_one(api: str) -> None:
    real = recorded("rename-repository")
    ours = call(f"{api}/repos/alpha/first")
    assert ours.status == real["status"]
    assert_same_shape(ours.json, real["body"])


def headers_of(exchange: dict[str, object]) -> set[str]:
    headers = exchange["headers"]
    assert isinstance(headers, dict)
    return {name.lower() for name in headers}


@pytest.mark.parametrize("part", ["get-repository", "paginate-issues", "rename", "/tarball/"])
def test_the_headers_that_a_client_reads_are_sent_where_they_were_recorded(
    api: str, part: str
) -> None:
    paths = {
        "get-repository": "/repos/alpha/one",
        "paginate-issues": "/repos/alpha/one/issues?state=all&per_page=1",
        "rename": "/repos/alpha/first",
        "/tarball/": "/repos/alpha/one/tarball/main",
    }
    read = {"etag", "link", "location", "cache-control", "content-type"}
    limits = {"limit", "remaining", "reset", "used", "resource"}
    read |= {f"x-ratelimit-{name}" for name in limits}
    ours: Reply = call(api + paths[part])
    assert headers_of(recorded(part)) & read <= set(ours.headers)


def test_link_headers_name_the_same_relations_as_recorded_ones(api: str) -> None:
    headers = recorded("paginate-issues")["headers"]
    assert isinstance(headers, dict)
    real = Reply(200, {"link": headers["Link"]}, b"")
    ours = call(f"{api}/repos/alpha/one/issues?state=all&per_page=1")
    assert list(ours.links) == list(real.links)
    assert "/repositories/" in real.links["next"]
