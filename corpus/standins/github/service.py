"""The whole of GitHub's stand-in on one loopback port, each host below a path of its own."""

from collections.abc import Iterable, Sequence
from types import TracebackType

import msgspec
from aiohttp import web

from ..faults import Fault
from ..ranged import ranged_response
from ..server import Loopback, Received
from .codeload import Codeload
from .event_words import StandinEvent
from .events import events_of, hour_files
from .gate import Gate
from .graphql import GraphQL
from .limits import Ledger, Limits
from .rest import Rest
from .smart_http import SmartHttp
from .state import GithubState, StandinRepository
from .urls import API, CODELOAD, GHARCHIVE, GIT

MAX_BODY_BYTES = 1 << 20


class GithubEndpoints(msgspec.Struct, frozen=True, kw_only=True):
    """Where the hosts are; the real ones are api.github.com and its siblings."""

    github_api: str
    github_git: str
    codeload: str
    gharchive: str


class GithubStandin:
    """Serves repositories as GitHub and GH Archive do, while in its `with`.

    Args:
        events: what GH Archive recorded; by default what `events_of` tells.
    """

    def __init__(
        self,
        repositories: Iterable[StandinRepository],
        *,
        limits: Limits | None = None,
        events: Iterable[StandinEvent] | None = None,
        faults: Sequence[Fault] = (),
    ) -> None:
        state = GithubState(repositories)
        ledger = Ledger(limits or Limits())
        app = web.Application(middlewares=[Gate(ledger).middleware], client_max_size=MAX_BODY_BYTES)
        app.add_routes([web.post(API + "/graphql", GraphQL(state, ledger).handle)])
        app.add_routes(Rest(state, ledger).routes())
        app.add_routes(Codeload(state).routes())
        app.add_routes(SmartHttp(state).routes())
        recorded = events_of(state.repositories) if events is None else events
        self._hours = hour_files(recorded, "https://api.github.com")
        app.add_routes([web.get(GHARCHIVE + "/{name}", self._hour)])
        self._server = Loopback(app, faults=faults)

    def __enter__(self) -> "GithubStandin":
        self._server.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.__exit__(kind, error, trace)

    @property
    def endpoints(self) -> GithubEndpoints:
        """The addresses that a recipe puts in place of the real ones."""
        root = self._server.url
        return GithubEndpoints(
            github_api=root + API,
            github_git=root + GIT,
            codeload=root + CODELOAD,
            gharchive=root + GHARCHIVE,
        )

    @property
    def hours(self) -> tuple[str, ...]:
        """The names of the hour files that exist."""
        return tuple(sorted(self._hours))

    @property
    def server(self) -> Loopback:
        """The server below, for more faults."""
        return self._server

    @property
    def requests(self) -> tuple[Received, ...]:
        """The latest requests, oldest first."""
        return self._server.requests

    async def _hour(self, request: web.Request) -> web.Response:
        packed = self._hours.get(request.match_info["name"])
        if packed is None:
            return web.Response(status=404, text="Not Found")
        return ranged_response(request, packed, "application/gzip")
