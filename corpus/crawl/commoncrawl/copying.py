"""One source file on its way: its output, its checkpoints, and what of it was not to be had."""

import time
from functools import partial

from ... import storage
from ..attempts import FetchError
from ..ledger import Item
from ..threads import run_in_thread
from .files import FILE, FileFacts, facts_of, refuse_record, start_over
from .job import Job
from .outcome import MAY_BE_TRANSFER, Checked
from .output import LostOutputError, Output

CHECKPOINT_RECORDS = 16
CHECKPOINT_SECONDS = 1.0


class Copying:
    """The open output of an item; use it in a `with`.

    Whoever copies moves `facts.progress` on record by record, together with the output.
    """

    def __init__(self, job: Job, item: Item) -> None:
        self.job = job
        self.path = item.id
        self.facts: FileFacts = facts_of(item)
        self._losses: list[tuple[int, Checked]] = []
        self._num_since = 0
        self._committed = time.monotonic()
        target = job.warc_folder / self.facts.output
        try:
            self.output = Output(target, self.facts.progress.output_bytes)
        except LostOutputError:
            job.context.note(f"{target} has lost bytes: it is fetched again")
            start_over(job.context.ledger, self.path, self.facts)
            self.output = Output(target, 0)

    def __enter__(self) -> "Copying":
        return self

    def __exit__(self, *_: object) -> None:
        self.output.close()

    def lose(self, offset: int, checked: Checked) -> None:
        """Count a record that is not to be had."""
        self._losses.append((offset, checked))

    def count(self, num_records: int = 1) -> None:
        """Count records towards the next checkpoint."""
        self._num_since += num_records

    async def checkpoint(self) -> None:
        """Commit if enough came since the last time."""
        late = time.monotonic() - self._committed >= CHECKPOINT_SECONDS
        if self._num_since >= CHECKPOINT_RECORDS or (late and self._num_since):
            await run_in_thread(self.output.sync)
            self._write()

    def commit(self) -> None:
        """Commit at once, where the crawl stops."""
        self.output.sync()
        self._write()

    async def finish(self) -> None:
        """Close the item; an output without a record is removed."""
        progress = self.facts.progress
        if progress.output_bytes:
            await run_in_thread(self.output.sync)
            progress.digest = await run_in_thread(
                partial(storage.digest_file, str(self.output.path))
            )
        self._write(is_done=True)
        if not progress.output_bytes:
            self.output.path.unlink(missing_ok=True)

    async def again(self, offset: int, data: bytes, found: Checked) -> bytes | None:
        """Fetch a bad record once more by itself; return it if it differs, None if it does not.

        A record that arrives damaged twice in the same way is so in the archive.
        """
        if found.outcome not in MAY_BE_TRANSFER:
            return None
        etag = self.facts.progress.etag
        archive = self.job.archive
        piece = await archive.read(self.path, offset, offset + len(data), etag=etag)
        if piece.data != data:
            return piece.data
        is_more = piece.file_bytes is not None and offset + len(data) < piece.file_bytes
        if found.outcome == "cut_short" and is_more and self.facts.choice.num_rows == 0:
            detail = f"the file has {piece.file_bytes} bytes, it ended at {offset + len(data)}"
            raise FetchError(archive.url(self.path), "short_body", detail)
        return None

    def failed(self, found: Checked) -> FetchError:
        """Return the error of a record that arrives differently damaged every time."""
        return FetchError(self.job.archive.url(self.path), found.outcome, found.detail)

    def start_over(self) -> None:
        """Forget all of it: the source is no longer the same."""
        self._losses.clear()
        self.output.cut(0)
        start_over(self.job.context.ledger, self.path, self.facts)

    def _write(self, *, is_done: bool = False) -> None:
        ledger, progress = self.job.context.ledger, self.facts.progress
        with ledger.transaction():
            for offset, checked in self._losses:
                refuse_record(ledger, self.path, offset, checked.outcome, checked.detail)
            ledger.settle(
                FILE,
                self.path,
                "done" if is_done else "waiting",
                num_bytes=progress.output_bytes,
                facts=self.facts,
            )
        self._losses.clear()
        self._num_since = 0
        self._committed = time.monotonic()
