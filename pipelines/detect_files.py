"""The files that a command line names: found in order, read within bounds, gathered by repository.

A folder is walked in the order of its paths' bytes, hidden files included; `.git` and links are
not entered. One folder's names are held at a time, and one batch of texts.
"""

import errno
import os
import stat
import sys
from collections.abc import Callable, Iterable, Iterator
from io import FileIO
from pathlib import Path
from typing import Literal, NamedTuple

import msgspec

from ..corpus.errors import GristmillError
from ..corpus.record import ReadDrop
from ..corpus.sources.rows import text_or_reason
from ..corpus.sources.unit import ReadLimits

STDIN = "-"
GIT = b".git"
MAX_BATCH_FILES = 4096
MAX_BATCH_BYTES = 64 << 20
READ_BYTES = 1 << 16

Reason = ReadDrop | Literal["unreadable"]
Note = Callable[[str], None]


class FoundFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file's text, or the reason why there is none; bytes of its path outside UTF-8 are escaped.

    `name` is the path that its language may be told by: stdin has none unless it is given one.
    `repository` is the folder with `.git` that holds it, "" outside of any.
    """

    path: str
    name: str = ""
    repository: str = ""
    text: str | None = None
    num_bytes: int = 0
    reason: Reason | None = None


class _Node(NamedTuple):
    key: bytes  # a folder's ends in a slash, so that whole paths come in the order of their bytes
    path: str
    kind: Literal["folder", "file", "symlink", "special_file"]


class _Level(NamedTuple):
    repository: str
    nodes: Iterator[_Node]


def read_batches(
    paths: Iterable[str], *, name: str | None, limits: ReadLimits, note: Note
) -> Iterator[list[FoundFile]]:
    """Yield the files of each path, those that may be judged together in one list.

    A list holds files of one repository (the nearest folder with `.git` at or below the path), or
    files outside of any, at most MAX_BATCH_FILES and about MAX_BATCH_BYTES of them. A file that is
    named itself, and stdin, is alone.

    Args:
        paths: files, folders, or "-" for stdin.
        name: what stdin is called.
        limits: a file longer than its `max_file_bytes` has no text.
        note: is told of each folder and file that cannot be read.

    Raises:
        GristmillError: a path does not exist; nothing has been read by then.
    """
    paths = list(paths)
    for path in paths:
        if path != STDIN and not os.path.lexists(path):
            raise GristmillError(
                "there is no such file or folder",
                where=shown_path(path),
                todo="Name one that exists, or - for stdin.",
            )
    for path in paths:
        if path == STDIN:
            data = sys.stdin.buffer.read(limits.max_file_bytes + 1)
            known = shown_path(name or "")
            yield [_judge_bytes(known or STDIN, data, limits, name=known)]
        elif Path(path).is_dir():
            yield from _gather(_walk(path, note), limits, note)
        else:
            yield [_read(path, limits, note)]


def shown_path(path: str) -> str:
    """Return a path that JSON can hold: bytes outside UTF-8 are escaped."""
    if path.isascii():
        return path
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _gather(
    nodes: Iterable[tuple[str, _Node]], limits: ReadLimits, note: Note
) -> Iterator[list[FoundFile]]:
    batch: list[FoundFile] = []
    num_bytes, last = 0, ""
    for repository, node in nodes:
        is_full = len(batch) >= MAX_BATCH_FILES or num_bytes >= MAX_BATCH_BYTES
        if batch and (is_full or repository != last):
            yield batch
            batch, num_bytes = [], 0
        if node.kind == "file":
            found = _read(node.path, limits, note)
        elif node.kind == "symlink":
            found = FoundFile(path=shown_path(node.path), reason="symlink")
        else:
            found = FoundFile(path=shown_path(node.path), reason="special_file")
        batch.append(msgspec.structs.replace(found, repository=repository))
        num_bytes += found.num_bytes if found.text is not None else 0
        last = repository
    if batch:
        yield batch


def _walk(folder: str, note: Note) -> Iterator[tuple[str, _Node]]:
    """Yield what is no folder, each with the repository that it belongs to."""
    start = _Node(b"", folder, "folder")
    stack = [_Level("", iter([start]))]
    while stack:
        level = stack[-1]
        node = next(level.nodes, None)
        if node is None:
            stack.pop()
        elif node.kind == "folder":
            found = _list(node.path, note)
            children = [child for child in found if child.key.rstrip(b"/") != GIT]
            repository = node.path if len(children) < len(found) else level.repository
            stack.append(_Level(repository, iter(children)))
        else:
            yield level.repository, node


def _list(folder: str, note: Note) -> list[_Node]:
    try:
        with os.scandir(folder) as entries:
            return sorted(_node(entry) for entry in entries)
    except OSError as error:
        note(_complaint(folder, error))
        return []


def _node(entry: "os.DirEntry[str]") -> _Node:
    key = os.fsencode(entry.name)
    if entry.is_dir(follow_symlinks=False):
        return _Node(key + b"/", entry.path, "folder")
    if entry.is_symlink():
        return _Node(key, entry.path, "symlink")
    is_file = entry.is_file(follow_symlinks=False)
    return _Node(key, entry.path, "file" if is_file else "special_file")


def _read(path: str, limits: ReadLimits, note: Note) -> FoundFile:
    name = shown_path(path)
    try:
        with FileIO(path) as stream:
            status = os.fstat(stream.fileno())
            if stat.S_ISREG(status.st_mode) and status.st_size > limits.max_file_bytes:
                return FoundFile(path=name, num_bytes=status.st_size, reason="huge")
            data = _read_up_to(stream, limits.max_file_bytes + 1, status.st_size)
    except OSError as error:
        note(_complaint(path, error))
        return FoundFile(path=name, reason="unreadable")
    return _judge_bytes(name, data, limits, name=name)


def _read_up_to(stream: FileIO, num_bytes: int, size: int) -> bytes:
    """Return the first bytes of a file, a pipe or a device; its size, where known, saves calls."""
    data = stream.read(min(size + 1, num_bytes)) or b""
    if 0 < len(data) == size < num_bytes:
        return data
    parts, left = [data], num_bytes - len(data)
    while left > 0 and (part := stream.read(min(left, READ_BYTES))):
        parts.append(part)
        left -= len(part)
    return b"".join(parts)


def _judge_bytes(path: str, data: bytes, limits: ReadLimits, *, name: str) -> FoundFile:
    if len(data) > limits.max_file_bytes:
        return FoundFile(path=path, num_bytes=len(data), reason="huge")
    outcome = text_or_reason(data)
    if isinstance(outcome, str):
        return FoundFile(path=path, num_bytes=len(data), reason=outcome)
    return FoundFile(path=path, name=name, text=outcome[0], num_bytes=len(data))


def _complaint(path: str, error: OSError) -> str:
    what = error.strerror or errno.errorcode.get(error.errno or 0, "cannot be read")
    return f"{shown_path(path)}: {what}"
