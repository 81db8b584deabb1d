"""One file of the crawl that grows, and is cut back to where the last checkpoint says it ends."""

import os
from pathlib import Path
from typing import BinaryIO

from ..disk import cannot_write


class LostOutputError(Exception):
    """A file is shorter than the ledger says, so what it held is gone."""


class Output:
    """An open file; `num_bytes` is its length.

    Args:
        num_bytes: what counts of it; the rest is cut off.

    Raises:
        LostOutputError: it is shorter.
        StorageError: the disk failed, here and below.
    """

    def __init__(self, path: Path, num_bytes: int) -> None:
        self.path = path
        self.num_bytes = num_bytes
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._stream: BinaryIO = _open(path)
            if os.fstat(self._stream.fileno()).st_size < num_bytes:
                self._stream.close()
                raise LostOutputError(str(path))
            self._stream.truncate(num_bytes)
        except OSError as error:
            raise cannot_write(self.path, error) from error

    def close(self) -> None:
        """Close it; what was appended stays for as long as the next checkpoint wants."""
        self._stream.close()

    def cut(self, num_bytes: int) -> None:
        """Cut off what is beyond a length."""
        try:
            self._stream.truncate(num_bytes)
        except OSError as error:
            raise cannot_write(self.path, error) from error
        self.num_bytes = num_bytes

    def append(self, data: bytes) -> None:
        """Write bytes at the end."""
        self._write(self.num_bytes, data)
        self.num_bytes += len(data)

    def overwrite(self, offset: int, data: bytes) -> None:
        """Write bytes over others."""
        self._write(offset, data)

    def read(self, offset: int, num_bytes: int) -> bytes:
        """Return bytes that were written."""
        return os.pread(self._stream.fileno(), num_bytes, offset)

    def sync(self) -> None:
        """Wait until the disk has it, so that no checkpoint runs ahead of its file."""
        try:
            os.fdatasync(self._stream.fileno())
        except OSError as error:
            raise cannot_write(self.path, error) from error

    def _write(self, offset: int, data: bytes) -> None:
        view = memoryview(data)
        try:
            while view:
                num_written = os.pwrite(self._stream.fileno(), view, offset)
                view, offset = view[num_written:], offset + num_written
        except OSError as error:
            raise cannot_write(self.path, error) from error


def _open(path: Path) -> BinaryIO:
    """Open for reading and writing, without a buffer that could fail at close."""
    return os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o644), "r+b", buffering=0)
