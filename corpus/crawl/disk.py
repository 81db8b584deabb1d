"""The error of a crawl whose disk cannot be written."""

from pathlib import Path

from ..errors import StorageError

AGAIN = "Check the disk's free space, then run again: nothing done is lost."


def cannot_write(path: Path, error: OSError) -> StorageError:
    """Return what a person is told when a file cannot be written."""
    return StorageError(f"cannot write it: {error.strerror or error}", where=str(path), todo=AGAIN)
