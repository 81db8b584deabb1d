"""Work in a thread that a cancelled task does not leave behind."""

import asyncio
import threading
from collections.abc import Callable
from functools import partial
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
    return await run_in_thread(partial(function, stop), on_cancel=stop.set, take_back=take_back)


async def run_in_thread(
    function: Callable[[], T],
    *,
    on_cancel: Callable[[], None] | None = None,
    take_back: Callable[[T], None] | None = None,
) -> T:
    """Return what a function gives, which runs in a thread.

    Args:
        on_cancel: is called if this is cancelled, to hurry the function up, whose end is waited
            for.
        take_back: is given a result that came after all, though nobody waits for it any more.
    """
    running = asyncio.ensure_future(asyncio.to_thread(function))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        if on_cancel is not None:
            on_cancel()
        await asyncio.wait([running])
        if running.exception() is None and take_back is not None:
            take_back(running.result())
        raise
    finally:
        del running  # its error's traceback holds this frame: a cycle that outlives the program
