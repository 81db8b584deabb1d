"""Work in a thread ends before the task that waits for it does."""

import asyncio
import threading

import pytest

from gristmill.corpus.crawl.threads import in_thread


def test_a_result_is_handed_on() -> None:
    async def run() -> int:
        return await in_thread(lambda stop: 7)

    assert asyncio.run(run()) == 7


def test_an_error_is_handed_on() -> None:
    def fail(stop: threading.Event) -> None:
        raise KeyError("x")

    async def run() -> None:
        await in_thread(fail)

    with pytest.raises(KeyError):
        asyncio.run(run())


def test_a_cancelled_thread_is_told_and_its_result_is_taken_back() -> None:
    started = threading.Event()
    taken_back: list[str] = []

    def wait(stop: threading.Event) -> str:
        started.set()
        assert stop.wait(10)
        return "too late"

    async def run() -> None:
        task = asyncio.ensure_future(in_thread(wait, take_back=taken_back.append))
        await asyncio.to_thread(started.wait)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert taken_back == ["too late"]

    asyncio.run(run())
