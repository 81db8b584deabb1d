"""Work in a thread that is over when its caller goes on, also when the caller is cancelled."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

_Result = TypeVar("_Result")


async def in_thread(
    function: Callable[[], _Result], *, on_cancel: Callable[[], None] | None = None
) -> _Result:
    """Return what a function returns, called in a thread.

    Args:
        on_cancel: is called at once if the caller is cancelled, to hurry the function up; the
            cancellation goes on when the function has ended.
    """
    task = asyncio.ensure_future(asyncio.to_thread(function))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        if on_cancel is not None:
            on_cancel()
        await asyncio.wait([task])
        if not task.cancelled():
            task.exception()  # nobody else will ask
        raise
    finally:
        del task  # its error's traceback holds this frame: a cycle that outlives the program
