"""Requests with manners: every one waits for its host's gate, and what may pass is tried again.

Redirects are followed by hand, to allowed hosts only. A long body goes on where it broke off, if
it is still the same one.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from urllib.parse import urljoin

import msgspec

from .attempts import Attempts, FetchError, NotNowError
from .guard import Guard, RefusedUrlError
from .manners import Host, HostGivenUpError, Hosts, Manners
from .objects import FileTransport, S3Transport
from .ranges import RangeError, body_offset, check_range, is_end, strong_etag
from .transport import HttpTransport, Method, Reply, Request, Transport, TransportError, host_of
from .verdict import Judge, judge

REDIRECTS = frozenset((301, 302, 303, 307, 308))
MAX_REDIRECTS = 5
ERROR_BYTES = 1 << 16  # of a refusal's body, which may say why


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """A whole answer; `is_truncated` if the body was cut at the limit that the caller set."""

    url: str
    status: int
    reason: str
    headers: dict[str, str]
    raw_headers: tuple[tuple[str, str], ...]
    address: str
    version: str
    body: bytes
    is_truncated: bool = False
    request_headers: tuple[tuple[str, str], ...] = ()
    asked_at: float = 0.0  # Unix seconds


class Fetcher:
    """Fetches for one crawl. Use it as `async with`.

    Args:
        redirect_hosts: where a redirect may lead besides its own host; None for anywhere that the
            guard allows.
        note: takes up what a person should read, such as that a host blocks us.
        s3_options: obstore's; None refuses s3:// URLs.
        local_root: the one folder that paths may lead into; None refuses paths.
    """

    def __init__(
        self,
        *,
        guard: Guard,
        user_agent: str,
        manners: Manners,
        note: Callable[[str], None],
        redirect_hosts: frozenset[str] | None = frozenset(),
        s3_options: Mapping[str, str] | None = None,
        local_root: str | None = None,
    ) -> None:
        self.hosts = Hosts(manners, note)
        self.guard = guard
        self._redirect_hosts = redirect_hosts
        self._user_agent = user_agent
        self._s3_options = s3_options
        self._local_root = local_root
        self._transports: dict[str, Transport] = {}

    async def __aenter__(self) -> "Fetcher":
        return self

    async def __aexit__(self, *_: object) -> None:
        for transport in self._transports.values():
            await transport.close()

    async def get(
        self,
        url: str,
        *,
        max_bytes: int,
        method: Method = "GET",
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        span: tuple[int, int] | None = None,
        etag: str | None = None,
        judge: Judge = judge,
        may_redirect: bool = True,
        may_truncate: bool = False,
        limit_of: Callable[[Reply], int] | None = None,
    ) -> Answer:
        """Return a whole answer, whatever its status, once the host gives one that counts.

        Args:
            span: first and last byte wanted; the answer then is 206 and exactly these bytes, or
                an error's.
            etag: of the file as it must still be; else FetchError `changed`.
            limit_of: says by an answer's head how many bytes of it are wanted, up to `max_bytes`.

        Raises:
            FetchError: when all attempts failed, or it is refused.
        """
        asked = dict(headers or {})
        if span is not None:
            asked["Range"] = f"bytes={span[0]}-{span[1]}"
        if etag is not None:
            asked["If-Match"] = etag
        request = Request(url=url, method=method, headers=asked, body=body)

        async def once() -> Answer:
            async with self._opened(request, judge, may_redirect=may_redirect) as reply:
                check_range(reply, span, etag)
                limit = max_bytes if limit_of is None else min(max_bytes, limit_of(reply))
                data, is_truncated = await _read(reply, limit, may_truncate=may_truncate)
                if span is not None and reply.status == 206 and len(data) != span[1] - span[0] + 1:
                    raise TransportError("short_body", f"{len(data)} bytes came")
                return _whole(reply, data, is_truncated=is_truncated)

        attempt = Attempts(self.hosts.manners(host_of(url)), url)
        while True:
            try:
                return await once()
            except (TransportError, RangeError, NotNowError) as error:
                await attempt.failed(error, self._host(url))

    async def chunks(
        self,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        start: int = 0,
        etag: str | None = None,
        on_open: Callable[[Reply], None] | None = None,
        judge: Judge = judge,
    ) -> AsyncGenerator[bytes, None]:
        """Yield a file's bytes from an offset on, without a gap, over as many answers as it takes.

        Args:
            etag: of the file as it must still be.
            on_open: is given the head of each answer, to learn its ETag and size.

        Raises:
            FetchError: when as many attempts in a row brought nothing as may; `changed` if the
                file is no longer the same; `http_...` for a status other than 200 and 206.
        """
        attempt = Attempts(self.hosts.manners(host_of(url)), url)
        position = start
        while True:
            asked = dict(headers or {})
            if position:
                asked["Range"] = f"bytes={position}-"
            if etag is not None:
                asked["If-Match"] = etag
            try:
                request = Request(url=url, headers=asked)
                async with self._opened(request, judge, may_redirect=True) as reply:
                    if reply.status == 416 and is_end(reply, position):
                        return  # it broke off at its very end
                    at = body_offset(reply, position, etag)
                    if reply.status not in (200, 206):
                        raise FetchError(url, f"http_{reply.status}", reply.reason)
                    if on_open is not None:
                        on_open(reply)
                    etag = etag or strong_etag(reply.headers)
                    async for chunk in reply.chunks:
                        fresh = chunk[max(0, position - at) :]
                        at += len(chunk)
                        if fresh:
                            attempt.progressed()
                            position += len(fresh)
                            yield fresh
                    return
            except (TransportError, RangeError, NotNowError) as error:
                if position and etag is None:
                    raise FetchError(url, "broke_off", f"{error}; it cannot go on") from error
                await attempt.failed(error, self._host(url))

    def _host(self, url: str) -> Host:
        return self.hosts.get(host_of(url) if "://" in url else "")

    @asynccontextmanager
    async def _opened(
        self, request: Request, judge: Judge, *, may_redirect: bool
    ) -> AsyncIterator[Reply]:
        """Yield an answer that counts, after redirects, with its host's slot held."""
        for _ in range(MAX_REDIRECTS + 1):
            host = self._host(request.url)
            try:
                if request.url.startswith(("http://", "https://")):
                    self.guard.check_url(request.url)  # what is never asked for is no request
                async with host.slot(), self._transport(request.url).open(request) as reply:
                    reply.chunks = _counted(reply.chunks, host)
                    await _pass_on(reply, judge, host)
                    if not (may_redirect and reply.status in REDIRECTS):
                        yield reply
                        return
                    request = self._redirected(request, reply)
            except HostGivenUpError as error:
                detail = f"{error} blocks us"
                raise FetchError(request.url, "host_paused", detail) from None
            except RefusedUrlError as error:
                raise FetchError(request.url, f"refused_{error.refusal}", error.detail) from None
        raise FetchError(request.url, "redirect_loop", f"more than {MAX_REDIRECTS} redirects")

    def _redirected(self, request: Request, reply: Reply) -> Request:
        try:
            target = urljoin(request.url, reply.headers.get("location", ""))
        except ValueError as error:
            raise RefusedUrlError(
                request.url, "url", f"its redirect is malformed: {error}"
            ) from None
        self.guard.check_url(target)
        here, there = host_of(request.url), host_of(target)
        allowed = self._redirect_hosts
        if here != there and allowed is not None and there not in allowed:
            detail = f"a redirect to {there}"
            raise RefusedUrlError(request.url, "host", detail)
        if request.url.startswith("https:") and target.startswith("http:"):
            raise RefusedUrlError(request.url, "scheme", "a redirect from https to http")
        kept = dict(request.headers)
        if here != there:  # a token is for the host that it was given for
            kept.pop("Authorization", None)
        if request.method == "POST" and reply.status in (301, 302, 303):
            return Request(url=target, headers=kept)
        return msgspec.structs.replace(request, url=target, headers=kept)

    def _transport(self, url: str) -> Transport:
        scheme = url.partition("://")[0] if "://" in url else ""
        if scheme not in self._transports:
            self._transports[scheme] = self._make_transport(scheme)
        return self._transports[scheme]

    def _make_transport(self, scheme: str) -> Transport:
        if scheme == "s3" and self._s3_options is not None:
            return S3Transport(self.guard, self._s3_options)
        if scheme == "" and self._local_root is not None:
            return FileTransport(self._local_root)
        return HttpTransport(self.guard, self._user_agent, self.hosts.manners)


