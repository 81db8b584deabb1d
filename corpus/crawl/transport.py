"""One request and its answer over http(s), S3 or a local disk, as a stream of bytes.

No redirect is followed, nothing is unpacked and nothing is tried twice here.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Literal, Protocol

import aiohttp
import msgspec
import yarl
from aiohttp.connector import Connection

from .guard import Guard, GuardedResolver, RefusedUrlError
from .manners import Manners

CHUNK_BYTES = 1 << 18
FailureReason = Literal[
    "dns", "connection", "timeout", "slow", "short_body", "protocol", "storage", "refused_url"
]
Method = Literal["GET", "POST", "HEAD"]


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked for; `url` is sent as it is spelt."""

    url: str
    method: Method = "GET"
    headers: Mapping[str, str] = {}
    body: bytes | None = None


class Reply(msgspec.Struct, kw_only=True):
    """The head of an answer, and its body piece by piece.

    Attributes:
        headers: by lower-case name; of a name that occurs twice, the values joined by a comma.
        raw_headers: as they came, in their order.
        address: the peer's IP address, empty if there is none.
        version: of HTTP, such as "1.1".
        request_headers: as they were sent.
        asked_at: Unix seconds.
    """

    url: str
    status: int
    reason: str
    headers: dict[str, str]
    raw_headers: tuple[tuple[str, str], ...]
    address: str
    version: str
    chunks: AsyncIterator[bytes]
    request_headers: tuple[tuple[str, str], ...] = ()
    asked_at: float = 0.0


class TransportError(Exception):
    """A request that got no whole answer."""

    def __init__(self, reason: FailureReason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason: FailureReason = reason
        self.detail = detail


class Transport(Protocol):
    """A way to reach a kind of URL."""

    def open(self, request: Request) -> AbstractAsyncContextManager[Reply]:
        """Ask, and give the connection back at the end of the block."""
        ...

    async def close(self) -> None:
        """Give all connections up."""
        ...


class HttpTransport:
    """http and https, each connection to an address that the guard allows."""

    def __init__(self, guard: Guard, user_agent: str, manners_of: Callable[[str], Manners]) -> None:
        self._guard = guard
        self._manners_of = manners_of
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, resolver=GuardedResolver(guard)),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            response_class=_Response,
            trust_env=False,
            headers={"User-Agent": user_agent},
            skip_auto_headers=("Content-Type",),
            timeout=aiohttp.ClientTimeout(total=None),
        )
        # Else it asks twice by itself when a kept connection was closed, and nobody counts that.
        self._session._retry_connection = False

    async def close(self) -> None:
        """Give all connections up."""
        await self._session.close()

    @asynccontextmanager
    async def open(self, request: Request) -> AsyncIterator[Reply]:
        """Ask, and give the connection back at the end of the block.

        Raises:
            RefusedUrlError: if the URL or its host's address is not allowed.
            TransportError: if there is no answer; also from the body's iterator.
        """
        self._guard.check_url(request.url)
        url = yarl.URL(request.url, encoded=True)
        manners = self._manners_of(host_of(request.url))
        timeout = aiohttp.ClientTimeout(
            total=None, sock_connect=manners.connect_seconds, sock_read=manners.read_seconds
        )
        asked = self._session.request(
            request.method,
            url,
            data=request.body,
            headers={"Accept-Encoding": "identity", **request.headers},
            allow_redirects=False,
            timeout=timeout,
        )
        asked_at = time.time()
        with _explained():  # a head that trickles in has an end, too
            response = await asyncio.wait_for(
                asked, manners.connect_seconds + manners.low_speed_seconds
            )
        try:
            yield _reply(request.url, response, manners, asked_at)
        finally:
            if response.content.is_eof():
                response.release()
            else:  # what is left may be without end
                response.close()


class _Response(aiohttp.ClientResponse):
    """Remembers its peer: a short answer has given its connection back when it is seen."""

    address = ""

    async def start(self, connection: Connection) -> "aiohttp.ClientResponse":
        transport = connection.transport
        peer = None if transport is None else transport.get_extra_info("peername")
        self.address = str(peer[0]) if peer else ""
        return await super().start(connection)


def _reply(url: str, response: aiohttp.ClientResponse, manners: Manners, asked_at: float) -> Reply:
    raw = tuple(
        (name.decode("latin-1"), value.decode("latin-1")) for name, value in response.raw_headers
    )
    headers: dict[str, str] = {}
    for name, value in raw:
        key = name.lower()
        headers[key] = f"{headers[key]}, {value}" if key in headers else value
    address = response.address if isinstance(response, _Response) else ""
    version = response.version
    return Reply(
        url=url,
        status=response.status,
        reason=response.reason or "",
        headers=headers,
        raw_headers=raw,
        address=address,
        version=f"{version.major}.{version.minor}" if version else "1.1",
        chunks=_chunks(response, manners),
        request_headers=tuple(response.request_info.headers.items()),
        asked_at=asked_at,
    )


async def _chunks(response: aiohttp.ClientResponse, manners: Manners) -> AsyncIterator[bytes]:
    seconds, num_bytes = 0.0, 0  # spent waiting, not in the consumer
    while True:
        started = time.monotonic()
        with _explained():
            chunk = await response.content.readany()
        if not chunk:
            return
        seconds += time.monotonic() - started
        num_bytes += len(chunk)
        yield chunk
        if seconds >= manners.low_speed_seconds:
            if num_bytes < manners.low_speed_bytes * seconds:
                rate = num_bytes / seconds
                raise TransportError("slow", f"{rate:.0f} bytes a second for {seconds:.0f} s")
            seconds, num_bytes = 0.0, 0


class _explained:  # noqa: N801
    """Turns the client's errors into ours."""

    def __enter__(self) -> None: ...

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if error is None or isinstance(error, RefusedUrlError):
            return
        detail = str(error) or type(error).__name__
        if isinstance(error, asyncio.TimeoutError):
            raise TransportError("timeout", "no answer in time") from error
        if isinstance(error, aiohttp.ClientConnectorDNSError):
            raise TransportError("dns", detail) from error
        if isinstance(error, aiohttp.ClientPayloadError):
            raise TransportError("short_body", detail) from error
        if isinstance(error, aiohttp.ClientResponseError | aiohttp.http.HttpProcessingError):
            raise TransportError("protocol", detail) from error
        if isinstance(error, aiohttp.ClientError | OSError):
            raise TransportError("connection", detail) from error


def host_of(url: str) -> str:
    """Return host:port, the port only if it is not the scheme's own: one host, one gate.

    Of a URL that the guard refuses it is what stands there.
    """
    try:
        parts = yarl.URL(url, encoded=True)
        port = parts.port
    except ValueError:
        return url.partition("://")[2].partition("/")[0]
    host = parts.raw_host or ""
    return host if parts.is_default_port() or port is None else f"{host}:{port}"
