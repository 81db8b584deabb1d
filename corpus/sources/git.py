"""Reads HEAD's commit of a git repository, bare or working, one object at a time."""

import itertools
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Protocol

from ..record import Record
from .git_objects import (
    BrokenObjectError,
    Entry,
    GitObjects,
    git_command,
    run_git,
    walk_tree,
)
from .rows import RepositoryRows, is_licence_file, is_unsafe_path, printable_path
from .unit import ReadLimits, Unit

NO_COMMIT = "no commit"
SYMLINK = "120000"
SUBMODULE = "160000"
MAX_FILES = 4_000_000  # a tree that names one tree ten times, ten levels deep, has 10**10 files
FORBIDDEN = frozenset((b"", b".", b".git"))  # names that git itself refuses to check out


class Blobs(Protocol):
    """Where the contents of a repository's files come from."""

    def size(self, oid: str) -> int:
        """Return a blob's size, or raise BrokenObjectError."""

    def read(self, oid: str, max_bytes: int) -> bytes:
        """Return a blob's content, or raise BrokenObjectError."""


def git_directory(folder: Path) -> Path | None:
    """Return the folder if git keeps a repository there, bare or with a work tree, else None."""
    if (folder / ".git").exists():
        return folder
    is_bare = (folder / "HEAD").is_file() and (folder / "objects").is_dir()
    return folder if is_bare else None


def head_commit(folder: Path) -> str:
    """Return the commit of HEAD, or NO_COMMIT where there is none."""
    command = git_command(folder, "rev-parse", "--verify", "--quiet", "HEAD^{commit}")
    done = run_git(command, folder)
    return done.stdout.decode("ascii").strip() if done.returncode == 0 else NO_COMMIT


def read_git(unit: Unit, folder: Path, limits: ReadLimits) -> Iterator[Record]:
    """Yield a row for every file of the commit that the unit's digest names."""
    if unit.digest == NO_COMMIT:
        rows = RepositoryRows(unit, revision="", licence_files=())
        yield rows.corrupt_unit("HEAD names no commit that can be read")
        return
    with GitObjects(folder) as objects:
        tops = walk_tree(objects, unit.digest, is_wanted=_may_hold_licences)
        licences = licence_files(entry.path for entry in tops if entry.error is None)
        rows = RepositoryRows(unit, revision=unit.digest, licence_files=licences)
        leaves = walk_tree(objects, unit.digest, is_wanted=lambda folder: True)
        for entry in itertools.islice(leaves, MAX_FILES):
            yield entry_row(entry, printable_path(entry.path), objects, rows, limits)
        if next(leaves, None) is not None:
            yield rows.corrupt_unit(f"it has more than {MAX_FILES} files")


def licence_files(paths: Iterable[bytes]) -> tuple[str, ...]:
    """Return the printable paths of a repository's licence files, sorted."""
    tops = (path for path in paths if _may_hold_licences(path.rpartition(b"/")[0]))
    return tuple(sorted(path for path in map(printable_path, tops) if is_licence_file(path)))


def is_unsafe_entry(path: bytes) -> bool:
    """Tell whether git itself would refuse to check a path out."""
    return is_unsafe_path(os.fsdecode(path)) or not FORBIDDEN.isdisjoint(path.split(b"/"))


def entry_row(
    entry: Entry, path: str, objects: Blobs, rows: RepositoryRows, limits: ReadLimits
) -> Record:
    """Return the row of one leaf of a tree."""
    if entry.error is not None:
        return rows.dropped(path, "corrupt", error=entry.error)
    if is_unsafe_entry(entry.path):
        return rows.dropped(path, "unsafe_path")
    if entry.mode == SUBMODULE:
        return rows.dropped(path, "submodule", error=f"commit {entry.oid}")
    try:
        num_bytes = objects.size(entry.oid)
        if num_bytes > limits.max_file_bytes:
            return rows.huge(path, num_bytes=num_bytes, max_bytes=limits.max_file_bytes)
        data = objects.read(entry.oid, limits.max_file_bytes)
    except BrokenObjectError as error:
        return rows.dropped(path, "corrupt", error=str(error))
    if entry.mode == SYMLINK:
        return rows.dropped(
            path, "symlink", num_bytes=num_bytes, error=f"to {printable_path(data)}"
        )
    return rows.file(path, data)


def _may_hold_licences(folder: bytes) -> bool:
    return folder.upper() in (b"", b"LICENSES", b"LICENCES")
