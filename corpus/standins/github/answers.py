"""Answers of the API that are the same everywhere: JSON, failures, pages, and lookups."""

import json
from collections.abc import Sequence
from typing import TypeVar

from aiohttp import web

from .state import BLOCK_STATUS, BLOCKED_AT, GithubState, StandinRepository
from .urls import api_root

Json = dict[str, object]
DOCUMENTATION = "https://docs.github.com/rest"
DEFAULT_PER_PAGE = 30
MAX_PER_PAGE = 100
_Item = TypeVar("_Item")


def answer(
    content: object, status: int = 200, headers: dict[str, str] | None = None
) -> web.Response:
    """Return JSON as GitHub labels it."""
    response = web.Response(
        status=status,
        body=json.dumps(content, separators=(",", ":")).encode("utf-8"),
        content_type="application/json",
        charset="utf-8",
        headers=headers,
    )
    response.headers["X-GitHub-Media-Type"] = "github.v3; format=json"
    return response


def failure(status: int, message: str, documentation: str = DOCUMENTATION) -> web.Response:
    """Return an error with GitHub's message object."""
    content = {"message": message, "documentation_url": documentation, "status": str(status)}
    return answer(content, status)


def not_found() -> web.Response:
    """Return what GitHub says of anything that is not there or not to be seen."""
    return failure(404, "Not Found")


def moved(request: web.Request, repository: StandinRepository, tail: str) -> web.Response:
    """Return the redirect of a renamed repository to its id."""
    location = f"{api_root(request)}/repositories/{repository.id}{tail}"
    content = {"message": "Moved Permanently", "url": location, "documentation_url": DOCUMENTATION}
    return answer(content, 301, {"Location": location})


def blocked(repository: StandinRepository) -> web.Response:
    """Return the refusal of a repository that was taken down."""
    assert repository.block is not None
    html_url = "https://github.com/tos"
    if repository.block == "dmca":
        html_url = f"https://github.com/github/dmca/blob/master/{repository.name}.md"
    block = {"reason": repository.block, "created_at": BLOCKED_AT, "html_url": html_url}
    content = {"message": "Repository access blocked", "block": block}
    return answer(content, BLOCK_STATUS[repository.block])


def find(
    state: GithubState, request: web.Request, tail: str = ""
) -> StandinRepository | web.Response:
    """Return the repository that a URL names by id or full name, or the answer instead of it."""
    if "id" in request.match_info:
        found = state.by_id(int(request.match_info["id"]))
    else:
        full_name = f"{request.match_info['owner']}/{request.match_info['name']}"
        found = state.by_name(full_name)
        if found is None and (renamed := state.moved(full_name)) is not None:
            return moved(request, renamed, tail)
    if found is None:
        return not_found()
    return blocked(found) if found.block is not None else found


def page_of(
    request: web.Request, items: Sequence[_Item], path: str
) -> tuple[Sequence[_Item], dict[str, str]]:
    """Return the page that a request asks for, and its Link header.

    Args:
        path: the path below the API's root that the links point to.
    """
    per_page = min(_positive(request, "per_page", DEFAULT_PER_PAGE), MAX_PER_PAGE)
    page = _positive(request, "page", 1)
    last = max(1, -(-len(items) // per_page))
    numbers = {}
    if page > 1:
        numbers["prev"] = min(page - 1, last)
    if page < last:
        numbers |= {"next": page + 1, "last": last}
    if page > 1:
        numbers["first"] = 1
    links = []
    for relation, number in numbers.items():
        query = request.rel_url.update_query({"page": str(number)}).raw_query_string
        links.append(f'<{api_root(request)}{path}?{query}>; rel="{relation}"')
    headers = {"Link": ", ".join(links)} if links else {}
    return items[(page - 1) * per_page : page * per_page], headers


def _positive(request: web.Request, name: str, default: int) -> int:
    text = request.query.get(name, "")
    return max(1, int(text)) if text.isdecimal() else default
