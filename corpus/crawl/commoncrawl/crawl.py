"""Crawls Common Crawl: chooses files or records once, fetches what is missing, says what it has."""

import asyncio
import contextlib
import sqlite3
from functools import partial

import msgspec

from ...errors import StorageError
from ..attempts import FetchError
from ..context import CrawlContext
from ..ledger import Item, ItemState, Ledger
from ..manifest import CrawlFile, CrawlManifest, write_manifest
from ..opt_out import read_opt_out
from ..run import result_of
from ..settings import CommonCrawl
from .archive import Archive
from .choose import choose
from .copying import Copying
from .files import FILE, RECORD, facts_of, start_over
from .job import Job, work_through
from .records_of_file import copy_records
from .wanted import wanted_of
from .whole_file import copy_whole

FOLDER = "warc"
LIMIT = "max_record_bytes"  # a cursor


async def crawl_commoncrawl(settings: CommonCrawl, context: CrawlContext) -> None:
    """Fetch what a recipe's table asks for, as far as it is not there.

    Each file of the archive of which anything is wanted becomes a file of the folder `warc`: with
    the selected records as they are, in the order of the archive, or, if no record is selected by
    the index, the whole file byte for byte. The manifest is written at the end, whatever happens.

    Raises:
        GristmillError: the table is contradictory, or a listing or the index is not what it says.
        StorageError: the disk failed.
    """
    job = Job(
        settings=settings,
        context=context,
        archive=Archive(context.fetcher, context.endpoints.commoncrawl),
        wanted=wanted_of(settings, context.base),
        opt_out=read_opt_out(context.opt_out),
    )
    try:
        _look_for_lost(job)
        _look_for_limits(job)
        if await choose(job):
            _sweep(job)
            work = partial(_fetch_file, job)
            await work_through(job, FILE, work, concurrency=settings.concurrency)
    except BaseException:
        # What went wrong first is told.
        with contextlib.suppress(StorageError, OSError, sqlite3.Error):
            _write_manifest(job)
        raise
    _write_manifest(job)


async def _fetch_file(job: Job, item: Item) -> None:
    with Copying(job, item) as copying:
        copy = copy_records if copying.facts.choice.num_rows else copy_whole
        try:
            await copy(copying)
            await copying.finish()
        except FetchError as error:
            if error.reason == "changed":
                copying.start_over()
            else:
                copying.commit()
            raise
        except asyncio.CancelledError:
            copying.commit()
            raise


def _look_for_lost(job: Job) -> None:
    """Let files wait again that were done and are gone, or have another length."""
    ledger = job.context.ledger
    for item in ledger.each(FILE, "done"):
        facts = facts_of(item)
        path = job.warc_folder / facts.output
        found = path.stat().st_size if path.exists() else 0
        if found != item.num_bytes:
            job.context.note(f"{path} has {found} bytes, not {item.num_bytes}: fetched again")
            with ledger.transaction():
                start_over(ledger, item.id, facts)


def _look_for_limits(job: Job) -> None:
    """Let files wait again of which another limit refused records."""
    ledger, limit = job.context.ledger, str(job.settings.max_record_bytes)
    if ledger.cursor(LIMIT) == limit:
        return
    too_large = (each for each in ledger.each(RECORD, "refused") if each.reason == "too_large")
    paths = sorted({each.id.rpartition(":")[0] for each in too_large})
    with ledger.transaction():
        for path in paths:
            item = ledger.get(FILE, path)
            if item is not None and facts_of(item).choice.num_rows:  # whole files have them
                start_over(ledger, path, facts_of(item))
        ledger.set_cursor(LIMIT, limit)


def _sweep(job: Job) -> None:
    """Delete files of an earlier selection."""
    ledger = job.context.ledger
    states: tuple[ItemState, ...] = ("waiting", "done", "failed")
    kept = {facts_of(item).output for state in states for item in ledger.each(FILE, state)}
    if job.warc_folder.is_dir():
        for path in job.warc_folder.iterdir():
            if path.name not in kept:
                path.unlink()


def _write_manifest(job: Job) -> None:
    """Say what is there and what is missing, also in the ledger's counts."""
    ledger, settings = job.context.ledger, job.settings
    files, num_truncated = [], 0
    for item in ledger.each(FILE, "done"):
        facts = facts_of(item)
        if not item.num_bytes:
            continue
        num_truncated += facts.progress.num_truncated
        file = CrawlFile(
            name=f"{FOLDER}/{facts.output}",
            size_bytes=item.num_bytes,
            digest=facts.progress.digest,
            num_items=facts.progress.num_records,
        )
        files.append(file)
    counts = {"records": sum(file.num_items for file in files), "truncated_records": num_truncated}
    ledger.set_cursor("counts", msgspec.json.encode(counts).decode())
    result = result_of(ledger, name=settings.name, kind="commoncrawl")
    manifest = CrawlManifest(
        kind="commoncrawl",
        files=tuple(files),
        is_complete=result.is_complete,
        missing=_missing(ledger),
    )
    write_manifest(str(job.context.folder), manifest)


def _missing(ledger: Ledger) -> dict[str, int]:
    """Return how much did not come, by kind and reason."""
    missing = {
        f"{kind} {reason}": count
        for state in ("failed", "refused")
        for kind, reasons in ledger.reasons(state).items()
        for reason, count in reasons.items()
    }
    for kind, states in ledger.counts().items():
        if "waiting" in states:
            missing[f"{kind} not fetched yet"] = states["waiting"]
    return missing
