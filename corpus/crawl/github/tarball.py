"""Reads a repository from the tarball that GitHub makes of a commit, in one bounded pass.

Nothing is unpacked to a disk and no link is followed. What git never writes into such an archive
(hard links, devices, sparse files, a second top folder) is refused by name.
"""

import re
import tarfile
from collections.abc import Iterator
from hashlib import sha1
from pathlib import Path
from typing import IO

import msgspec

from ...sources.git import is_unsafe_entry
from ...sources.rows import printable_path
from ...sources.tar import TarPass
from .files import SUBMODULE, SYMLINK, ContentLimits, RepositoryFile, blob_sha, left_out

CHUNK_BYTES = 1 << 18
_COMMIT = re.compile("[0-9a-f]{40}(?:[0-9a-f]{24})?")


class _Blob(msgspec.Struct):
    sha: str
    data: bytes | None


class Tarball:
    """The files of one tarball; once iterated, `commit` and `error` tell how it went.

    Attributes:
        commit: what git wrote into the archive's comment, "" if there is none.
        error: what ended the archive early; then the files so far are not the whole.
        is_over_limit: whether that was a limit, and not damage.
    """

    def __init__(self, path: Path, limits: ContentLimits) -> None:
        self._path = path
        self._limits = limits
        self.commit = ""
        self.error: str | None = None
        self.is_over_limit = False

    def __iter__(self) -> Iterator[RepositoryFile]:
        limits = self._limits
        with self._path.open("rb") as stream:
            archive = TarPass(
                stream,
                self._take,
                max_bytes=limits.max_unpacked_bytes,
                max_ratio=limits.max_ratio,
            )
            for num_files, file in enumerate(_files(archive, limits)):
                if num_files >= limits.max_files:
                    self.error = f"it has more than {limits.max_files} files"
                    self.is_over_limit = True
                    break
                yield file
        self.commit = archive.comment if _COMMIT.fullmatch(archive.comment) else ""
        self.error = self.error or archive.error
        self.is_over_limit = self.is_over_limit or archive.is_over_limit

    def _take(self, member: tarfile.TarInfo, file: IO[bytes]) -> _Blob | None:
        if member.sparse is not None:  # its size costs nothing
            return None
        hasher = sha1(b"blob %d\0" % member.size, usedforsecurity=False)
        pieces: list[bytes] = []
        is_kept = member.size <= self._limits.max_blob_bytes
        while piece := file.read(CHUNK_BYTES):
            hasher.update(piece)
            if is_kept:
                pieces.append(piece)
        return _Blob(hasher.hexdigest(), b"".join(pieces) if is_kept else None)


def _files(archive: TarPass[_Blob | None], limits: ContentLimits) -> Iterator[RepositoryFile]:
    top: str | None = None
    empty: str | None = None  # a folder in which nothing has been seen yet
    for member, blob in archive:
        if top is None:
            top = member.name.partition("/")[0]
        if empty is not None and not member.name.startswith(f"{empty}/"):
            yield _empty(empty, top)
        empty = member.name if member.isdir() and "/" in member.name else None
        if not member.isdir():
            yield _file(member, blob, top, limits)
    if empty is not None and top is not None and archive.error is None:
        yield _empty(empty, top)


def _path(name: str, top: str) -> tuple[bytes, bool]:
    """Return the path below the top folder, and whether it must not be used."""
    raw_name = name.encode("utf-8", "surrogateescape")
    prefix = top.encode("utf-8", "surrogateescape") + b"/"
    path = raw_name.removeprefix(prefix)
    if path == raw_name or not path:
        return raw_name, True
    return path, is_unsafe_entry(path)


def _empty(name: str, top: str) -> RepositoryFile:
    """Return the row of an empty folder: git has none, and archives a submodule as one."""
    path, is_unsafe = _path(name, top)
    if is_unsafe:
        return RepositoryFile(path=path, mode=SUBMODULE, reason="unsafe_path")
    error = "an empty folder, the archive does not name its commit"
    return RepositoryFile(path=path, mode=SUBMODULE, reason="submodule", error=error)


def _file(
    member: tarfile.TarInfo, blob: _Blob | None, top: str, limits: ContentLimits
) -> RepositoryFile:
    mode = "100755" if member.mode & 0o100 else "100644"
    path, is_unsafe = _path(member.name, top)
    if is_unsafe:
        return RepositoryFile(path=path, mode=mode, reason="unsafe_path")
    if member.issym():
        target = member.linkname.encode("utf-8", "surrogateescape")
        return RepositoryFile(
            path=path, mode=SYMLINK, sha=blob_sha(target), num_bytes=len(target), data=target
        )
    if blob is None:
        what = f"a hard link to {printable_path(member.linkname)}" if member.islnk() else "a device"
        error = f"{what} or sparse file, which git archives never hold"
        return RepositoryFile(path=path, mode=mode, reason="special_file", error=error)
    if blob.data is None:
        error = left_out(member.size, limits)
        return RepositoryFile(
            path=path, mode=mode, sha=blob.sha, num_bytes=member.size, reason="huge", error=error
        )
    return RepositoryFile(path=path, mode=mode, sha=blob.sha, num_bytes=member.size, data=blob.data)
