"""The files of one repository on their way into the store: counted, and stopped when told to."""

import threading
from collections.abc import Iterable, Iterator

import msgspec

from .files import SUBMODULE, RepositoryFile

LFS_MARK = b"version https://git-lfs.github.com/spec/v1\n"  # git-lfs's specification, "The Pointer"


class StoppedError(Exception):
    """The crawl is to stop: nothing of the repository is kept."""


class Watched(msgspec.Struct):
    """What passed; whole once the files are exhausted.

    Attributes:
        num_lfs_pointers: files whose content is not in git but in LFS.
        num_submodules: places where another repository belongs.
    """

    num_files: int = 0
    num_lfs_pointers: int = 0
    num_submodules: int = 0

    def reset(self) -> None:
        """Count anew, for another attempt."""
        self.num_files = self.num_lfs_pointers = self.num_submodules = 0

    def watch(
        self, files: Iterable[RepositoryFile], stop: threading.Event
    ) -> Iterator[RepositoryFile]:
        """Yield the files.

        Raises:
            StoppedError: once `stop` is set.
        """
        for file in files:
            if stop.is_set():
                raise StoppedError
            self.num_files += 1
            self.num_lfs_pointers += file.data is not None and file.data.startswith(LFS_MARK)
            self.num_submodules += file.mode == SUBMODULE
            yield file
