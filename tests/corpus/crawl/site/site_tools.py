"""Runs crawls of sites and reads what they brought."""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec
from aiohttp import web

from gristmill.corpus.crawl.context import CrawlContext, make_fetcher, user_agent
from gristmill.corpus.crawl.guard import HostMap
from gristmill.corpus.crawl.ledger import Ledger
from gristmill.corpus.crawl.manifest import CrawlManifest, read_manifest
from gristmill.corpus.crawl.manners import Manners
from gristmill.corpus.crawl.run import CrawlResult, result_of
from gristmill.corpus.crawl.settings import CrawlSettings, SiteCrawl
from gristmill.corpus.crawl.site.crawl import crawl_site
from gristmill.corpus.memo import DigestMemo
from gristmill.corpus.record import Record
from gristmill.corpus.sources import ReadLimits, SourceSpec, list_units, read_unit
from gristmill.corpus.standins.server import Loopback
from gristmill.pipelines.crawl import run_crawls

MANNERS = Manners(
    requests_per_second=1e6,
    burst=1000,
    concurrency=1,
    max_attempts=2,
    backoff_seconds=0.001,
    max_backoff_seconds=0.01,
    connect_seconds=2,
    read_seconds=0.5,
)
Answers = Mapping[str, web.Response | str | Callable[[web.Request], web.Response]]


class SiteRun:
    """One build directory; every call is a run of the crawl `docs`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.out = folder / "out"
        self.notes: list[str] = []
        self.settings = CrawlSettings(contact="mailto:test@example.org", allow_loopback=True)

    def __call__(self, *urls: str, **settings: object) -> CrawlResult:
        known = {"manners": MANNERS} | settings
        site = SiteCrawl(name="docs", urls=urls, **known)  # type: ignore[arg-type]
        outcome = run_crawls(
            msgspec.structs.replace(self.settings, site=(site,)),
            out=str(self.out),
            base=str(self.folder),
            report=lambda result: None,
            note=self.notes.append,
        )
        (result,) = outcome.crawls
        return result

    def by_name(self, server: Loopback, url: str, **settings: object) -> CrawlResult:
        """Crawl a public site in whose place a server answers; this machine is no place to go."""
        site = SiteCrawl(name="docs", urls=(url,), manners=MANNERS, **settings)  # type: ignore[arg-type]
        return asyncio.run(self._by_name(site, {"docs.test": ("127.0.0.1", server.port)}))

    async def _by_name(self, site: SiteCrawl, host_map: HostMap) -> CrawlResult:
        settings = msgspec.structs.replace(self.settings, allow_loopback=False)
        agent = user_agent(settings, "0")
        fetcher = make_fetcher(
            settings,
            manners=site.manners,
            agent=agent,
            note=self.notes.append,
            is_web=True,
            host_map=host_map,
        )
        with Ledger(self.crawled) as ledger:
            async with fetcher:
                context = CrawlContext(
                    folder=self.crawled,
                    base=self.folder,
                    ledger=ledger,
                    fetcher=fetcher,
                    endpoints=settings.endpoints,
                    allow_loopback=False,
                    opt_out=None,
                    stop=asyncio.Event(),
                    note=self.notes.append,
                    user_agent=agent,
                )
                await crawl_site(site, context)
            return result_of(ledger, name=site.name, kind="site")

    def opt_out(self, name: str) -> None:
        """Give later runs an opt-out list."""
        self.settings = msgspec.structs.replace(self.settings, opt_out=name)

    def archives(self, part: str) -> list[Path]:
        """Return the WARC files of a part, sorted."""
        return sorted((self.crawled / part).glob("*.warc.gz"))

    @property
    def crawled(self) -> Path:
        return self.out / "crawl/docs"

    def manifest(self) -> CrawlManifest:
        return read_manifest(str(self.crawled))

    def rows(self) -> list[Record]:
        """Return the rows that a build reads."""
        spec = SourceSpec(name="docs", kind="warc", component="text", crawl="docs")
        units = list_units(
            spec, base=str(self.folder), memo=DigestMemo(), crawls=str(self.out / "crawl")
        )
        return [row for unit in units for row in read_unit(unit, ReadLimits())]

    def paths(self) -> list[str]:
        """Return the paths of the pages that a build reads, in the order of the archive."""
        return [row.path.partition("://")[2].partition("/")[2] for row in self.rows()]


def page(body: str = "", *links: str, head: str = "") -> str:
    """Return an HTML page with links."""
    anchors = "".join(f'<a href="{link}">to {link}</a> ' for link in links)
    return f"<html><head>{head}</head><body><main><p>{body} {anchors}</p></main></body></html>"


def app_of(answers: Answers) -> web.Application:
    """Return a site with these answers by path and query; a text is an HTML page."""

    async def answer(request: web.Request) -> web.Response:
        found = answers.get(request.raw_path, answers.get("*"))
        if callable(found):
            found = found(request)
        if found is None:
            return web.Response(status=404, text="no such page")
        if isinstance(found, str):
            return web.Response(text=found, content_type="text/html")
        return web.Response(status=found.status, headers=found.headers, body=found.body)

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    return app


def asked(server: Loopback) -> list[str]:
    """Return the paths that a server was asked for, in order."""
    return [request.path_qs for request in server.requests]


def times_asked(server: Loopback) -> Counter[str]:
    """Return how often each path was asked for."""
    return Counter(asked(server))


ROBOTS = web.Response(text="User-agent: *\nAllow: /\n" + "# a line that says nothing\n" * 50)


def redirect(location: str, status: int = 302) -> web.Response:
    """Return an answer that leads elsewhere."""
    return web.Response(status=status, headers={"Location": location})
