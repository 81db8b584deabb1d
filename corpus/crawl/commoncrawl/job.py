"""One run of a crawl of Common Crawl: what its steps share, and how their items are worked off."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec

from ..attempts import FetchError
from ..context import CrawlContext
from ..ledger import Item
from ..opt_out import OptOut
from ..pool import ITEM_WAIT_SECONDS, work_off
from ..settings import CommonCrawl
from .archive import Archive, is_final
from .plan import PlanSettings
from .records import DOCUMENT_KINDS, RecordSettings
from .wanted import Wanted

# Of whole files every record is looked at, and of these kinds each is compared with its digest.
ALL_KINDS = DOCUMENT_KINDS | {"warcinfo", "request", "metadata"}
RANGE_BYTES = 8 << 20  # a broken range is fetched again as a whole


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """What every step of the crawl needs."""

    settings: CommonCrawl
    context: CrawlContext
    archive: Archive
    wanted: Wanted
    opt_out: OptOut

    @property
    def selection_folder(self) -> Path:
        """Where the parts of a selection and the selection lie."""
        return self.context.folder / "selection"

    @property
    def warc_folder(self) -> Path:
        """Where the files that a build reads lie."""
        return self.context.folder / "warc"

    def record_settings(self, *, all_kinds: bool) -> RecordSettings:
        """Return how records are checked."""
        most = self.settings.max_record_bytes
        kinds = ALL_KINDS if all_kinds else DOCUMENT_KINDS
        return RecordSettings(kinds=kinds, max_record_bytes=most, max_member_bytes=most)

    def plan_settings(self) -> PlanSettings:
        """Return when records share a request."""
        return PlanSettings(
            max_gap_bytes=self.settings.max_gap_bytes,
            max_range_bytes=RANGE_BYTES,
            stream_fraction=self.settings.whole_file_fraction,
        )


async def work_through(
    job: Job, kind: str, work: Callable[[Item], Awaitable[None]], *, concurrency: int
) -> bool:
    """Work off the items of a kind; return whether all of them are done.

    What the archive does not have has failed at once: it waits for the next run, not for minutes.
    """
    ledger = job.context.ledger

    async def once(item: Item) -> None:
        try:
            await work(item)
        except FetchError as error:
            if not is_final(error.reason):
                raise
            job.context.note(str(error))
            ledger.settle(kind, item.id, "failed", reason=error.reason)

    await work_off(
        ledger,
        kind,
        once,
        concurrency=concurrency,
        stop=job.context.stop,
        wait_seconds=min(ITEM_WAIT_SECONDS, job.settings.manners.max_backoff_seconds),
    )
    return set(ledger.counts().get(kind, {})) <= {"done"}
