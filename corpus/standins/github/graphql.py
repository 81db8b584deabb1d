"""GitHub's GraphQL endpoint over a part of GitHub's own schema, executed by graphql-core."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from importlib.resources import files

import msgspec
from aiohttp import web
from graphql import (
    ExecutionResult,
    GraphQLError,
    GraphQLSchema,
    build_schema,
    graphql_sync,
)

from .answers import Json, answer, failure
from .gate import CLIENT
from .limits import Ledger, Quota
from .node_ids import other_node_id, repository_node_id, repository_number
from .state import GithubState, StandinRepository, at, login_id
from .urls import git_root

MAX_NODES = 100


class _Asked(msgspec.Struct):
    """The body of a request."""

    query: str
    variables: dict[str, object] | None = None
    operationName: str | None = None  # noqa: N815 - the protocol's name


class GraphQL:
    """The handler over one state."""

    def __init__(self, state: GithubState, ledger: Ledger) -> None:
        self._state = state
        self._ledger = ledger
        self._schema = read_schema()

    async def handle(self, request: web.Request) -> web.Response:
        """Execute a query; errors of the query come with status 200."""
        try:
            asked = msgspec.json.decode(await request.read(), type=_Asked)
        except (msgspec.DecodeError, msgspec.ValidationError):
            return failure(400, "Problems parsing JSON")
        quota = self._ledger.quota(request[CLIENT], "graphql")
        result = graphql_sync(
            self._schema,
            asked.query,
            root_value=_Root(self._state, quota, git_root(request)),
            variable_values=asked.variables,
            operation_name=asked.operationName,
        )
        return answer(_as_github(result))


def read_schema() -> GraphQLSchema:
    """Return the part of GitHub's schema that the stand-in answers."""
    text = (files("gristmill") / "fixtures/github/schema.graphql").read_text(encoding="utf-8")
    return build_schema(text)


class _Root:
    """Resolves the fields of Query; names of methods and arguments are the schema's."""

    def __init__(self, state: GithubState, quota: Quota, web_root: str) -> None:
        self._state = state
        self._quota = quota
        self._web_root = web_root

    def nodes(self, info: object, ids: Sequence[str]) -> list[Json | GraphQLError]:
        """Resolve nodes by id, in the order of the ids; a list item may be an error."""
        if len(ids) > MAX_NODES:
            message = f"You may not provide more than {MAX_NODES} node ids; you provided {len(ids)}"
            raise _error("ARGUMENT_LIMIT", message + ".")
        return [self._node(node_id) for node_id in ids]

    def node(self, info: object, id: str) -> Json | GraphQLError:
        """Resolve one node."""
        return self._node(id)

    def repository(
        self,
        info: object,
        owner: str,
        name: str,
        followRenames: bool = True,  # noqa: N803, FBT001, FBT002 - the protocol's name
    ) -> Json | GraphQLError:
        """Resolve a repository by name; an old name is followed unless that is declined."""
        full_name = f"{owner}/{name}"
        found = self._state.by_name(full_name)
        if found is None and followRenames:
            found = self._state.moved(full_name)
        if found is None:
            message = f"Could not resolve to a Repository with the name '{full_name}'."
            return _error("NOT_FOUND", message)
        return self._visible(found)

    def rateLimit(  # noqa: N802 - the protocol's name
        self,
        info: object,
        dryRun: bool = False,  # noqa: N803, FBT001, FBT002
    ) -> Json:
        """Tell what the query costs and what is left after it."""
        return {
            "cost": 1,
            "limit": self._quota.limit,
            "nodeCount": 0,
            "remaining": self._quota.remaining,
            "resetAt": at(datetime.fromtimestamp(self._quota.reset, timezone.utc)),
            "used": self._quota.used,
        }

    def _node(self, node_id: str) -> Json | GraphQLError:
        number = repository_number(node_id)
        found = None if number is None else self._state.by_id(number)
        if found is None:
            message = f"Could not resolve to a node with the global id of '{node_id}'"
            return _error("NOT_FOUND", message)
        return self._visible(found)

    def _visible(self, repository: StandinRepository) -> Json | GraphQLError:
        if repository.block is not None:
            return _error("FORBIDDEN", "Repository access blocked")
        return _repository(repository, self._web_root)


def _repository(repository: StandinRepository, web_root: str) -> Json:
    return {
        "__typename": "Repository",
        "id": repository_node_id(repository.id),
        "databaseId": repository.id,
        "name": repository.name,
        "nameWithOwner": repository.full_name,
        "description": repository.description,
        "url": f"{web_root}/{repository.full_name}",
        "createdAt": at(repository.created_at),
        "updatedAt": at(repository.pushed_at),
        "pushedAt": at(repository.pushed_at),
        "stargazerCount": repository.stars,
        "forkCount": 0,
        "licenseInfo": _licence(repository.licence),
        "isFork": repository.is_fork,
        "isArchived": repository.is_archived,
        "isPrivate": repository.is_private,
        "isDisabled": repository.is_disabled,
        "isLocked": repository.is_locked,
        "isEmpty": repository.commit is None,
        "hasIssuesEnabled": repository.has_issues,
        "visibility": "PRIVATE" if repository.is_private else "PUBLIC",
        "diskUsage": repository.disk_usage_kib,
        "primaryLanguage": _language(repository.language),
        "defaultBranchRef": _branch(repository),
    }


def _licence(spdx_id: str | None) -> Json | None:
    if spdx_id is None:
        return None
    key = spdx_id.lower()
    number = other_node_id("L", login_id(key))
    return {"id": number, "key": key, "name": spdx_id, "spdxId": spdx_id}


def _language(name: str | None) -> Json | None:
    if name is None:
        return None
    return {"id": other_node_id("LA", login_id(name)), "name": name, "color": None}


def _branch(repository: StandinRepository) -> Json | None:
    if repository.commit is None:
        return None
    commit = {"__typename": "Commit", "id": f"C_{repository.commit}", "oid": repository.commit}
    commit["committedDate"] = at(repository.pushed_at)
    return {
        "id": f"REF_{repository.id}",
        "name": repository.default_branch,
        "prefix": "refs/heads/",
        "target": commit,
    }


def _error(kind: str, message: str) -> GraphQLError:
    return GraphQLError(message, extensions={"type": kind})


def _as_github(result: ExecutionResult) -> Json:
    """Return a result as GitHub writes it: an error's type stands beside its message."""
    content: Json = {}
    was_executed = not result.errors or any(error.path is not None for error in result.errors)
    if was_executed:
        content["data"] = result.data
    if result.errors:
        content["errors"] = [_error_as_github(error) for error in result.errors]
    return content


def _error_as_github(error: GraphQLError) -> Mapping[str, object]:
    formatted: Json = {}
    if error.extensions and "type" in error.extensions:
        formatted["type"] = error.extensions["type"]
    if error.path is not None:
        formatted["path"] = error.path
    if error.locations:
        formatted["locations"] = [
            {"line": location.line, "column": location.column} for location in error.locations
        ]
    formatted["message"] = error.message
    return formatted