async def _pass_on(reply: Reply, judge: Judge, host: Host) -> None:
    """Tell the host's gate of an answer; raise NotNowError for one that does not count."""
    if reply.status < 400:
        host.succeeded()
        if reply.status == 304:
            host.counts.not_modified += 1
        return
    body, _ = await _read(reply, ERROR_BYTES, may_truncate=True)
    verdict = judge(reply.status, reply.headers, body)
    detail = body[:200].decode("utf-8", "replace").replace("\n", " ")
    if verdict.action == "take":
        reply.chunks = _again(body)
        return
    if verdict.action == "slow_down":
        host.pushed_back()
        if verdict.seconds is not None:
            host.hold(verdict.seconds)
    elif verdict.action == "pause":
        host.pause(f"HTTP {reply.status}")
    raise NotNowError(reply, verdict, detail)


async def _counted(chunks: AsyncIterator[bytes], host: Host) -> AsyncIterator[bytes]:
    async for chunk in chunks:
        host.counts.received_bytes += len(chunk)
        yield chunk


async def _again(body: bytes) -> AsyncIterator[bytes]:
    yield body


async def _read(reply: Reply, max_bytes: int, *, may_truncate: bool) -> tuple[bytes, bool]:
    data = bytearray()
    async for chunk in reply.chunks:
        data += chunk
        if len(data) > max_bytes:
            if not may_truncate:
                raise FetchError(reply.url, "too_large", f"over {max_bytes} bytes")
            return bytes(data[:max_bytes]), True
    return bytes(data), False


def _whole(reply: Reply, body: bytes, *, is_truncated: bool) -> Answer:
    return Answer(
        url=reply.url,
        status=reply.status,
        reason=reply.reason,
        headers=reply.headers,
        raw_headers=reply.raw_headers,
        address=reply.address,
        version=reply.version,
        body=body,
        is_truncated=is_truncated,
        request_headers=reply.request_headers,
        asked_at=reply.asked_at,
    )
