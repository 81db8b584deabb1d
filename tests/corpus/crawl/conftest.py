"""A file server on loopback that can fail, and a fetcher with short waits."""

import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from aiohttp import web

from gristmill.corpus.crawl.fetcher import Fetcher
from gristmill.corpus.crawl.guard import Guard
from gristmill.corpus.crawl.manners import Manners
from gristmill.corpus.standins.server import Loopback

QUICK = Manners(
    requests_per_second=1e6,
    burst=1000,
    max_attempts=3,
    backoff_seconds=0.01,
    pause_seconds=0.1,
    max_pauses=1,
    connect_seconds=2,
    read_seconds=2,
)
MakeFetcher = Callable[..., Fetcher]


@pytest.fixture
def content() -> bytes:
    return random.Random(7).randbytes(400_000)


@pytest.fixture
def folder(tmp_path: Path, content: bytes) -> Path:
    served = tmp_path / "served"
    served.mkdir()
    (served / "data.bin").write_bytes(content)
    return served


@pytest.fixture
def server(folder: Path) -> Iterator[Loopback]:
    async def serve(request: web.Request) -> web.StreamResponse:
        path = folder / request.match_info["name"]
        if not path.is_file():
            raise web.HTTPNotFound(text="no such file")
        return web.FileResponse(path)

    app = web.Application()
    app.router.add_get("/{name}", serve)
    with Loopback(app) as loopback:
        yield loopback


@pytest.fixture
def quick() -> Manners:
    return QUICK


@pytest.fixture
def notes() -> list[str]:
    return []


@pytest.fixture
def make_fetcher(notes: list[str]) -> MakeFetcher:
    def make(**changes: object) -> Fetcher:
        settings: dict[str, object] = {
            "guard": Guard(allow_loopback=True),
            "user_agent": "gristmill-test (+mailto:test@example.org)",
            "manners": QUICK,
            "note": notes.append,
        }
        return Fetcher(**(settings | changes))  # type: ignore[arg-type]

    return make
