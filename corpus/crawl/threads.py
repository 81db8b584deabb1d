"""Work in a thread that a cancelled task does not leave behind."""

import asyncio
import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


async def in_thread(
    function: Callable[[threading.Event], T], *, take_back: Callable[[T], None] | None = None
) -> T:
    """Return what a function gives, which runs in a thread.

    If this is cancelled, the function's event is set, and its end is waited for.

    Args:
        take_back: is given a result that came after all, though nobody waits for it any more.
    """
    stop = threading.Event()
    running = asyncio.ensure_future(asyncio.to_thread(function, stop))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        stop.set()
        await asyncio.wait([running])
        if running.exception() is None and take_back is not None:
            take_back(running.result())
        raise
