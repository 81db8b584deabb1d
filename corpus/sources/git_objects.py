"""The objects of a git repository: trees walked entry by entry, blobs read one at a time.

Trees are walked here instead of by ls-tree, so that a broken tree loses its own files and nothing
else. The machine's and the user's configuration are off, and no protocol may run: the repository
is untrusted input.
"""

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import IO

import msgspec

from ..errors import GristmillError

TREE = "40000"
MAX_DEPTH = 128  # a tree object may not hold itself, but may be nested without an end in sight
MAX_TREE_BYTES = 64 << 20
SKIP_BYTES = 1 << 20


class BrokenObjectError(ValueError):
    """A git object that is missing or does not unpack."""


class Entry(msgspec.Struct, frozen=True):
    """One leaf of a tree; `error` says why the tree at this path cannot be listed."""

    path: bytes
    mode: str
    oid: str
    error: str | None = None


def walk_tree(
    objects: "GitObjects", commit: str, *, is_wanted: Callable[[bytes], bool]
) -> Iterator[Entry]:
    """Yield every leaf of the wanted folders of a commit, in git's own order."""
    stack: list[tuple[bytes, str, str, int]] = [(b"", TREE, f"{commit}^{{tree}}", 0)]
    while stack:
        path, mode, oid, depth = stack.pop()
        if mode != TREE:
            yield Entry(path, mode, oid)
            continue
        if not is_wanted(path):
            continue
        try:
            if depth > MAX_DEPTH:
                raise BrokenObjectError(f"folders are nested more than {MAX_DEPTH} deep")
            children = _parse_tree(objects.read(oid, MAX_TREE_BYTES), objects.oid_bytes)
        except BrokenObjectError as error:
            yield Entry(path, mode, oid, f"its tree cannot be listed: {error}")
            continue
        prefix = path + b"/" if path else b""
        for mode, name, child in reversed(children):
            stack.append((prefix + name, mode, child, depth + 1))


def _parse_tree(data: bytes, oid_bytes: int) -> list[tuple[str, bytes, str]]:
    children: list[tuple[str, bytes, str]] = []
    position = 0
    while position < len(data):
        space = data.find(b" ", position)
        end = data.find(b"\0", space)
        if space < 0 or end < 0 or end + oid_bytes >= len(data):
            raise BrokenObjectError("the tree object is malformed")
        mode = data[position:space].lstrip(b"0").decode("ascii", "replace")
        name = data[space + 1 : end]
        position = end + 1 + oid_bytes
        children.append((mode, name, data[end + 1 : position].hex()))
    return children


class GitObjects:
    """Two long-lived git processes: one tells sizes, one gives contents."""

    def __init__(self, folder: Path) -> None:
        done = run_git(git_command(folder, "rev-parse", "--show-object-format"), folder)
        self.oid_bytes = 32 if done.stdout.strip() == b"sha256" else 20
        self._folder = folder
        self._sizes = self._start("--batch-check")
        self._contents = self._start("--batch")

    def __enter__(self) -> "GitObjects":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        _stop(self._sizes)
        _stop(self._contents)

    def size(self, oid: str) -> int:
        """Return an object's size without unpacking it."""
        header = self._ask(self._sizes, oid)
        if not header:
            _stop(self._sizes)
            self._sizes = self._start("--batch-check")
        return _size_of(header, oid)

    def read(self, oid: str, max_bytes: int) -> bytes:
        """Return an object's content."""
        header = self._ask(self._contents, oid)
        try:
            num_bytes = _size_of(header, oid)
        except BrokenObjectError:
            if not header:
                self._restart_contents()
            raise
        stdout = _pipe(self._contents.stdout)
        if num_bytes > max_bytes:
            self._skip(stdout, num_bytes + 1)
            raise BrokenObjectError(f"object {oid} has {num_bytes} bytes, the limit is {max_bytes}")
        data = stdout.read(num_bytes + 1)
        if len(data) != num_bytes + 1:
            self._restart_contents()
            raise BrokenObjectError(
                f"object {oid} is damaged: {len(data)} of {num_bytes} bytes can be read"
            )
        return data[:-1]

    def _skip(self, stdout: IO[bytes], num_bytes: int) -> None:
        while num_bytes > 0 and (piece := stdout.read(min(num_bytes, SKIP_BYTES))):
            num_bytes -= len(piece)

    def _restart_contents(self) -> None:
        _stop(self._contents)
        self._contents = self._start("--batch")

    def _start(self, mode: str) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            git_command(self._folder, "cat-file", mode),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=git_environment(),
        )

    def _ask(self, process: "subprocess.Popen[bytes]", oid: str) -> bytes:
        stdin = _pipe(process.stdin)
        try:
            stdin.write(oid.encode("ascii") + b"\n")
            stdin.flush()
        except BrokenPipeError:
            return b""
        return _pipe(process.stdout).readline()


def _size_of(header: bytes, oid: str) -> int:
    fields = header.split()
    if len(fields) == 3 and fields[2].isdigit():
        return int(fields[2])
    if fields[1:] == [b"missing"]:
        raise BrokenObjectError(f"object {oid} is missing or damaged")
    raise BrokenObjectError(f"object {oid} is damaged")


def _stop(process: "subprocess.Popen[bytes]") -> None:
    for pipe in (process.stdin, process.stdout):
        try:
            _pipe(pipe).close()
        except BrokenPipeError:  # the process died before it took its last line
            continue
    process.kill()
    process.wait()


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    assert pipe is not None
    return pipe


def git_command(folder: Path, *arguments: str) -> list[str]:
    """Return the command line that runs git in a repository with nothing of it executed."""
    settings = ("safe.directory=*", "core.hooksPath=/dev/null", "protocol.allow=never")
    options = [part for setting in settings for part in ("-c", setting)]
    where = folder / ".git" if (folder / ".git").exists() else folder
    if where.is_file():  # a linked work tree or a submodule: git follows the file itself
        return ["git", *options, "-C", str(folder), *arguments]
    return ["git", *options, f"--git-dir={where}", *arguments]


def git_environment() -> dict[str, str]:
    """Return an environment for git in which only the command line configures it."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    return kept | {
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_OPTIONAL_LOCKS": "0",
        "HOME": os.devnull,  # for a git older than GIT_CONFIG_GLOBAL
        "XDG_CONFIG_HOME": os.devnull,
        "LC_ALL": "C",
    }


def run_git(command: list[str], folder: Path) -> "subprocess.CompletedProcess[bytes]":
    """Run a git command to its end; its standard output is kept, its messages are not.

    Raises:
        GristmillError: if git is not installed.
    """
    try:
        return subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=git_environment(),
            check=False,
        )
    except FileNotFoundError as error:
        raise GristmillError(
            "git is needed to read this repository and is not installed",
            where=str(folder),
            todo="Install git, or give the repository as a .tar.gz archive.",
        ) from error
