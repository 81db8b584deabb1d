"""Crawls GitHub: finds repositories, learns what they are, fetches their files and discussions.

Files are fetched as soon as the first repositories are known. Whatever ends a run, what is stored
is closed and stands in the manifest.
"""

import asyncio
import os
from collections import Counter
from collections.abc import Coroutine

import msgspec

from ..context import CrawlContext
from ..ledger import Ledger
from ..manifest import CrawlFile, CrawlManifest, write_manifest
from ..pool import ITEM_WAIT_SECONDS
from ..settings import GithubCrawl
from ..transport import host_of
from .content import ContentCrawl
from .metadata import Metadata
from .rules import CONTENT
from .store import RepositoryStore, StoreSettings
from .tokens import SECONDARY_SECONDS

WAITING = "not_fetched_yet"


async def crawl_github(settings: GithubCrawl, context: CrawlContext) -> None:
    """Fetch what waits, until nothing does or the crawl is to stop.

    Raises:
        GristmillError: if the recipe names something that cannot be, or the disk failed.
    """
    api = host_of(context.endpoints.github_api)
    context.fetcher.hosts.set_manners(api, settings.api)
    store = RepositoryStore(
        context.ledger,
        StoreSettings(num_shards=settings.shards, max_segment_bytes=settings.max_segment_bytes),
        kind=CONTENT,
    )
    if store.num_returned:
        context.note(f"{store.num_returned} repositories are gone from the disk: fetched again")
    wait_seconds = min(ITEM_WAIT_SECONDS, settings.api.max_backoff_seconds)
    metadata = Metadata(
        context,
        settings,
        environment=os.environ,
        wait_seconds=wait_seconds,
        secondary_seconds=min(SECONDARY_SECONDS, settings.api.pause_seconds),
    )
    content = ContentCrawl(
        context, settings, store, metadata.hydrator.look_again, wait_seconds=wait_seconds
    )
    try:
        await _crawl(metadata, content, context.stop)
    finally:
        store.close()
        _write_manifest(context, [*store.files(), *_documents(metadata)])


async def _crawl(metadata: Metadata, content: ContentCrawl, stop: asyncio.Event) -> None:
    found = asyncio.Event()

    async def find() -> None:
        try:
            await metadata.find()
        finally:
            found.set()
        if not stop.is_set():
            await metadata.issues.run()

    await _together(find(), content.run(fed=found))


async def _together(*works: Coroutine[None, None, None]) -> None:
    """Run all; when one fails, end the others first and then raise its error."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _documents(metadata: Metadata) -> list[CrawlFile]:
    return [CrawlFile(**msgspec.structs.asdict(file)) for file in metadata.issues.files.close()]


def _write_manifest(context: CrawlContext, files: list[CrawlFile]) -> None:
    missing = _missing(context.ledger)
    manifest = CrawlManifest(
        kind="github", files=tuple(files), is_complete=not missing, missing=missing
    )
    write_manifest(str(context.folder), manifest)


def _missing(ledger: Ledger) -> dict[str, int]:
    """Return how many items did not come, by reason."""
    missing: Counter[str] = Counter()
    for reasons in ledger.reasons("failed").values():
        missing.update(reasons)
    for states in ledger.counts().values():
        missing[WAITING] += states.get("waiting", 0)
    return {reason: count for reason, count in missing.items() if count}
