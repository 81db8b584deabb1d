"""Fetches the selected records of one file, by ranges or by one stream, into its output.

Several ranges are under way at a time; their records are checked and appended in the file's order.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing
from functools import partial

from ...errors import GristmillError
from ..attempts import FetchError
from ..ranges import strong_etag
from ..threads import run_in_thread
from ..transport import Reply
from .archive import Archive, Piece
from .choose import SELECTED
from .copying import Copying
from .cutter import RecordCutter
from .files import read_rows
from .outcome import Checked, Expected
from .plan import Range, Selected, plan_file
from .records import RecordSettings, check_member

RANGES_IN_FLIGHT = 4
BATCH_BYTES = 1 << 20  # of records that are checked in one go
Cut = tuple[Selected, bytes]


async def copy_records(copying: Copying) -> None:
    """Bring the selected records of a file that are not there yet.

    Raises:
        FetchError: the rest cannot be had now.
    """
    records = await run_in_thread(partial(_wanted_records, copying))
    places = [record.place for record in records]
    progress = copying.facts.progress
    try:
        plan = plan_file(copying.path, places, progress.source_bytes, copying.job.plan_settings())
    except GristmillError as error:
        url = copying.job.archive.url(copying.path)
        raise FetchError(url, "not_of_index", error.what) from None
    if plan.mode == "stream":
        await _copy_stream(copying, records)
        return
    if len(plan.ranges) > 1 and progress.source_bytes is None:
        # The first answer tells how long the file is, and so whether a stream is better.
        await _copy_ranges(copying, records, plan.ranges[:1])
        if progress.source_bytes is not None:
            await copy_records(copying)
            return
        plan = plan_file(copying.path, places, None, copying.job.plan_settings())
        await _copy_ranges(copying, records, plan.ranges[1:])
        return
    await _copy_ranges(copying, records, plan.ranges)


def _wanted_records(copying: Copying) -> list[Selected]:
    """Return the records that are still to come; count those that never will."""
    job, progress = copying.job, copying.facts.progress
    settings = job.record_settings(all_kinds=False)
    wanted = []
    for record in read_rows(job.selection_folder / SELECTED, copying.facts.choice):
        if record.place.offset < progress.source_offset:
            continue
        if job.opt_out.covers_url(record.url):
            copying.lose(record.place.offset, Checked(outcome="opted_out", detail=record.url))
        elif record.place.num_bytes > settings.max_member_bytes:
            detail = f"{record.place.num_bytes} bytes packed"
            copying.lose(record.place.offset, Checked(outcome="too_large", detail=detail))
        else:
            wanted.append(record)
    return wanted


async def _copy_ranges(
    copying: Copying, records: Sequence[Selected], ranges: Sequence[Range]
) -> None:
    progress = copying.facts.progress
    async with aclosing(_fetch_in_order(copying, ranges)) as pieces:
        async for one, piece in pieces:
            progress.etag = progress.etag or piece.etag
            progress.source_bytes = progress.source_bytes or piece.file_bytes
            held = records[one.first : one.first + one.num_records]
            cutter = RecordCutter([record.place for record in held], start=one.start)
            await _take(copying, [(held[i], data) for i, data in cutter.feed(piece.data)])


async def _fetch_in_order(
    copying: Copying, ranges: Sequence[Range]
) -> AsyncGenerator[tuple[Range, Piece], None]:
    archive: Archive = copying.job.archive
    waiting: Iterator[Range] = iter(ranges)
    pending: deque[tuple[Range, asyncio.Task[Piece]]] = deque()
    try:
        while True:
            while len(pending) < RANGES_IN_FLIGHT and (one := next(waiting, None)) is not None:
                etag = copying.facts.progress.etag
                fetch = archive.read(copying.path, one.start, one.end, etag=etag)
                pending.append((one, asyncio.ensure_future(fetch)))
            if not pending:
                return
            one, task = pending[0]
            piece = await task
            pending.popleft()
            yield one, piece
    finally:
        tasks = [task for _, task in pending]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _copy_stream(copying: Copying, records: Sequence[Selected]) -> None:
    progress = copying.facts.progress

    def learn(reply: Reply) -> None:
        progress.etag = progress.etag or strong_etag(reply.headers)

    start = records[0].place.offset
    cutter = RecordCutter([record.place for record in records], start=start)
    stream = copying.job.archive.stream(
        copying.path, start=start, etag=progress.etag, on_open=learn
    )
    batch: list[Cut] = []
    async with aclosing(stream) as chunks:
        async for chunk in chunks:
            batch += [(records[i], data) for i, data in cutter.feed(chunk)]
            is_over = cutter.restart is None
            if is_over or sum(len(data) for _, data in batch) >= BATCH_BYTES:
                await _take(copying, batch)
                batch = []
            if is_over:
                return
    await _take(copying, batch)
    url = copying.job.archive.url(copying.path)
    raise FetchError(url, "not_of_index", f"it ends before byte {cutter.restart}")


async def _take(copying: Copying, batch: Sequence[Cut]) -> None:
    """Check records, and append the sound ones."""
    settings = copying.job.record_settings(all_kinds=False)
    checks = await run_in_thread(lambda: [_check(record, data, settings) for record, data in batch])
    progress = copying.facts.progress
    for (record, data), checked in zip(batch, checks, strict=True):
        again = await copying.again(record.place.offset, data, checked)
        if again is not None:
            data, checked = again, _check(record, again, settings)
            if checked.outcome != "ok":
                raise copying.failed(checked)
        if checked.outcome == "ok":
            copying.output.append(data)
            progress.output_bytes = copying.output.num_bytes
            progress.num_records += 1
            progress.num_truncated += checked.truncated is not None
        else:
            copying.lose(record.place.offset, checked)
        progress.source_offset = record.place.end
        copying.count()
    await copying.checkpoint()


def _check(record: Selected, data: bytes, settings: RecordSettings) -> Checked:
    return check_member(data, settings, Expected(url=record.url, digest=record.digest))
