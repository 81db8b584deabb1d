"""A site is crawled in order, within its bounds, and nothing of it twice."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from aiohttp import web

from gristmill.corpus.standins.server import Loopback
from gristmill.corpus.standins.site import read_folder_site, sites_app
from site_tools import ROBOTS, SiteRun, app_of, asked, page, redirect

SITE = {
    "/robots.txt": ROBOTS,
    "/docs/": page("the start", "b.html", "a.html", "/other/", "mailto:x@example.org"),
    "/docs/a.html": page("page a", "c.html", "b.html", "#top"),
    "/docs/b.html": page("page b", "old.html", "gone.html", "logo.png"),
    "/docs/c.html": page("page c"),
    "/docs/old.html": redirect("/docs/new.html", 301),
    "/docs/new.html": page("the new page"),
}


@pytest.fixture
def server() -> Iterator[Loopback]:
    with Loopback(app_of(SITE)) as loopback:
        yield loopback


def test_pages_come_by_their_distance_and_then_as_they_were_found(
    run: SiteRun, server: Loopback
) -> None:
    result = run(f"{server.url}/docs/")
    assert result.is_complete
    pages = ["", "b.html", "a.html", "old.html", "gone.html", "c.html", "new.html"]
    assert asked(server) == ["/robots.txt", *(f"/docs/{name}" for name in pages)]
    names = ["", "b.html", "a.html", "c.html", "new.html"]
    assert run.paths() == [f"docs/{name}" for name in names]
