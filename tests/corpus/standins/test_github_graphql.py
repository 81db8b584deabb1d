"""GraphQL of the stand-in: what a hydration of repositories asks for, and how it fails."""

import json
from collections.abc import Iterator

import pytest
from graphql import validate_schema

from gristmill.corpus.standins.github import GithubStandin, Limits
from gristmill.corpus.standins.github.graphql import read_schema
from gristmill.corpus.standins.github.node_ids import (
    legacy_repository_node_id,
    repository_node_id,
    repository_number,
)

from .github_client import COMMIT, call, repository

NODES = """
query($ids: [ID!]!) {
  nodes(ids: $ids) {
    ... on Repository {
      id databaseId nameWithOwner createdAt pushedAt stargazerCount licenseInfo { spdxId }
      isFork isArchived isPrivate isDisabled isLocked diskUsage primaryLanguage { name }
      defaultBranchRef { name target { oid } }
    }
  }
  rateLimit { cost remaining resetAt }
}
"""
NAMED = """
query($owner: String!, $name: String!, $follow: Boolean = true) {
  repository(owner: $owner, name: $name, followRenames: $follow) { nameWithOwner }
}
"""


@pytest.fixture(scope="module")
def api() -> Iterator[str]:
    repositories = [
        repository(1, "alpha/one", stars=10, disk_usage_kib=77, old_names=("alpha/first",)),
        repository(2, "alpha/empty", commit=None, licence=None, language=None),
        repository(3, "alpha/secret", is_private=True),
        repository(4, "alpha/taken", block="dmca"),
    ]
    with GithubStandin(repositories) as standin:
        yield standin.endpoints.github_api


def ask(api: str, query: str, **variables: object) -> dict[str, object]:
    body = json.dumps({"query": query, "variables": variables}).encode()
    reply = call(f"{api}/graphql", method="POST", body=body)
    assert reply.status == 200
    content = reply.json
    assert isinstance(content, dict)
    return content


def data(content: dict[str, object]) -> dict[str, object]:
    found = content["data"]
    assert isinstance(found, dict)
    return found


def errors(content: dict[str, object]) -> list[dict[str, object]]:
    found = content["errors"]
    assert isinstance(found, list)
    return found


def test_the_schema_is_valid() -> None:
    assert validate_schema(read_schema()) == []


@pytest.mark.parametrize(
    ("number", "present", "legacy"),
    [
        (747887377, "R_kgDOLJPbEQ", "MDEwOlJlcG9zaXRvcnk3NDc4ODczNzc="),
        (103703892, "R_kgDOBi5lVA", "MDEwOlJlcG9zaXRvcnkxMDM3MDM4OTI="),
    ],
)
def test_node_ids_are_those_that_github_gives(number: int, present: str, legacy: str) -> None:
    assert (repository_node_id(number), legacy_repository_node_id(number)) == (present, legacy)
    assert repository_number(present) == repository_number(legacy) == number


@pytest.mark.parametrize(
    "node_id", ["", "R_", "R_kgDO", "U_kgDOLJPbEQ", "MDQ6VXNlcjE=", "\N{SNOWMAN}"]
)
def test_other_ids_name_no_repository(node_id: str) -> None:
    assert repository_number(node_id) is None


def test_nodes_come_with_everything_that_was_asked(api: str) -> None:
    content = ask(api, NODES, ids=[repository_node_id(1)])
    assert data(content)["nodes"] == [
        {
            "id": "R_kgDOAAAAAQ",
            "databaseId": 1,
            "nameWithOwner": "alpha/one",
            "createdAt": "2020-01-02T12:00:00Z",
            "pushedAt": "2020-02-01T12:00:00Z",
            "stargazerCount": 10,
            "licenseInfo": {"spdxId": "MIT"},
            "isFork": False,
            "isArchived": False,
            "isPrivate": False,
            "isDisabled": False,
            "isLocked": False,
            "diskUsage": 77,
            "primaryLanguage": {"name": "Python"},
            "defaultBranchRef": {"name": "main", "target": {"oid": COMMIT}},
        }
    ]
    assert "errors" not in content


def test_an_empty_repository_has_no_branch_licence_or_language(api: str) -> None:
    nodes = data(ask(api, NODES, ids=[legacy_repository_node_id(2)]))["nodes"]
    assert isinstance(nodes, list)
    fields = ("defaultBranchRef", "licenseInfo", "primaryLanguage")
    assert [nodes[0][field] for field in fields] == [None] * 3


def test_a_node_that_is_missing_is_null_and_an_error_at_its_place(api: str) -> None:
    ids = [repository_node_id(number) for number in (1, 3, 99)]
    content = ask(api, NODES, ids=ids)
    nodes = data(content)["nodes"]
    assert isinstance(nodes, list)
    assert [node is None for node in nodes] == [False, True, True]
    assert [error["path"] for error in errors(content)] == [["nodes", 1], ["nodes", 2]]
    assert {error["type"] for error in errors(content)} == {"NOT_FOUND"}
    assert errors(content)[1]["message"] == (
        f"Could not resolve to a node with the global id of '{ids[2]}'"
    )


def test_a_blocked_node_is_forbidden(api: str) -> None:
    assert errors(ask(api, NODES, ids=[repository_node_id(4)]))[0]["type"] == "FORBIDDEN"


def test_more_than_a_hundred_ids_are_refused(api: str) -> None:
    content = ask(api, NODES, ids=[repository_node_id(1)] * 101)
    assert content["data"] is None
    assert errors(content)[0]["type"] == "ARGUMENT_LIMIT"
    nodes = data(ask(api, NODES, ids=[repository_node_id(1)] * 100))["nodes"]
    assert isinstance(nodes, list)
    assert len(nodes) == 100


def test_a_repository_is_found_by_name_and_by_its_old_name(api: str) -> None:
    for name in ("one", "first"):
        content = ask(api, NAMED, owner="alpha", name=name)
        assert data(content)["repository"] == {"nameWithOwner": "alpha/one"}


def test_a_rename_is_not_followed_when_that_is_declined(api: str) -> None:
    content = ask(api, NAMED, owner="alpha", name="first", follow=False)
    assert data(content)["repository"] is None
    assert errors(content)[0]["type"] == "NOT_FOUND"


def test_a_field_that_github_does_not_have_is_an_error(api: str) -> None:
    content = ask(api, '{ repository(owner: "a", name: "b") { starCount } }')
    assert "data" not in content
    assert "starCount" in str(errors(content)[0]["message"])


def test_a_query_costs_one_point_and_tells_what_is_left() -> None:
    with GithubStandin([]) as standin:
        api = standin.endpoints.github_api
        limits = [data(ask(api, "{ rateLimit { cost remaining } }"))["rateLimit"] for _ in range(2)]
    assert limits == [{"cost": 1, "remaining": 4999}, {"cost": 1, "remaining": 4998}]


def test_spent_points_are_an_error_with_status_200() -> None:
    with GithubStandin([], limits=Limits(graphql_points=1)) as standin:
        api = standin.endpoints.github_api
        ask(api, "{ rateLimit { cost } }")
        content = ask(api, "{ rateLimit { cost } }")
    assert errors(content)[0]["type"] == "RATE_LIMITED"


def test_graphql_needs_a_token(api: str) -> None:
    body = json.dumps({"query": "{ rateLimit { cost } }"}).encode()
    assert call(f"{api}/graphql", method="POST", body=body, token=None).status == 401


def test_a_body_that_is_no_query_is_refused(api: str) -> None:
    assert call(f"{api}/graphql", method="POST", body=b"{").status == 400
