"""Stored sites answer as live ones do, several on one port."""

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from gristmill.corpus.crawl.site.robots import read_robots
from gristmill.corpus.crawl.site.sitemap import read_sitemap
from gristmill.corpus.standins.server import Loopback
from gristmill.corpus.standins.site import read_folder_site, read_warc_sites, sites_app

WEB = Path(__file__).parents[3] / "fixtures/web/math"


class Reply(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        return None


OPENER = urllib.request.build_opener(_NoRedirects)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Loopback]:
    (tmp_path / "guide/a b").mkdir(parents=True)
    (tmp_path / "guide/index.html").write_text("<a href='a%20b/page.html'>")
    (tmp_path / "guide/a b/page.html").write_text("a page")
    (tmp_path / "data.json").write_text(json.dumps(1))
    sites = {**read_warc_sites(WEB), "docs.test": read_folder_site(tmp_path)}
    with Loopback(sites_app(sites)) as loopback:
        yield loopback


def get(server: Loopback, host: str, path: str, **headers: str) -> Reply:
    request = urllib.request.Request(server.url + path, headers={"Host": host, **headers})
    try:
        with OPENER.open(request, timeout=20) as response:
            return Reply(response.status, dict(response.headers), response.read())
    except urllib.error.HTTPError as error:
        with error:
            return Reply(error.code, dict(error.headers), error.read())


def listed(server: Loopback, host: str) -> list[str]:
    robots = read_robots(200, get(server, host, "/robots.txt").body, agent="gristmill")
    (url,) = robots.sitemaps
    assert url == f"http://{host}/sitemap.xml"
    return [entry.url for entry in read_sitemap([get(server, host, "/sitemap.xml").body]).entries]


def test_every_page_of_an_archive_is_listed_and_answers(server: Loopback) -> None:
    hosts = sorted(read_warc_sites(WEB))
    assert len(hosts) > 1
    for host in hosts:
        urls = listed(server, host)
        assert urls
        path = urls[-1].removeprefix(f"http://{host}")
        reply = get(server, host, path)
        assert reply.status == 200
        assert b"<html" in reply.body.lower()


def test_a_folder_is_a_site_with_its_own_host(server: Loopback) -> None:
    root = "http://docs.test/guide/"
    assert listed(server, "docs.test") == [
        f"{root}a%20b/page.html",
        f"{root}index.html",
    ]
    assert get(server, "docs.test", "/guide/").body == b"<a href='a%20b/page.html'>"
    reply = get(server, "docs.test:8180", "/guide/a%20b/page.html")
    assert (reply.status, reply.body) == (200, b"a page")


def test_a_folder_without_its_slash_is_redirected(server: Loopback) -> None:
    reply = get(server, "docs.test", "/guide")
    assert (reply.status, reply.headers["Location"]) == (301, "/guide/")


def test_a_page_that_has_not_changed_is_not_sent_again(server: Loopback) -> None:
    first = get(server, "docs.test", "/data.json")
    second = get(server, "docs.test", "/data.json", **{"If-None-Match": first.headers["ETag"]})
    assert (first.status, first.body) == (200, b"1")
    assert (second.status, second.body) == (304, b"")


@pytest.mark.parametrize(("host", "status"), [("docs.test", 404), ("other.test", 421)])
def test_what_is_not_there_says_so(server: Loopback, host: str, status: int) -> None:
    assert get(server, host, "/nothing").status == status
