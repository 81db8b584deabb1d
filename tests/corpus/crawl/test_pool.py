"""The pool: every item is handed out, failures come again, and a stop leaves the rest waiting."""

import asyncio
from pathlib import Path

import pytest

from gristmill.corpus.crawl.attempts import FetchError
from gristmill.corpus.crawl.ledger import Item, Ledger
from gristmill.corpus.crawl.pool import Work, work_off


def run(
    ledger: Ledger, work: Work, *, concurrency: int = 3, stop: asyncio.Event | None = None
) -> None:
    async def drain() -> None:
        await work_off(
            ledger,
            "page",
            work,
            concurrency=concurrency,
            stop=stop or asyncio.Event(),
            wait_seconds=0.01,
        )

    asyncio.run(drain())


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    ledger = Ledger(tmp_path)
    ledger.add("page", [(str(number), {}) for number in range(20)])
    return ledger


def test_every_item_is_worked_off_once_and_no_more_than_allowed_at_a_time(ledger: Ledger) -> None:
    seen: list[str] = []
    at_once: list[int] = []
    running: set[str] = set()

    async def work(item: Item) -> None:
        running.add(item.id)
        at_once.append(len(running))
        await asyncio.sleep(0.001)
        running.remove(item.id)
        seen.append(item.id)
        ledger.settle("page", item.id, "done")

    with ledger:
        run(ledger, work)
        assert sorted(seen, key=int) == [str(number) for number in range(20)]
        assert max(at_once) == 3


def test_no_lane_waits_for_another_and_each_keeps_its_order(tmp_path: Path) -> None:
    seen: list[str] = []

    ledger = Ledger(tmp_path)

    async def work(item: Item) -> None:
        await asyncio.sleep(0.01 if item.lane == "slow" else 0)
        seen.append(item.id)
        ledger.settle("page", item.id, "done")

    with ledger:
        for lane in ("slow", "quick"):
            ledger.add("page", [(f"{lane} {number}", {}) for number in range(5)], lane=lane)
        stop = asyncio.Event()
        asyncio.run(work_off(ledger, "page", work, concurrency=9, lane_concurrency=1, stop=stop))
    assert sorted(seen) == [f"{lane} {number}" for lane in ("quick", "slow") for number in range(5)]
    assert [name for name in seen if "slow" in name] == sorted(
        name for name in seen if "slow" in name
    )
    assert seen.index("quick 4") < seen.index("slow 4")


def test_lanes_share_what_may_be_in_flight_at_all(tmp_path: Path) -> None:
    at_once: list[int] = []
    running: set[str] = set()

    ledger = Ledger(tmp_path)

    async def work(item: Item) -> None:
        running.add(item.id)
        at_once.append(len(running))
        await asyncio.sleep(0)
        running.remove(item.id)
        ledger.settle("page", item.id, "done")

    with ledger:
        for number in range(20):
            ledger.add("page", [(str(number), {})], lane=str(number % 7))
        stop = asyncio.Event()
        asyncio.run(work_off(ledger, "page", work, concurrency=3, lane_concurrency=2, stop=stop))
    assert (len(at_once), max(at_once)) == (20, 3)


def test_what_fails_comes_again_and_in_the_end_has_failed(ledger: Ledger) -> None:
    attempts: list[str] = []

    async def work(item: Item) -> None:
        if item.id == "7":
            attempts.append(item.id)
            raise FetchError("http://x/", "dns", "no such host")
        ledger.settle("page", item.id, "done")

    with ledger:
        run(ledger, work)
        assert len(attempts) == 3
        assert ledger.counts() == {"page": {"done": 19, "failed": 1}}
        assert ledger.reasons("failed") == {"page": {"dns": 1}}


def test_what_may_not_be_fetched_is_refused_at_once(ledger: Ledger) -> None:
    async def work(item: Item) -> None:
        if item.id == "7":
            raise FetchError("http://10.0.0.1/", "refused_address", "no public address")
        ledger.settle("page", item.id, "done")

    with ledger:
        run(ledger, work)
        assert ledger.reasons("refused") == {"page": {"refused_address": 1}}


def test_a_host_that_is_given_up_leaves_the_rest_waiting(ledger: Ledger) -> None:
    async def work(item: Item) -> None:
        if int(item.id) >= 5:
            raise FetchError("http://x/", "host_paused", "x blocks us")
        ledger.settle("page", item.id, "done")

    with ledger:
        run(ledger, work, concurrency=1)
        assert ledger.counts() == {"page": {"done": 5, "waiting": 15}}


def test_a_stop_cancels_what_is_in_flight_and_it_stays_waiting(ledger: Ledger) -> None:
    stop = asyncio.Event()

    async def work(item: Item) -> None:
        if int(item.id) < 4:
            ledger.settle("page", item.id, "done")
            return
        stop.set()
        await asyncio.sleep(60)

    with ledger:
        run(ledger, work, stop=stop)
        assert ledger.counts() == {"page": {"done": 4, "waiting": 16}}


def test_any_other_error_ends_the_crawl(ledger: Ledger) -> None:
    async def work(item: Item) -> None:
        raise OSError(28, "No space left on device")

    with ledger, pytest.raises(OSError, match="No space left"):
        run(ledger, work)


def test_a_pool_waits_for_what_is_still_to_be_added(ledger: Ledger) -> None:
    fed = asyncio.Event()

    async def work(item: Item) -> None:
        ledger.settle("page", item.id, "done")

    async def feed_late() -> None:
        await asyncio.sleep(0.05)
        ledger.add("page", [("late", {})])
        fed.set()

    async def drain() -> None:
        await asyncio.gather(
            work_off(ledger, "page", work, concurrency=3, stop=asyncio.Event(), fed=fed),
            feed_late(),
        )

    with ledger:
        asyncio.run(drain())
        assert ledger.counts()["page"] == {"done": 21}
