"""Executors of this process: a plain loop, and threads for work that leaves the interpreter."""

import time
from collections import deque
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from functools import partial
from typing import Protocol

from .artifact import Manifest
from .stage import Failure, Task, run_task


class Executor(Protocol):
    """Runs tasks one by one or many at a time."""

    def submit(self, task: Task, key: str) -> None:
        """Take a task."""

    def wait(self) -> tuple[Task, Manifest | Failure]:
        """Return a finished task; only called while there is one under way."""

    def slots(self) -> int:
        """How many more tasks it wants before `wait` should be called."""

    def close(self) -> None:
        """Stop the workers."""


class LocalExecutor:
    """A plain loop in this process."""

    def __init__(self) -> None:
        self._queue: deque[tuple[Task, str]] = deque()

    def submit(self, task: Task, key: str) -> None:
        """Queue a task."""
        self._queue.append((task, key))

    def wait(self) -> tuple[Task, Manifest | Failure]:
        """Run the first queued task."""
        task, key = self._queue.popleft()
        return task, run_task(task, key)

    def slots(self) -> int:
        """One at a time, so that the progress shown is true."""
        return 1 - len(self._queue)

    def close(self) -> None:
        """Nothing to stop."""


class ThreadExecutor:
    """Threads of this process: no start-up, and as fast as processes where C does the work.

    Decoding, signing, sorting and writing run without the interpreter's lock.
    """

    def __init__(self, num_threads: int) -> None:
        self._num_threads = num_threads
        self._pool = ThreadPoolExecutor(num_threads)
        self._running: dict[Future[Manifest | Failure], Task] = {}

    def submit(self, task: Task, key: str) -> None:
        """Hand a task to the next free thread."""
        run = partial(run_task, cpu_clock=time.thread_time)
        self._running[self._pool.submit(run, task, key)] = task

    def wait(self) -> tuple[Task, Manifest | Failure]:
        """Return the first task to finish."""
        done, _ = wait(self._running, return_when=FIRST_COMPLETED)
        future = done.pop()
        return self._running.pop(future), future.result()

    def slots(self) -> int:
        """One task a thread, and one more that is ready."""
        return self._num_threads + 1 - len(self._running)

    def close(self) -> None:
        """Let the tasks under way finish; start no other."""
        self._pool.shutdown(cancel_futures=True)
