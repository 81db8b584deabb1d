"""Ranged reads for a thread, made by the event loop's fetcher and so under its manners."""

import asyncio
import concurrent.futures
import threading

from ..attempts import FetchError
from .archive import Archive, Piece


class RemoteRanges:
    """The `read_range` of a `RangeFile`; make it on the event loop.

    Attributes:
        error: the first failure, whatever the reader made of it.
    """

    def __init__(self, archive: Archive, etag: str | None) -> None:
        self._archive = archive
        self._etag = etag
        self._loop = asyncio.get_running_loop()
        self._lock = threading.Lock()
        self._pending: set[concurrent.futures.Future[Piece]] = set()
        self._is_closed = False
        self.error: FetchError | None = None

    def read(self, path: str, start: int, end: int) -> bytes:
        """Return bytes of a file; call it from another thread than the loop's.

        Raises:
            OSError: they cannot be had.
        """
        with self._lock:
            if self._is_closed:
                raise OSError(f"{path}: the crawl stops")
            future = asyncio.run_coroutine_threadsafe(
                self._archive.read(path, start, end, etag=self._etag), self._loop
            )
            self._pending.add(future)
        try:
            return future.result().data
        except concurrent.futures.CancelledError:
            raise OSError(f"{path}: the crawl stops") from None
        except FetchError as error:
            self.error = self.error or error
            raise OSError(str(error)) from error
        finally:
            with self._lock:
                self._pending.discard(future)

    def close(self) -> None:
        """Let every read fail from now on."""
        with self._lock:
            self._is_closed = True
            pending = list(self._pending)
        for future in pending:
            future.cancel()
