"""Crawls sites: robots.txt, then sitemaps, then pages by their distance from a start.

The order is the same in every run as long as one page of a host is fetched at a time.
"""

from collections import Counter
from functools import partial
from typing import Final

import msgspec

from ..context import PROJECT, CrawlContext
from ..ledger import Ledger
from ..manifest import CrawlManifest, write_manifest
from ..opt_out import read_opt_out
from ..pool import Work, work_off
from ..settings import SiteCrawl
from ..transport import host_of
from .admission import Admission, Budget
from .archive import Archive
from .found import Found, PageFacts
from .pages import Pages
from .recorder import Recorder
from .robots import robots_url
from .robots_fetch import fetch_robots
from .robots_files import RobotsFiles
from .scope import Scope, ScopeSettings
from .sitemaps import Sitemaps
from .warc import CrawlFacts

MAX_CONCURRENCY: Final = 64
# An item that failed comes again after so many times the wait of a request that failed.
ITEM_WAIT_FACTOR: Final = 60.0


async def crawl_site(crawl: SiteCrawl, context: CrawlContext) -> None:
    """Fetch the pages of one crawl that are not there yet, and write the manifest.

    Raises:
        GristmillError: if the settings are wrong, or a file of an earlier run was shortened.
        StorageError: if the disk is full; what is done stays.
    """
    scope_settings = ScopeSettings(
        include=crawl.include, exclude=crawl.exclude, max_depth=crawl.max_depth
    )
    scope = Scope(crawl.urls, scope_settings, where=f"crawl.site {crawl.name!r}")
    admission = Admission(scope, read_opt_out(context.opt_out))
    archive = Archive(
        context.ledger,
        context.folder,
        max_bytes=crawl.max_segment_bytes,
        facts=_facts(crawl, context),
    )
    try:
        _note_changes(crawl, context)
        await _work(crawl, context, scope, admission, archive)
        _note_starts(scope, context)
    finally:
        _write_manifest(context, archive)


async def _work(
    crawl: SiteCrawl, context: CrawlContext, scope: Scope, admission: Admission, archive: Archive
) -> None:
    ledger = context.ledger
    budget = Budget(ledger, crawl)
    found = Found(ledger, admission, budget)
    recorder = Recorder(archive, budget)
    hosts = frozenset(map(host_of, scope.seeds))
    robots = RobotsFiles(
        ledger,
        context.fetcher,
        found,
        partial(fetch_robots, fetcher=context.fetcher, recorder=recorder, admission=admission),
        manners=crawl.manners,
        agent=PROJECT,
        sitemap_hosts=hosts if crawl.sitemaps else frozenset(),
    )
    sitemaps = Sitemaps(context, admission, budget, robots, recorder, found, hosts=hosts)
    pages = Pages(crawl, context, admission, budget, robots, recorder, found, agent=PROJECT)
    with ledger.transaction():
        known = msgspec.to_builtins(PageFacts(depth=0))
        for seed in scope.seeds:
            ledger.add("page", [(seed, known)], lane=host_of(seed))
            if admission.refusal(seed, depth=0) is None:
                ledger.add("robots", [(robots_url(seed), {})], lane=host_of(seed))
    works: dict[str, Work] = {"robots": robots.work, "sitemap": sitemaps.work, "page": pages.work}
    # A robots.txt that is read anew after a day may name further sitemaps.
    for kind in ("robots", "sitemap", "page", "sitemap", "page"):
        await work_off(
            ledger,
            kind,
            works[kind],
            concurrency=MAX_CONCURRENCY,
            lane_concurrency=crawl.manners.concurrency,
            stop=context.stop,
            wait_seconds=ITEM_WAIT_FACTOR * crawl.manners.backoff_seconds,
        )


def _facts(crawl: SiteCrawl, context: CrawlContext) -> CrawlFacts:
    operator = context.user_agent.partition("(+")[2].rstrip(")")
    return CrawlFacts(
        software=context.user_agent.partition(" ")[0],
        operator=operator,
        user_agent=context.user_agent,
        description=f"{crawl.name}: pages below {', '.join(crawl.urls)}",
    )


def _note_changes(crawl: SiteCrawl, context: CrawlContext) -> None:
    """Say that another scope holds only for links that are still to be read."""
    bounds = msgspec.json.encode((crawl.urls, crawl.include, crawl.exclude, crawl.max_depth))
    before = context.ledger.cursor("scope")
    if before is not None and before != bounds.decode():
        context.note(
            f"{crawl.name}: its bounds have changed; the links of pages that are here already"
            " are not searched again"
        )
    context.ledger.set_cursor("scope", bounds.decode())


def _note_starts(scope: Scope, context: CrawlContext) -> None:
    """Say of a start that it is no page: with it, all that it leads to may be lacking."""
    for seed in scope.seeds:
        item = context.ledger.get("page", seed)
        if item is not None and item.state == "refused" and item.reason != "redirect":
            context.note(f"{seed}, where the crawl starts, is no page: {item.reason}")


def _write_manifest(context: CrawlContext, archive: Archive) -> None:
    files = tuple(archive.close())
    missing = _missing(context.ledger)
    write_manifest(
        str(context.folder),
        CrawlManifest(kind="site", files=files, is_complete=not missing, missing=missing),
    )


def _missing(ledger: Ledger) -> dict[str, int]:
    missing: Counter[str] = Counter()
    for states in ledger.counts().values():
        missing["waiting"] += states.get("waiting", 0)
    for reasons in ledger.reasons("failed").values():
        missing.update(reasons)
    return dict(sorted((+missing).items()))
