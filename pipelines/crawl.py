"""Crawl: run what a recipe's `[crawl]` names, one crawl after another, each resumable by itself."""

import asyncio
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import msgspec

from .. import __version__
from ..corpus.crawl.context import CrawlContext, make_fetcher, user_agent
from ..corpus.crawl.disk import AGAIN
from ..corpus.crawl.guard import HostMap
from ..corpus.crawl.ledger import Ledger
from ..corpus.crawl.manifest import CRAWLS, CrawlKind
from ..corpus.crawl.manners import Manners
from ..corpus.crawl.run import CrawlResult, Report, result_of, running
from ..corpus.crawl.settings import CommonCrawl, CrawlSettings, GithubCrawl, SiteCrawl
from ..corpus.errors import GristmillError, StorageError
from ..corpus.storage import is_local, local_path

KINDS: tuple[CrawlKind, ...] = ("github", "commoncrawl", "site")
OneCrawl = GithubCrawl | CommonCrawl | SiteCrawl


class CrawlOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """What the crawls of a recipe have and lack."""

    out: str
    crawls: tuple[CrawlResult, ...]
    is_interrupted: bool = False

    @property
    def is_complete(self) -> bool:
        """Whether nothing is missing."""
        return not self.is_interrupted and all(crawl.is_complete for crawl in self.crawls)


def run_crawls(
    settings: CrawlSettings,
    *,
    out: str,
    base: str,
    kinds: Sequence[CrawlKind] = KINDS,
    report: Report,
    note: Callable[[str], None],
) -> CrawlOutcome:
    """Run every crawl of some kinds; what earlier runs fetched is not fetched again.

    Args:
        out: the build directory; crawls lie in its folder `crawl`.
        base: what paths in the settings start from.
        report: is told the totals once a second.
        note: takes up what a person should read.

    Raises:
        GristmillError: the settings are wrong, or another process crawls there.
        OSError: the disk failed; what is fetched stays.
    """
    if not any(getattr(settings, kind) for kind in kinds):
        raise GristmillError(
            "the recipe has no such crawl",
            where=", ".join(f"crawl.{kind}" for kind in kinds),
            todo="Add a table, such as [[crawl.github]]; docs/crawl-settings.md lists all.",
        )
    results = []
    with _served(settings, base) as (served, host_map):
        chosen = [(kind, crawl) for kind in kinds for crawl in getattr(served, kind)]
        for kind, crawl in chosen:
            folder = crawl_folder(out, crawl.name)
            run = partial(_run, kind, crawl, served, host_map, folder, base, report, note)
            try:
                result, is_interrupted = asyncio.run(run())
            except sqlite3.OperationalError as error:
                raise StorageError(
                    f"its ledger cannot be written: {error}",
                    where=str(folder),
                    todo=AGAIN,
                ) from error
            results.append(result)
            if is_interrupted:
                return CrawlOutcome(out=out, crawls=tuple(results), is_interrupted=True)
    return CrawlOutcome(out=out, crawls=tuple(results))


def crawl_status(out: str) -> CrawlOutcome:
    """Return what the ledgers below a build directory say."""
    parent = _local(out) / CRAWLS
    results = []
    for path in sorted(parent.glob("*/ledger.sqlite")):
        with Ledger(path.parent, is_reader=True) as ledger:
            kind = ledger.cursor("kind") or ""
            results.append(result_of(ledger, name=path.parent.name, kind=kind))
    if not results:
        raise GristmillError(
            "there is no crawl", where=str(parent), todo="Run `gristmill crawl all RECIPE` first."
        )
    return CrawlOutcome(out=out, crawls=tuple(results))


def crawl_folder(out: str, name: str) -> Path:
    """Return where a crawl of a build directory lies."""
    return _local(out) / CRAWLS / name


def _local(out: str) -> Path:
    if not is_local(out):
        raise GristmillError(
            "a crawl keeps its state on a local disk",
            where=out,
            todo=f"Crawl into a local folder and copy its {CRAWLS}/ folder there.",
        )
    return local_path(out)


async def _run(
    kind: CrawlKind,
    crawl: OneCrawl,
    settings: CrawlSettings,
    host_map: HostMap | None,
    folder: Path,
    base: str,
    report: Report,
    note: Callable[[str], None],
) -> tuple[CrawlResult, bool]:
    agent = user_agent(settings, __version__)
    fetcher = make_fetcher(
        settings,
        manners=_manners(crawl),
        agent=agent,
        note=note,
        is_web=kind == "site",
        host_map=host_map if kind == "site" else None,
        s3_options=crawl.s3 if isinstance(crawl, CommonCrawl) else None,
    )
    with Ledger(folder) as ledger:
        ledger.set_cursor("kind", kind)
        ledger.revive()
        tell = running(ledger, fetcher, name=crawl.name, kind=kind, report=report)
        async with fetcher, tell as stop:
            context = CrawlContext(
                folder=folder,
                base=local_path(base),
                ledger=ledger,
                fetcher=fetcher,
                endpoints=settings.endpoints,
                allow_loopback=settings.allow_loopback,
                opt_out=local_path(base) / settings.opt_out if settings.opt_out else None,
                stop=stop,
                note=note,
                user_agent=agent,
            )
            await _crawl(crawl, context)
        return result_of(ledger, name=crawl.name, kind=kind), stop.is_set()


async def _crawl(crawl: OneCrawl, context: CrawlContext) -> None:
    if isinstance(crawl, GithubCrawl):
        from ..corpus.crawl.github.crawl import crawl_github

        await crawl_github(crawl, context)
    elif isinstance(crawl, CommonCrawl):
        from ..corpus.crawl.commoncrawl.crawl import crawl_commoncrawl

        await crawl_commoncrawl(crawl, context)
    else:
        from ..corpus.crawl.site.crawl import crawl_site

        await crawl_site(crawl, context)


def _manners(crawl: OneCrawl) -> Manners:
    return crawl.downloads if isinstance(crawl, GithubCrawl) else crawl.manners


def _with_local_archive(settings: CrawlSettings, base: str) -> CrawlSettings:
    """Return the settings with a folder in the place of Common Crawl found from the recipe."""
    archive = settings.endpoints.commoncrawl
    if "://" in archive:
        return settings
    folder = str((local_path(base) / archive).resolve())
    endpoints = msgspec.structs.replace(settings.endpoints, commoncrawl=folder)
    return msgspec.structs.replace(settings, endpoints=endpoints)


@contextmanager
def _served(settings: CrawlSettings, base: str) -> Iterator[tuple[CrawlSettings, HostMap | None]]:
    """Yield the settings with the endpoints of stand-ins, if the recipe asks for them."""
    if settings.standins is None:
        yield _with_local_archive(settings, base), None
        return
    from ..corpus.standins.stage import serve

    with serve(settings.standins, local_path(base)) as stage:
        # Real tokens are not for a stand-in.
        tokens = {"token_variable": "", "token_file": str(stage.token_file)}
        github = tuple(msgspec.structs.replace(crawl, **tokens) for crawl in settings.github)
        changes = {"endpoints": stage.endpoints, "allow_loopback": True, "github": github}
        yield msgspec.structs.replace(settings, **changes), stage.host_map
