"""GraphQL queries for up to 100 repositories, by node ids or by names."""

import json
from collections.abc import Sequence

import msgspec

from .api import GithubApi, GraphqlError
from .facts import Node, RepositoryFacts, from_node

BATCH = 100  # ids that GitHub takes at once
_FIELDS = """
fragment fields on Repository {
  databaseId nameWithOwner createdAt pushedAt stargazerCount
  licenseInfo { spdxId }
  isFork isArchived isPrivate isDisabled hasIssuesEnabled diskUsage
  primaryLanguage { name }
  defaultBranchRef { name target { oid } }
}
"""
_BY_IDS = "query($ids: [ID!]!) { nodes(ids: $ids) { ...fields } }" + _FIELDS


class _Nodes(msgspec.Struct, frozen=True):
    nodes: list[Node | None] = []


class Missing(msgspec.Struct, frozen=True):
    """What GraphQL said of a repository that it did not give."""

    type: str


Answered = list[RepositoryFacts | Missing]


async def ask_by_ids(api: GithubApi, node_ids: Sequence[str]) -> Answered:
    """Return what is known of each node, in order.

    Raises:
        QueryFailedError: if it was too much at once.
        FetchError: if it cannot be had now.
    """
    answer = await api.graphql(_BY_IDS, {"ids": list(node_ids)}, data=_Nodes)
    nodes = [] if answer.data is None else answer.data.nodes
    nodes = [*nodes, *[None] * (len(node_ids) - len(nodes))]
    errors = answer.errors
    return [_result(node, errors, ["nodes", index]) for index, node in enumerate(nodes)]


async def ask_by_names(api: GithubApi, full_names: Sequence[str]) -> Answered:
    """Return what is known of the repository that each name leads to, also a former name."""
    parts = []
    for index, full_name in enumerate(full_names):
        owner, _, name = full_name.partition("/")
        arguments = f"owner: {json.dumps(owner)}, name: {json.dumps(name)}"
        parts.append(f"r{index}: repository({arguments}) {{ ...fields }}")
    query = "query { " + " ".join(parts) + " }" + _FIELDS
    answer = await api.graphql(query, {}, data=dict[str, Node | None])
    data = answer.data or {}
    names = [f"r{index}" for index in range(len(full_names))]
    return [_result(data.get(name), answer.errors, [name]) for name in names]


def _result(
    node: Node | None, errors: Sequence[GraphqlError], path: list[str | int]
) -> RepositoryFacts | Missing:
    facts = None if node is None else from_node(node)
    if facts is not None:
        return facts
    return Missing(_error_type(errors, path))


def _error_type(errors: Sequence[GraphqlError], path: list[str | int]) -> str:
    return next((error.type for error in errors if error.path[: len(path)] == path), "")
