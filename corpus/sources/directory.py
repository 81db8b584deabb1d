"""Reads a plain folder as a repository: every file below it, links not followed."""

import hashlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from ..errors import GristmillError
from ..ids import digest_parts
from ..record import Record
from .rows import RepositoryRows, is_licence_file, printable_path
from .unit import ReadLimits, Unit

CHUNK_BYTES = 1 << 20


def read_directory(unit: Unit, folder: Path, limits: ReadLimits) -> Iterator[Record]:
    """Yield a row for every file, sorted by path; a nested git repository is one submodule row."""
    paths = walk(folder)
    licences = sorted(path for path in map(printable_path, paths) if is_licence_file(path))
    rows = RepositoryRows(unit, revision=unit.digest, licence_files=tuple(licences))
    for path in paths:
        try:
            yield _row(folder, path, rows, limits)
        except OSError as error:
            raise _unreadable(folder / path, error) from error


def walk(folder: Path) -> list[str]:
    """Return the sorted paths of what is not a folder, and of nested git repositories."""
    found: list[str] = []
    stack = [""]
    while stack:
        prefix = stack.pop()
        try:
            with os.scandir(folder / prefix) as entries:
                for entry in entries:
                    path = prefix + entry.name
                    is_folder = entry.is_dir(follow_symlinks=False)
                    if is_folder and not (folder / path / ".git").exists():
                        stack.append(path + "/")
                    else:
                        found.append(path)
        except OSError as error:
            raise _unreadable(folder / prefix, error) from error
    return sorted(found, key=os.fsencode)


def directory_stamp(folder: Path) -> tuple[str, int]:
    """Return a cheap change detector and the total size in bytes of the files."""
    parts: list[str] = []
    size_bytes = 0
    for path in walk(folder):
        try:
            status = (folder / path).lstat()
        except OSError as error:
            raise _unreadable(folder / path, error) from error
        parts += (path, str(status.st_mode), str(status.st_size), str(status.st_mtime_ns))
        size_bytes += status.st_size if stat.S_ISREG(status.st_mode) else 0
    return _digest("directory-stamp", parts), size_bytes


def directory_digest(folder: Path) -> str:
    """Return the digest of the sorted (path, mode, bytes) of a folder; times do not matter."""
    parts: list[str] = []
    for path in walk(folder):
        try:
            mode = (folder / path).lstat().st_mode
            parts += (path, *_mode_and_content(folder / path, mode))
        except OSError as error:
            raise _unreadable(folder / path, error) from error
    return _digest("directory", parts)


def _mode_and_content(path: Path, mode: int) -> tuple[str, str]:
    if stat.S_ISLNK(mode):
        return "link", str(path.readlink())
    if stat.S_ISREG(mode):
        hasher = hashlib.blake2b(digest_size=16)
        with path.open("rb") as stream:
            while chunk := stream.read(CHUNK_BYTES):
                hasher.update(chunk)
        return ("program" if mode & stat.S_IXUSR else "file"), hasher.hexdigest()
    return "special", str(stat.S_IFMT(mode))


def _digest(tag: str, parts: list[str]) -> str:
    return digest_parts(tag, [os.fsencode(part) for part in parts]).hex()


def _row(folder: Path, path: str, rows: RepositoryRows, limits: ReadLimits) -> Record:
    full_path = folder / path
    name = printable_path(path)
    status = full_path.lstat()
    if stat.S_ISLNK(status.st_mode):
        return rows.dropped(
            name, "symlink", error=f"to {printable_path(str(full_path.readlink()))}"
        )
    if stat.S_ISDIR(status.st_mode):
        return rows.dropped(name, "submodule", error="a git repository of its own")
    if not stat.S_ISREG(status.st_mode):
        return rows.dropped(name, "special_file", error="neither a file, a folder nor a link")
    if status.st_size > limits.max_file_bytes:
        return rows.huge(name, num_bytes=status.st_size, max_bytes=limits.max_file_bytes)
    with full_path.open("rb") as stream:
        data = stream.read(limits.max_file_bytes + 1)
    if len(data) > limits.max_file_bytes:  # it grew since
        return rows.huge(name, num_bytes=len(data), max_bytes=limits.max_file_bytes)
    return rows.file(name, data)


def _unreadable(path: Path, error: OSError) -> GristmillError:
    return GristmillError(
        f"cannot read it: {error.strerror or error}",
        where=str(path),
        todo="Check its permissions and that nothing changes the folder during a build.",
    )
