"""A remote file as a Python file object, every read of which is one ranged request."""

import io
import os
from collections.abc import Callable
from pathlib import Path

ReadRange = Callable[[str, int, int], bytes | None]


class RangeFile(io.RawIOBase):
    """Reads a file whose bytes somebody else fetches, so that his manners govern every request.

    Args:
        url: what `read_range` gets as its first argument.
        num_bytes: the file's length.
        read_range: returns the bytes from its second to before its third argument, or None if it
            failed and will tell why itself: the file then seems to end there. An exception would
            be kept by Arrow together with all that its traceback holds, and never be freed.
    """

    def __init__(self, url: str, num_bytes: int, read_range: ReadRange) -> None:
        super().__init__()
        self.name = url
        self._num_bytes = num_bytes
        self._read_range = read_range
        self._position = 0
        self.num_requests = 0
        self.fetched_bytes = 0

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def tell(self) -> int:
        """Return the position of the next read."""
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Set the position of the next read, without any request."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._num_bytes}[whence]
        self._position = max(0, base + offset)
        return self._position

    def read(self, size: int = -1) -> bytes:
        """Return the next `size` bytes, fewer only at the file's end.

        Raises:
            OSError: fewer bytes came than were asked for.
        """
        end = self._num_bytes if size < 0 else min(self._num_bytes, self._position + size)
        if end <= self._position:
            return b""
        data = self._read_range(self.name, self._position, end)
        self.num_requests += 1
        if data is None:
            return b""
        self.fetched_bytes += len(data)
        if len(data) != end - self._position:
            wanted = end - self._position
            raise OSError(f"{self.name}: {len(data)} of {wanted} bytes at {self._position}")
        self._position = end
        return data


def read_local_range(path: str, start: int, end: int) -> bytes:
    """Return bytes of a file on disk, as a `read_range`."""
    with Path(path).open("rb") as stream:
        stream.seek(start)
        return stream.read(end - start)
