"""robots.txt is asked for first, kept for a day and obeyed; sitemaps are read with suspicion."""

import gzip
import sqlite3
from collections.abc import Iterator, Mapping

import msgspec
import pytest
from aiohttp import web

from gristmill.corpus.crawl.run import CrawlResult
from gristmill.corpus.standins.server import Loopback

from .site_tools import ROBOTS, Answers, SiteRun, app_of, asked, page, redirect

URLSET = '<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{}</urlset>'
INDEX = '<sitemapindex xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{}</sitemapindex>'


class Site:
    """A site whose answers may name its own address, as {root}."""

    def __init__(self, answers: Answers) -> None:
        self.answers = dict(answers)
        self.server = Loopback(app_of(self.answers))

    def set(self, texts: Mapping[str, str], content_type: str = "application/xml") -> None:
        for path, text in texts.items():
            body = text.replace("{root}", self.server.url).encode()
            self.answers[path] = web.Response(body=body, content_type=content_type)


@pytest.fixture
def site() -> Iterator[Site]:
    site = Site({"/": page("start", "/a", "/b/c"), "/a": page("page a"), "/b/c": page("page c")})
    with site.server:
        yield site


def robots(text: str | bytes, **headers: str) -> web.Response:
    body = text if isinstance(text, bytes) else text.encode()
    return web.Response(body=body, headers={"Content-Type": "text/plain", **headers})


def crawl(run: SiteRun, site: Site, **settings: object) -> CrawlResult:
    return run(f"{site.server.url}/", **settings)


def age_robots(run: SiteRun, hours: float) -> None:
    """Make what the ledger knows of robots.txt older."""
    with sqlite3.connect(run.crawled / "ledger.sqlite") as connection:
        (data,) = connection.execute("SELECT facts FROM items WHERE kind = 'robots'").fetchone()
        facts = msgspec.json.decode(data)
        for name in ("answered_at", "unreachable_since"):
            facts[name] = facts[name] and facts[name] - hours * 3600
        connection.execute(
            "UPDATE items SET facts = ? WHERE kind = 'robots'", (msgspec.json.encode(facts),)
        )
    connection.close()


def test_what_robots_txt_forbids_is_not_asked_for(run: SiteRun, site: Site) -> None:
    site.answers["/robots.txt"] = robots("User-agent: gristmill\nDisallow: /b/\n")
    result = crawl(run, site)
    assert asked(site.server) == ["/robots.txt", "/", "/a"]
    assert result.refused == {"page": {"robots": 1}}
    assert result.is_complete


@pytest.mark.parametrize(
    "body",
    [
        b"\xef\xbb\xbfUser-agent: *\nDisallow: /b/",
        b"User-agent: *\nDisallow: /b/\n" + b"# padding\n" * 60_000 + b"Disallow: /a\n",
    ],
)
def test_robots_txt_with_a_bom_or_of_600_kb_is_obeyed(
    run: SiteRun, site: Site, body: bytes
) -> None:
    site.answers["/robots.txt"] = robots(body)
    crawl(run, site)
    assert asked(site.server) == ["/robots.txt", "/", "/a"]


def test_without_its_rules_no_page_of_a_host_is_asked_for(run: SiteRun, site: Site) -> None:
    site.answers["/robots.txt"] = web.Response(status=503)
    result = crawl(run, site)
    assert set(asked(site.server)) == {"/robots.txt"}
    assert result.failed == {"page": {"robots_http_503": 1}, "robots": {"http_503": 1}}
    assert run.manifest().missing == {"http_503": 1, "robots_http_503": 1}
    site.answers["/robots.txt"] = ROBOTS
    assert crawl(run, site).done == {"page": 3, "robots": 1}


def test_rules_that_are_unreachable_for_a_month_are_none(run: SiteRun, site: Site) -> None:
    site.answers["/robots.txt"] = web.Response(status=500)
    assert not crawl(run, site).is_complete
    age_robots(run, 31 * 24)
    assert crawl(run, site).done == {"page": 3, "robots": 1}


def test_robots_txt_may_lie_behind_redirects_and_each_is_recorded(run: SiteRun, site: Site) -> None:
    site.answers["/robots.txt"] = redirect("/one")
    site.answers["/one"] = redirect("/two", 301)
    site.answers["/two"] = robots("User-agent: *\nDisallow: /b/\n")
    crawl(run, site)
    assert asked(site.server) == ["/robots.txt", "/one", "/two", "/", "/a"]
    data = b"".join(gzip.decompress(path.read_bytes()) for path in run.archives("diagnostics"))
    assert data.count(b"WARC-Type: response\r\n") == 3


