"""Copies a whole file byte for byte, and checks every record of it on the way.

So the copy has the digest of the source. A damaged record is fetched once more by itself; if it is
damaged in the archive it stays in the copy, as it is, and is counted.
"""

import time
from contextlib import aclosing
from functools import partial

import msgspec

from ..attempts import FetchError
from ..ranges import strong_etag
from ..threads import run_in_thread
from ..transport import Reply
from .archive import file_bytes_of
from .copying import CHECKPOINT_SECONDS, Copying
from .outcome import Checked
from .records import DOCUMENT_KINDS, check_member, check_record
from .splitter import Member, MemberSplitter

BATCH_BYTES = 1 << 20
PAGE_KINDS = DOCUMENT_KINDS - {"revisit"}
FINE = frozenset(("ok", "revisit", "not_selected"))


async def copy_whole(copying: Copying) -> None:
    """Bring what is not there yet of a file.

    Raises:
        FetchError: the rest cannot be had now.
    """
    if copying.facts.progress.source_offset and copying.facts.progress.etag is None:
        copying.start_over()  # nothing says that it is still the same file
    progress = copying.facts.progress
    checker = _Checker(copying)
    if progress.source_bytes is None or progress.source_offset < progress.source_bytes:
        await _stream(copying, checker)
    await checker.take(None)
    num_bytes = copying.output.num_bytes
    if progress.source_bytes not in (None, num_bytes):
        detail = f"{num_bytes} of {progress.source_bytes} bytes came"
        raise FetchError(copying.job.archive.url(copying.path), "short_body", detail)


async def _stream(copying: Copying, checker: "_Checker") -> None:
    progress = copying.facts.progress

    def learn(reply: Reply) -> None:
        progress.etag = progress.etag or strong_etag(reply.headers)
        progress.source_bytes = file_bytes_of(reply.status, reply.headers)

    stream = copying.job.archive.stream(
        copying.path, start=progress.source_offset, etag=progress.etag, on_open=learn
    )
    batch = bytearray()
    began = time.monotonic()
    async with aclosing(stream) as chunks:
        async for chunk in chunks:
            batch += chunk
            now = time.monotonic()
            if len(batch) >= BATCH_BYTES or now - began >= CHECKPOINT_SECONDS:
                await checker.take(bytes(batch))
                batch.clear()
                began = now
    await checker.take(bytes(batch))


class _Checker:
    """Appends what comes, and moves the progress to the last record that is dealt with."""

    def __init__(self, copying: Copying) -> None:
        self._copying = copying
        self._settings = copying.job.record_settings(all_kinds=True)
        start = copying.facts.progress.source_offset
        self._splitter = MemberSplitter(self._settings, start=start)

    async def take(self, data: bytes | None) -> None:
        """Append bytes; None for the end of the file."""
        copying, progress = self._copying, self._copying.facts.progress
        found = _Found()
        await run_in_thread(partial(self._append, data, found))
        losses = []
        for offset, num_bytes, checked in found.suspects:
            if not await self._is_mended(offset, num_bytes, checked, found):
                losses.append((offset, checked))
        # Without a pause from here on, so that all of it or nothing is committed.
        for offset, checked in losses:
            copying.lose(offset, checked)
        end = self._splitter.checkpoint if data is not None else copying.output.num_bytes
        progress.source_offset = progress.output_bytes = end
        progress.num_records += found.num_records
        progress.num_truncated += found.num_truncated
        copying.count(found.num_members)
        await copying.checkpoint()

    def _append(self, data: bytes | None, found: "_Found") -> None:
        if data is not None:
            self._copying.output.append(data)
        members = self._splitter.finish() if data is None else self._splitter.feed(data)
        for member in members:
            checked = self._check(member)
            found.num_members += 1
            if checked.outcome not in FINE:
                found.suspects.append((member.offset, member.num_bytes, checked))
            elif checked.kind in PAGE_KINDS:
                found.num_records += 1
                found.num_truncated += checked.truncated is not None

    def _check(self, member: Member) -> Checked:
        if member.outcome != "ok":
            return Checked(outcome=member.outcome, detail=member.detail)
        return check_record(member.plain, self._settings)

    async def _is_mended(
        self, offset: int, num_bytes: int, checked: Checked, found: "_Found"
    ) -> bool:
        """Fetch a damaged record once more; tell whether it came sound."""
        copying = self._copying
        if num_bytes > self._settings.max_member_bytes:
            return False
        data = copying.output.read(offset, num_bytes)
        again = await copying.again(offset, data, checked)
        if again is None:
            return False
        checked = check_member(again, self._settings)
        if checked.outcome not in FINE:
            raise copying.failed(checked)
        copying.output.overwrite(offset, again)
        found.num_records += checked.kind in PAGE_KINDS
        return True


class _Found(msgspec.Struct, kw_only=True):
    """What a piece of the file held; suspects are (offset, length, what is wrong)."""

    num_members: int = 0
    num_records: int = 0
    num_truncated: int = 0
    suspects: list[tuple[int, int, Checked]] = []
