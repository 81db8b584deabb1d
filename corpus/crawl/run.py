"""One run of a crawl: its ledger, its fetcher, Ctrl-C, and what is told at the end."""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import msgspec

from .fetcher import Fetcher
from .ledger import HostCounts, Ledger

FLUSH_SECONDS = 1.0


class CrawlResult(msgspec.Struct, frozen=True, kw_only=True):
    """What a crawl has and lacks after a run; counts are by kind of item, then by reason.

    Attributes:
        is_complete: nothing waits and nothing has failed; what was refused is not missed.
        hosts: totals over all runs.
        counts: what else the crawler counts, by name; its cursor `counts` holds it as JSON.
    """

    name: str
    kind: str
    is_complete: bool
    done: dict[str, int]
    waiting: dict[str, int]
    failed: dict[str, dict[str, int]]
    refused: dict[str, dict[str, int]]
    done_bytes: int
    hosts: tuple[HostCounts, ...]
    counts: dict[str, int] = {}


Report = Callable[[CrawlResult], None]


def result_of(ledger: Ledger, *, name: str, kind: str) -> CrawlResult:
    """Return what the ledger says."""
    counts = ledger.counts()
    failed = ledger.reasons("failed")
    waiting = {key: states["waiting"] for key, states in counts.items() if "waiting" in states}
    return CrawlResult(
        name=name,
        kind=kind,
        is_complete=not failed and not waiting,
        done={key: states["done"] for key, states in counts.items() if "done" in states},
        waiting=waiting,
        failed=failed,
        refused=ledger.reasons("refused"),
        done_bytes=ledger.done_bytes(),
        hosts=tuple(ledger.hosts()),
        counts=msgspec.json.decode(ledger.cursor("counts") or "{}", type=dict[str, int]),
    )


@asynccontextmanager
async def running(
    ledger: Ledger, fetcher: Fetcher, *, name: str, kind: str, report: Report
) -> AsyncIterator[asyncio.Event]:
    """Yield the event that Ctrl-C sets, and write and report totals once a second.

    A second Ctrl-C is the usual one.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def interrupt() -> None:
        stop.set()
        loop.remove_signal_handler(signal.SIGINT)

    with contextlib.suppress(ValueError, RuntimeError):  # not in the main thread
        loop.add_signal_handler(signal.SIGINT, interrupt)
    telling = asyncio.ensure_future(_tell(ledger, fetcher, name=name, kind=kind, report=report))
    try:
        yield stop
    finally:
        telling.cancel()
        await asyncio.gather(telling, return_exceptions=True)
        with contextlib.suppress(ValueError, RuntimeError):
            loop.remove_signal_handler(signal.SIGINT)
        ledger.add_host_counts(fetcher.hosts.take_counts())


async def _tell(ledger: Ledger, fetcher: Fetcher, *, name: str, kind: str, report: Report) -> None:
    while True:
        await asyncio.sleep(FLUSH_SECONDS)
        ledger.add_host_counts(fetcher.hosts.take_counts())
        report(result_of(ledger, name=name, kind=kind))
