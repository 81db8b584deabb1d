"""Ranged reads for a thread, made by the event loop's fetcher and so under its manners."""

import asyncio
import concurrent.futures
import threading

from ..attempts import FetchError
from .archive import Archive, Piece


class RemoteRanges:
    """The `read_range` of a `RangeFile`; make it on the event loop."""

    def __init__(self, archive: Archive, etag: str | None) -> None:
        self._archive = archive
        self._etag = etag
        self._loop = asyncio.get_running_loop()
        self._lock = threading.Lock()
        self._pending: set[concurrent.futures.Future[Piece]] = set()
        self._is_closed = False
        self._error: FetchError | None = None

    def read(self, path: str, start: int, end: int) -> bytes | None:
        """Return bytes of a file, None if they cannot be had.

        Call it from another thread than the loop's.
        """
        with self._lock:
            if self._is_closed or self._error is not None:
                return None
            future = asyncio.run_coroutine_threadsafe(
                self._archive.read(path, start, end, etag=self._etag), self._loop
            )
            self._pending.add(future)
        try:
            return future.result().data
        except concurrent.futures.CancelledError:
            return None
        except FetchError as error:
            error.__traceback__ = (
                None  # it holds this frame, which holds the future, which holds it
            )
            self._error = self._error or error
            return None
        finally:
            with self._lock:
                self._pending.discard(future)

    @property
    def error(self) -> FetchError | None:
        """A copy of the first failure; whatever the reader made of the file then is void.

        Who raises it is not held by it: such a cycle would outlive the program, and DuckDB then
        complains at the exit.
        """
        if self._error is None:
            return None
        error = self._error
        return FetchError(error.url, error.reason, error.detail, wait_seconds=error.wait_seconds)

    def close(self) -> None:
        """Let every read fail from now on, as the crawl stops."""
        with self._lock:
            self._is_closed = True
            pending = list(self._pending)
        for future in pending:
            future.cancel()
