"""Makes the list of files to fetch, once: from a crawl's listing, the recipe's own, or the index.

Each step is an item of the ledger, so a killed run goes on with the part of the index that it was
reading. A selection that the recipe no longer asks for is forgotten, files that both have stay.
"""

import shutil
from functools import partial
from pathlib import Path

import pyarrow as pa

from ... import storage
from ...errors import GristmillError
from ..ledger import Item
from ..threads import run_in_thread
from .archive import Piece
from .files import Choice, choose_records, choose_whole, take_up
from .job import Job, work_through
from .merge import merge_selected
from .paths import read_listing, sample_paths
from .query import PartResult, QuerySettings, select_from_part
from .range_file import RangeFile
from .remote_range import RemoteRanges
from .selection import crawl_listing, is_table_part

LISTING, PART, SELECTION = "listing", "index_part", "selection"
DIGEST, OPT_OUT = "selection", "opt_out"  # cursors
MAX_LISTING_BYTES = 64 << 20  # packed; a listing of 100,000 files has under 1 MB
# Each is a thread that waits for the event loop; the loop resolves names in the same pool, which
# has five threads or more.
PART_CONCURRENCY = 4
SELECTED = "records.parquet"
PARTS = "part-*.parquet"


async def choose(job: Job) -> bool:
    """Bring the ledger's list of files up to date; return whether it is."""
    _begin(job)
    listed = await work_through(job, LISTING, partial(_read_listing, job), concurrency=1)
    if not listed:
        return False
    read = await work_through(job, PART, partial(_read_part, job), concurrency=PART_CONCURRENCY)
    if not read:
        return False
    return await work_through(job, SELECTION, partial(_select, job), concurrency=1)


def _begin(job: Job) -> None:
    """Take up the selection that the recipe asks for, in the place of another."""
    ledger, wanted = job.context.ledger, job.wanted
    is_same = ledger.cursor(DIGEST) == wanted.digest and not _is_lost(job)
    if is_same and ledger.cursor(OPT_OUT) == job.opt_out.digest:
        return
    if not is_same:
        shutil.rmtree(job.selection_folder, ignore_errors=True)
    job.selection_folder.mkdir(parents=True, exist_ok=True)
    with ledger.transaction():
        if not is_same:
            for kind in (LISTING, PART):
                ledger.forget(kind)
            if wanted.paths is None:
                ledger.add(LISTING, [(_listing_of(job), {})])
        ledger.forget(SELECTION)
        ledger.add(SELECTION, [(wanted.digest, {})])
        ledger.set_cursor(DIGEST, wanted.digest)
        ledger.set_cursor(OPT_OUT, job.opt_out.digest)


def _is_lost(job: Job) -> bool:
    """Tell whether somebody removed the selection that the ledger relies on."""
    item = job.context.ledger.get(SELECTION, job.wanted.digest)
    is_written = item is not None and item.state == "done" and job.wanted.selection.index
    return bool(is_written) and not (job.selection_folder / SELECTED).exists()


def _listing_of(job: Job) -> str:
    selection = job.wanted.selection
    name = selection.kind if selection.index is None else "cc-index-table"
    return crawl_listing(job.settings.crawl, name)


async def _read_listing(job: Job, item: Item) -> None:
    data = await job.archive.get(item.id, max_bytes=MAX_LISTING_BYTES)
    where = job.archive.url(item.id)
    paths = read_listing(data, where=where)
    storage.write_bytes(str(job.selection_folder / "listing"), data)
    ledger, query = job.context.ledger, job.wanted.selection.index
    parts = [path for path in paths if query is not None and is_table_part(path, query)]
    if query is not None and not parts:
        raise GristmillError(
            "the listing names no part of the index",
            where=where,
            todo="Select from a crawl that has a columnar index, or take whole files.",
        )
    with ledger.transaction():
        ledger.add(PART, [(path, {}) for path in parts])
        ledger.settle(LISTING, item.id, "done")


async def _read_part(job: Job, item: Item) -> None:
    head: Piece = await job.archive.read(item.id, 0, 1)
    ranges = RemoteRanges(job.archive, head.etag)
    part = RangeFile(item.id, head.file_bytes or 0, ranges.read)
    target = job.selection_folder / f"part-{item.position:06d}.parquet"
    partial_target = target.with_suffix(".partial")
    try:
        result = await run_in_thread(
            partial(_select_rows, job, part, partial_target), on_cancel=ranges.close
        )
    except (OSError, pa.ArrowException, GristmillError):
        if ranges.error is None:
            raise
    if (error := ranges.error) is not None:
        try:
            raise error
        finally:
            del error
    partial_target.replace(target)
    job.context.ledger.settle(PART, item.id, "done", facts=result)


def _select_rows(job: Job, part: RangeFile, out: Path) -> PartResult:
    query = job.wanted.selection.index
    assert query is not None
    settings = QuerySettings(max_memory_bytes=job.settings.memory_bytes // PART_CONCURRENCY)
    return select_from_part(part, query, out, seed=job.settings.seed, settings=settings)


async def _select(job: Job, item: Item) -> None:
    """Write the list of files, and with it what changed, into the ledger."""
    choices = await run_in_thread(partial(_choices, job))
    ledger = job.context.ledger
    with ledger.transaction():
        take_up(ledger, choices)
        ledger.settle(SELECTION, item.id, "done")
    for part in job.selection_folder.glob(PARTS):
        part.unlink()  # it is in the selection
    if not choices:
        job.context.note(f"{job.settings.name}: nothing in Common Crawl is as the recipe asks for")


def _choices(job: Job) -> list[Choice]:
    wanted = job.wanted
    if wanted.selection.index is not None:
        return choose_records(_merge(job), job.opt_out)
    paths = wanted.paths
    if paths is None:
        listing = job.selection_folder / "listing"
        paths = read_listing(listing.read_bytes(), where=str(listing))
    return choose_whole(sample_paths(paths, wanted.selection.num_files, seed=job.settings.seed))


def _merge(job: Job) -> str:
    query = job.wanted.selection.index
    assert query is not None
    folder = job.selection_folder
    target, partial_target = folder / SELECTED, folder / "records.partial"
    if target.exists():
        return str(target)
    merge_selected(
        sorted(folder.glob(PARTS)),
        partial_target,
        limit=query.limit,
        seed=job.settings.seed,
        settings=QuerySettings(max_memory_bytes=job.settings.memory_bytes),
    )
    partial_target.replace(target)
    return str(target)
