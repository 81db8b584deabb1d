"""Reading ahead in a thread: a bounded number of results wait, and errors surface in the caller."""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Generic, TypeVar

_Made = TypeVar("_Made")


class Prefetch(Generic[_Made]):
    """What `make` returns for each number, in order; `depth` calls are made before they are asked.

    One thread makes all of them, so `make` may keep a cache without a lock. An error of `make` is
    raised where its result would have been returned. Closing waits for the call that is running.
    """

    def __init__(self, make: Callable[[int], _Made], numbers: range, *, depth: int) -> None:
        self._make = make
        self._numbers = iter(numbers)
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="prefetch")
        self._waiting = deque[Future[_Made]]()
        for _ in range(depth):
            self._ask()

    def __iter__(self) -> Iterator[_Made]:
        return self

    def __next__(self) -> _Made:
        if not self._waiting:
            raise StopIteration
        made = self._waiting.popleft().result()
        self._ask()
        return made

    def __enter__(self) -> "Prefetch[_Made]":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Drop what waits and end the thread."""
        self._waiting.clear()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _ask(self) -> None:
        number = next(self._numbers, None)
        if number is not None:
            self._waiting.append(self._pool.submit(self._make, number))
