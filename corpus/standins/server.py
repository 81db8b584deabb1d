"""Runs a web application on a loopback port in a thread, and remembers what it was asked.

Faults are put in front of the application, so that every stand-in can fail in every way.
"""

import asyncio
import threading
from collections import deque
from collections.abc import Coroutine, Sequence
from types import TracebackType
from typing import TypeVar

import msgspec
from aiohttp import web
from aiohttp.typedefs import Handler

from .faults import Fault, Faults

HOST = "127.0.0.1"
STOP_SECONDS = 0.3  # a handler that is still sending at the end is cut off after this
_Result = TypeVar("_Result")


class Received(msgspec.Struct, frozen=True):
    """One request as it arrived; header names are in lower case."""

    method: str
    host: str
    path_qs: str
    headers: dict[str, str]


class Loopback:
    """A web application on 127.0.0.1, at a port that the system chooses, while in its `with`.

    Args:
        app: an application that no server has run yet.
        faults: what goes wrong, in order of precedence.
        max_requests: how many of the latest requests are remembered.
    """

    def __init__(
        self, app: web.Application, *, faults: Sequence[Fault] = (), max_requests: int = 100_000
    ) -> None:
        self._faults = Faults(faults)
        self._received: deque[Received] = deque(maxlen=max_requests)
        self._lock = threading.Lock()
        app.middlewares.insert(0, self._faults.middleware)
        app.middlewares.insert(0, self._remember)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=STOP_SECONDS)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._port = 0

    def __enter__(self) -> "Loopback":
        self._thread.start()
        try:
            self._call(self._start())
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._close()

    @property
    def port(self) -> int:
        """The port that the server listens on."""
        return self._port

    @property
    def url(self) -> str:
        """The server's root, without a slash at its end."""
        return f"http://{HOST}:{self._port}"

    @property
    def requests(self) -> tuple[Received, ...]:
        """The latest requests, oldest first."""
        with self._lock:
            return tuple(self._received)

    def forget_requests(self) -> None:
        """Empties the list of requests."""
        with self._lock:
            self._received.clear()

    def inject(self, *faults: Fault) -> None:
        """Adds faults while the server runs."""
        self._faults.add(faults)

    async def _start(self) -> None:
        await self._runner.setup()
        await web.TCPSite(self._runner, HOST, 0).start()
        self._port = self._runner.addresses[0][1]

    def _close(self) -> None:
        try:
            self._call(self._stop())
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()

    async def _stop(self) -> None:
        await self._runner.cleanup()
        await self._loop.shutdown_asyncgens()
        await self._loop.shutdown_default_executor()

    def _call(self, coroutine: Coroutine[None, None, _Result]) -> _Result:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()

    @web.middleware
    async def _remember(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if not self._faults.is_own(request):
            headers = {name.lower(): value for name, value in request.headers.items()}
            with self._lock:
                self._received.append(
                    Received(request.method, request.host, request.raw_path, headers)
                )
        return await handler(request)
