"""Works off the items of a ledger, some at a time, until none is left that can be had now."""

import asyncio
from collections.abc import Awaitable, Callable

from .attempts import FetchError
from .ledger import Item, Ledger

IDLE_SECONDS = 0.2
ITEM_ATTEMPTS = 3  # each of which has tried every request as often as manners allow
ITEM_WAIT_SECONDS = 60.0

Work = Callable[[Item], Awaitable[None]]


async def work_off(
    ledger: Ledger,
    kind: str,
    work: Work,
    *,
    concurrency: int,
    stop: asyncio.Event,
    fed: asyncio.Event | None = None,
    wait_seconds: float = ITEM_WAIT_SECONDS,
    lane_concurrency: int | None = None,
) -> None:
    """Hand every waiting item to `work`, which settles it in the ledger.

    An item whose work raises FetchError waits and comes again, at most three times in a run. The
    pool ends early when `stop` is set or a host is given up; what is in flight then is cancelled
    and stays waiting. Any other error ends the crawl.

    Args:
        fed: is set when no more items will be added; None if that is so.
        lane_concurrency: how many items of one lane are in flight, so that none waits for another;
            None where items have no lanes.

    Raises:
        BaseException: what `work` raised.
    """
    running: dict[asyncio.Task[None], Item] = {}
    is_given_up = False
    try:
        while not stop.is_set() and not is_given_up:
            was_fed = fed is None or fed.is_set()
            for item in _next(ledger, kind, list(running.values()), concurrency, lane_concurrency):
                running[asyncio.ensure_future(work(item))] = item
            if not running and was_fed and ledger.next_due(kind) is None:
                return
            done = await _first_done(running, stop)
            for task in done:
                is_given_up |= _settle(ledger, running.pop(task), task, wait_seconds)
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


def _next(
    ledger: Ledger, kind: str, running: list[Item], concurrency: int, lane_concurrency: int | None
) -> list[Item]:
    """Return the items to begin with, beside those that are running."""
    if len(running) >= concurrency:
        return []
    if lane_concurrency is None:
        return _fresh(ledger, kind, running, concurrency - len(running), lane=None)
    fresh: list[Item] = []
    for lane in ledger.lanes(kind):
        inside = [item for item in running if item.lane == lane]
        room = min(lane_concurrency - len(inside), concurrency - len(running) - len(fresh))
        fresh += _fresh(ledger, kind, inside, room, lane=lane)
    return fresh


def _fresh(
    ledger: Ledger, kind: str, running: list[Item], room: int, *, lane: str | None
) -> list[Item]:
    if room <= 0:
        return []
    in_flight = {item.id for item in running}
    found = ledger.take(kind, room + len(in_flight), lane=lane)
    return [item for item in found if item.id not in in_flight][:room]


async def _first_done(
    running: dict[asyncio.Task[None], Item], stop: asyncio.Event
) -> set[asyncio.Task[None]]:
    if not running:
        await asyncio.sleep(IDLE_SECONDS)  # all that is left waits for its next attempt
        return set()
    stopping = asyncio.ensure_future(stop.wait())
    await asyncio.wait(
        [*running, stopping], return_when=asyncio.FIRST_COMPLETED, timeout=IDLE_SECONDS
    )
    stopping.cancel()
    return {task for task in running if task.done()}


def _settle(ledger: Ledger, item: Item, task: asyncio.Task[None], wait_seconds: float) -> bool:
    """Take note of a failure; return whether its host is given up."""
    error = task.exception()
    if error is None:
        return False
    if not isinstance(error, FetchError):
        raise error
    if error.reason == "host_paused":
        return True
    if error.reason.startswith("refused_"):
        ledger.settle(item.kind, item.id, "refused", reason=error.reason)
        return False
    wait = max(error.wait_seconds, wait_seconds * 2**item.attempts)
    ledger.retry(
        item.kind, item.id, reason=error.reason, max_attempts=ITEM_ATTEMPTS, wait_seconds=wait
    )
    return False