def test_rules_hold_for_a_day_and_are_then_asked_for_by_their_etag(
    run: SiteRun, site: Site
) -> None:
    def answer(request: web.Request) -> web.Response:
        if request.headers.get("If-None-Match") == '"1"':
            return web.Response(status=304, headers={"ETag": '"1"'})
        return robots("User-agent: *\nDisallow: /b/\n", ETag='"1"')

    site.answers["/robots.txt"] = answer
    crawl(run, site, max_pages=1)
    age_robots(run, 23)
    crawl(run, site, max_pages=2)
    assert asked(site.server) == ["/robots.txt", "/", "/a"]
    age_robots(run, 25)
    result = crawl(run, site)
    assert asked(site.server)[3:] == ["/robots.txt"]
    assert result.refused["page"] == {"robots": 1}
    assert [host.not_modified for host in result.hosts] == [1]
    last = gzip.decompress(run.archives("diagnostics")[-1].read_bytes())
    assert b"WARC-Profile: http://netpreserve.org/warc/1.1/revisit/server-not-modified" in last


def test_a_crawl_delay_is_waited_for(run: SiteRun, site: Site) -> None:
    site.answers["/robots.txt"] = robots("User-agent: *\nCrawl-delay: 0.4\n")
    (host,) = crawl(run, site).hosts
    assert (host.requests, host.waited_seconds >= 0.4) == (4, True)  # 1.2, less our own time


@pytest.mark.parametrize("delay", ["100000", "1e300"])
def test_a_site_that_wants_pauses_of_hours_is_left_alone(
    run: SiteRun, site: Site, delay: str
) -> None:
    site.answers["/robots.txt"] = robots(f"User-agent: *\nCrawl-delay: {delay}\n")
    result = crawl(run, site)
    assert result.refused == {"page": {"crawl_delay": 1}}


def test_pages_of_sitemaps_are_one_link_from_a_start(run: SiteRun, site: Site) -> None:
    site.set({"/robots.txt": "Sitemap: {root}/index.xml"}, "text/plain")
    site.set({"/index.xml": INDEX.format("<sitemap><loc>{root}/map.xml</loc></sitemap>")})
    site.set({"/map.xml": URLSET.format("<url><loc>{root}/hidden</loc></url>")})
    site.answers["/hidden"] = page("a page without links to it")
    result = crawl(run, site, max_depth=1)
    paths = ["/robots.txt", "/index.xml", "/map.xml", "/", "/hidden", "/a", "/b/c"]
    assert asked(site.server) == paths
    assert result.done == {"page": 4, "robots": 1, "sitemap": 2}


def test_sitemaps_are_left_alone_if_the_recipe_says_so(run: SiteRun, site: Site) -> None:
    site.set({"/robots.txt": "Sitemap: {root}/map.xml"}, "text/plain")
    crawl(run, site, sitemaps=False)
    assert "/map.xml" not in asked(site.server)


def test_a_sitemap_speaks_for_its_own_host_only(run: SiteRun, site: Site) -> None:
    site.set(
        {"/robots.txt": "Sitemap: {root}/map.xml\nSitemap: http://other.example/map.xml"},
        "text/plain",
    )
    site.set({"/map.xml": URLSET.format("<url><loc>http://other.example/</loc></url>")})
    result = crawl(run, site)
    assert result.refused == {"link": {"outside": 1}, "sitemap": {"other_host": 1}}


def test_a_sitemap_bomb_is_read_up_to_its_bound(run: SiteRun, site: Site) -> None:
    bomb = gzip.compress(b"<urlset>" + b" " * (60 << 20))
    site.set({"/robots.txt": "Sitemap: {root}/map.xml.gz"}, "text/plain")
    site.answers["/map.xml.gz"] = web.Response(body=bomb)
    result = crawl(run, site)
    assert result.refused == {"sitemap": {"too_large": 1}}
    assert "read up to a fault: too_large" in run.notes[0]
    assert result.done["page"] == 3


def test_indexes_of_indexes_end(run: SiteRun, site: Site) -> None:
    site.set({"/robots.txt": "Sitemap: {root}/0"}, "text/plain")
    for i in range(5):
        site.set({f"/{i}": INDEX.format(f"<sitemap><loc>{{root}}/{i + 1}</loc></sitemap>")})
    result = crawl(run, site)
    assert result.refused == {"sitemap": {"nested_index": 1}}
    assert "/2" not in asked(site.server)


def test_a_sitemap_that_is_not_there_or_moved_is_counted(run: SiteRun, site: Site) -> None:
    site.set({"/robots.txt": "Sitemap: {root}/gone\nSitemap: {root}/moved"}, "text/plain")
    site.answers["/moved"] = redirect("/map.xml")
    site.set({"/map.xml": URLSET.format("<url><loc>{root}/hidden</loc></url>")})
    site.answers["/hidden"] = page("a page")
    result = crawl(run, site)
    assert result.refused == {"sitemap": {"http_404": 1, "redirect": 1}}
    assert result.done["page"] == 4
