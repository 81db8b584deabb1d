"""Bytes held in memory, asked for in parts."""

from collections.abc import Iterator

import pytest
from aiohttp import web

from gristmill.corpus.standins.ranged import ranged_response
from gristmill.corpus.standins.server import Loopback

from .github_client import call

BODY = bytes(range(100))


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    async def serve(request: web.Request) -> web.Response:
        return ranged_response(request, BODY, "application/gzip")

    app = web.Application()
    app.router.add_get("/file", serve)
    with Loopback(app) as server:
        yield f"{server.url}/file"


@pytest.mark.parametrize(
    ("span", "first", "stop"),
    [("10-19", 10, 20), ("90-", 90, 100), ("-5", 95, 100), ("0-999", 0, 100)],
)
def test_a_part_is_sent_with_its_place(url: str, span: str, first: int, stop: int) -> None:
    reply = call(url, {"Range": f"bytes={span}"})
    assert (reply.status, reply.body) == (206, BODY[first:stop])
    assert reply.headers["content-range"] == f"bytes {first}-{stop - 1}/100"


@pytest.mark.parametrize("span", ["100-", "bytes", "20-10"])
def test_a_part_that_is_not_there_is_refused(url: str, span: str) -> None:
    reply = call(url, {"Range": f"bytes={span}"})
    assert (reply.status, reply.headers["content-range"]) == (416, "bytes */100")


def test_conditions_are_kept(url: str) -> None:
    etag = call(url).headers["etag"]
    part = {"Range": "bytes=1-2"}
    assert call(url, part | {"If-Range": etag}).status == 206
    assert call(url, part | {"If-Range": '"old"'}).body == BODY
    assert call(url, part | {"If-Match": '"old"'}).status == 412
    assert call(url, {"If-None-Match": etag}).status == 304
