"""Makes a server fail on purpose: refusals, broken bodies, lies in headers, and redirects.

A fault that needs the true answer asks the server itself for it, by a request that no fault and no
list of requests sees, and spoils what comes back. So it works on every answer, streamed or not.
"""

import re
import secrets
import threading
from collections.abc import Iterable
from typing import Literal

import aiohttp
import msgspec
from aiohttp import web
from aiohttp.typedefs import Handler
from multidict import CIMultiDict
from yarl import URL

from .breakage import Answer, drop_connection, send_broken, send_slowly
from .refusals import REFUSALS, refusal

INNER_HEADER = "X-Loopback-Inner"
FaultKind = Literal[
    "slow_down",
    "blocked",
    "too_many_requests",
    "server_error",
    "wrapped_slow_down",
    "redirect",
    "redirect_loop",
    "empty_reply",
    "short_body",
    "reset",
    "cut_body",
    "slow_body",
    "whole_body",
    "wrong_range",
    "changed_etag",
]


class Fault(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What goes wrong, at which requests.

    Args:
        kind: `slow_down` 503 with S3's XML; `blocked` 403 with a page; `too_many_requests` 429;
            `server_error` 500; `wrapped_slow_down` 500 around S3's 503; `redirect` to `location`;
            `redirect_loop` to the same URL; `empty_reply` closes without a byte; `short_body`
            closes early; `reset` resets the connection early; `cut_body` is short and says so;
            `slow_body` sends `bytes_per_second`; `whole_body` ignores Range; `wrong_range` lies in
            Content-Range; `changed_etag` behaves as if the file had just been replaced.
        match: a regular expression searched in the path and query.
        method: only requests of this method, if given.
        first: the first matching request that fails, counted from 1.
        times: how many fail from there on; None for all.
        retry_after_seconds: the Retry-After header of a refusal, if given.
        location: where `redirect` points to.
        body_fraction: the part of the body that the broken ones send.
    """

    kind: FaultKind
    match: str = ""
    method: str | None = None
    first: int = 1
    times: int | None = 1
    retry_after_seconds: int | None = None
    location: str = ""
    body_fraction: float = 0.5
    bytes_per_second: int = 1000


class Faults:
    """The faults of one server and how often each was met."""

    def __init__(self, faults: Iterable[Fault] = ()) -> None:
        self._lock = threading.Lock()
        self._faults: list[tuple[Fault, re.Pattern[str]]] = []
        self._num_met: list[int] = []
        self._secret = secrets.token_hex(16)
        self.add(faults)

    def add(self, faults: Iterable[Fault]) -> None:
        """Adds faults behind those that are there."""
        with self._lock:
            for fault in faults:
                self._faults.append((fault, re.compile(fault.match)))
                self._num_met.append(0)

    def is_own(self, request: web.Request) -> bool:
        """Tell whether a fault made this request to learn the true answer."""
        return request.headers.get(INNER_HEADER) == self._secret

    def due(self, method: str, path_qs: str) -> Fault | None:
        """Count a request and return the first fault that it meets."""
        chosen = None
        with self._lock:
            for index, (fault, pattern) in enumerate(self._faults):
                if fault.method not in (None, method) or not pattern.search(path_qs):
                    continue
                self._num_met[index] += 1
                past = self._num_met[index] - fault.first
                if chosen is None and past >= 0 and (fault.times is None or past < fault.times):
                    chosen = fault
        return chosen

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Answer in the application's place where a fault is due."""
        fault = None if self.is_own(request) else self.due(request.method, request.raw_path)
        if fault is None:
            return await handler(request)
        if fault.kind in REFUSALS:
            return refusal(fault.kind, fault.retry_after_seconds)
        if fault.kind == "redirect":
            return web.Response(status=302, headers={"Location": fault.location})
        if fault.kind == "redirect_loop":
            return web.Response(status=302, headers={"Location": request.raw_path})
        if fault.kind == "empty_reply":
            return drop_connection(request)
        return await self._spoil(request, fault)

    async def _spoil(self, request: web.Request, fault: Fault) -> web.StreamResponse:
        if fault.kind == "changed_etag" and "If-Match" in request.headers:
            return web.Response(status=412, headers={"ETag": _changed_etag("")})
        answer = await self._true_answer(request, _headers_to_drop(request, fault))
        if fault.kind == "changed_etag":
            answer.headers["ETag"] = _changed_etag(answer.headers.get("ETag", ""))
        elif fault.kind == "wrong_range":
            answer.headers["Content-Range"] = _shifted(answer.headers.get("Content-Range", ""))
        elif fault.kind == "slow_body":
            return await send_slowly(request, answer, fault.bytes_per_second)
        elif fault.kind in ("short_body", "reset"):
            return await send_broken(
                request, answer, fault.body_fraction, is_reset=fault.kind == "reset"
            )
        elif fault.kind == "cut_body":
            answer.body = answer.body[: int(len(answer.body) * fault.body_fraction)]
        return answer.response()

    async def _true_answer(self, request: web.Request, dropped: set[str]) -> Answer:
        assert request.transport is not None
        port = request.transport.get_extra_info("sockname")[1]
        headers = {k: v for k, v in request.headers.items() if k.lower() not in dropped}
        url = f"http://127.0.0.1:{port}{request.raw_path}"
        async with (
            aiohttp.ClientSession(auto_decompress=False) as session,
            session.request(
                request.method,
                URL(url, encoded=True),
                headers=headers | {INNER_HEADER: self._secret},
                data=await request.read(),
                allow_redirects=False,
            ) as reply,
        ):
            return Answer(reply.status, CIMultiDict(reply.headers), await reply.read())


def _headers_to_drop(request: web.Request, fault: Fault) -> set[str]:
    hop_by_hop = {"transfer-encoding", "content-length", "connection", "expect"}
    if fault.kind == "whole_body":
        return hop_by_hop | {"range", "if-range"}
    if fault.kind == "changed_etag":
        stale = {"if-range", "range"} if "If-Range" in request.headers else set()
        return hop_by_hop | {"if-none-match", "if-modified-since"} | stale
    return hop_by_hop


def _changed_etag(etag: str) -> str:
    return '"changed-' + re.sub(r"[^0-9A-Za-z-]", "", etag) + '"'


def _shifted(content_range: str) -> str:
    """Return a Content-Range whose first byte is one later than the one sent."""
    return re.sub(r"(\d+)-", lambda match: f"{int(match[1]) + 1}-", content_range, count=1)
