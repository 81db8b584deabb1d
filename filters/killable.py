"""A child process that a file may kill: parsers for files that nobody has looked at.

A hostile file can hang a parser, fill the memory or end its process, and nothing inside the
process sees it in time. So the kernel holds the limits: a timer on the child's CPU time, which a
loaded machine does not shorten, and RLIMIT_AS. The other files of a batch are never lost: their
answers have come already, or the next child gives them.

The child sends one empty frame when it is ready, then answers each MessagePack list of
`[name, text]` with one frame a file, in order, until the socket closes. It leaves with its parent:
idle it sees the socket close, busy its timer ends it.
"""

import os
import resource
import select
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import Literal, NamedTuple, TypeVar

import msgspec

from ..corpus.errors import GristmillError
from .frames import receive, send

Job = Literal["imports", "syntax"]  # of imports_parser and syntax_parser
Failure = Literal["timeout", "crashed", "memory"]
Item = tuple[str, bytes]  # the language or grammar as the job calls it, and the text as UTF-8

MAX_ATTEMPTS = 2  # the second in a new child, so that the files before do not count
START_SECONDS = 60.0  # wall time until the child is ready; 0.3 on an idle machine
MAX_BATCH_BYTES = 1 << 20
MAX_BATCH_ITEMS = 256
MAX_NOTES_BYTES = 1 << 20  # of standard error; some scanners print what they see

WATCH_SECONDS = 0.01  # between looks at the memory of a child that is busy for longer
# Arrays double: an allocation that fails for its size finds at least a third of the limit taken.
SUSPECT_SHARE = 0.25

_MEMORY_STATUS = 71  # EX_OSERR of sysexits.h
_BOOT = (  # the parent's module path, not the folder it happens to stand in
    "import sys\n"
    "sys.path[:] = sys.argv[4:]\n"
    "from gristmill.filters.killable import serve\n"
    "serve(sys.argv[1], cpu_seconds=float(sys.argv[2]), memory_bytes=int(sys.argv[3]))\n"
)


class ParseLimits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one file may cost; 256 KB of ordinary source take under 0.3 s and 100 MB."""

    cpu_seconds: float = 2.0
    wall_seconds: float = 60.0  # the last resort, for a child that does not run at all
    memory_bytes: int = 512 << 20  # of address space, of which Python takes 40 MB


DEFAULT_LIMITS = ParseLimits()


Worker = TypeVar("Worker", bound="KillableWorker")


class KillableWorker:
    """Runs a job on files in a child process; a context manager, for one thread."""

    def __init__(self, job: Job, limits: ParseLimits = DEFAULT_LIMITS) -> None:
        self._job = job
        self._limits = limits
        self._child: _Child | None = None

    def __enter__(self: Worker) -> Worker:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def child_pid(self) -> int | None:
        """The process id of the child, if there is one now."""
        return self._child.process.pid if self._child is not None else None

    def run(self, items: Sequence[Item]) -> list[bytes | Failure]:
        """Return the job's answer to each item, or how the item ended its child.

        Raises:
            GristmillError: the child does not start.
        """
        answers: list[bytes | Failure] = []
        for end in _batch_ends(items):
            attempts = 0  # at the first item without an answer
            while len(answers) < end:
                found = self._ask(items[len(answers) : end])
                answers += found
                if len(answers) == end:
                    break
                attempts = 1 if found else attempts + 1
                failure, is_final = self._bury()
                if is_final or attempts == MAX_ATTEMPTS:
                    answers.append(failure)
                    attempts = 0
        return answers

    def close(self) -> None:
        """End the child; a later file starts a new one."""
        if self._child is not None:
            self._child.kill()
            self._child = None

    def _ask(self, items: Sequence[Item]) -> list[bytes]:
        """Return the answers that come before the child is silent."""
        if self._child is None:
            self._child = _Child(self._job, self._limits)
        try:
            return list(self._child.ask(items))
        except BaseException:  # its late answer must not meet the next question
            self.close()
            raise

    def _bury(self) -> tuple[Failure, bool]:
        """Return why the child gave no answer, and whether another child would fare alike."""
        assert self._child is not None
        child, self._child = self._child, None
        status = child.kill()
        if status == -signal.SIGPROF:
            return "timeout", True
        if child.was_silent:
            return "timeout", False
        taken = child.highest_memory - child.first_memory
        if status == _MEMORY_STATUS or taken > SUSPECT_SHARE * self._limits.memory_bytes:
            return "memory", False  # parsers do not look whether they were given any
        return "crashed", False


class _Child:
    """A running child and our end of its socket."""

    def __init__(self, job: Job, limits: ParseLimits) -> None:
        settings = [job, str(limits.cpu_seconds), str(limits.memory_bytes)]
        self._wall_seconds = limits.wall_seconds
        self.was_silent = False  # beyond its wall time
        self.first_memory = self.highest_memory = 0  # bytes of address space
        self.last_words = b""
        self._notes = tempfile.TemporaryFile()  # noqa: SIM115  closed by kill
        self._socket, theirs = socket.socketpair()
        self._socket.settimeout(START_SECONDS)
        with theirs:
            self.process: subprocess.Popen[bytes] = subprocess.Popen(
                [sys.executable, "-c", _BOOT, *settings, *sys.path],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=self._notes,
                start_new_session=True,  # Ctrl-C is for the parent, which then ends the child
            )
        try:
            self._greet()
        except BaseException:
            self.kill()
            raise

    def _greet(self) -> None:
        """Wait until the child is ready; give each file so much time from then on."""
        if receive(self._socket) is None:
            self.kill()
            message = self.last_words.decode("utf-8", errors="replace").strip()
            if not message:
                raise ChildProcessError("the parser process was ended before it was ready")
            raise GristmillError(
                f"the parser process does not start: {message.splitlines()[-1]}",
                where=sys.executable,
                todo="Install the tree-sitter packages that gristmill asks for, or allow it "
                "more memory.",
            )
        self._socket.settimeout(self._wall_seconds)
        self.first_memory = _address_space(self.process.pid)

    def ask(self, items: Sequence[Item]) -> Iterator[bytes]:
        """Yield the child's answers, all of them if it lives."""
        try:
            send(self._socket, msgspec.msgpack.encode(items))
            for _ in items:
                self._watch()
                answer = receive(self._socket)
                if answer is None:
                    return
                yield answer
        except TimeoutError:
            self.was_silent = True
        except OSError:  # it has closed the socket by ending
            return

    def _watch(self) -> None:
        """Wait for the child to say something or to end, and note the most memory that it has."""
        for _ in range(int(self._wall_seconds / WATCH_SECONDS)):
            if select.select([self._socket], [], [], WATCH_SECONDS)[0]:
                return
            self.highest_memory = max(self.highest_memory, _address_space(self.process.pid))
        raise TimeoutError

    def kill(self) -> int:
        """End the child and return its exit status; one that ended before keeps its own."""
        self._socket.close()
        self.process.kill()
        status = self.process.wait()
        if not self._notes.closed:
            self._notes.seek(0)
            self.last_words = self._notes.read(MAX_NOTES_BYTES)
            self._notes.close()
        return status


def _batch_ends(items: Sequence[Item]) -> Iterator[int]:
    """Yield where batches end; a batch is bounded in items and, but for one item, in bytes."""
    start = num_bytes = 0
    for i, (_, text) in enumerate(items):
        num_bytes += len(text)
        if i > start and (i - start == MAX_BATCH_ITEMS or num_bytes > MAX_BATCH_BYTES):
            yield i
            start, num_bytes = i, len(text)
    if items:
        yield len(items)


class Kernel(NamedTuple):
    """What a job does in the child: once, once for each name, and for each text."""

    start: Callable[[], None]
    prepare: Callable[[str], None]
    answer: Callable[[str, bytes], bytes]


def serve(job: Job, *, cpu_seconds: float, memory_bytes: int) -> None:
    """Answer the parent on the socket that is standard input, until it closes."""
    kernel: Kernel = import_module(f".{job}_parser", __package__).KERNEL
    limit(resource.RLIMIT_CORE, 0)
    limit(resource.RLIMIT_FSIZE, MAX_NOTES_BYTES)
    limit(resource.RLIMIT_AS, memory_bytes)
    signal.signal(signal.SIGPROF, signal.SIG_DFL)  # ends the process, also in the parser's loop
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGPROF})
    kernel.start()
    prepared: set[str] = set()
    try:
        with socket.socket(fileno=0) as connection:
            send(connection, b"")
            while (request := receive(connection)) is not None:
                for name, text in msgspec.msgpack.decode(request, type=list[Item]):
                    if name not in prepared:
                        memory_bytes += _address_space_of(kernel.prepare, name)
                        limit(resource.RLIMIT_AS, memory_bytes)
                        prepared.add(name)
                    signal.setitimer(signal.ITIMER_PROF, cpu_seconds)
                    answer = kernel.answer(name, text)
                    signal.setitimer(signal.ITIMER_PROF, 0)
                    send(connection, answer)
    except MemoryError:
        os._exit(_MEMORY_STATUS)


def limit(what: int, value: int) -> None:
    """Set a limit of this process, as far as the limits that it was given allow."""
    _, highest = resource.getrlimit(what)
    value = value if highest == resource.RLIM_INFINITY else min(value, highest)
    resource.setrlimit(what, (value, highest))


def _address_space_of(prepare: Callable[[str], None], name: str) -> int:
    """Return the bytes that a preparation takes, which no file shall pay for."""
    _, highest = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (highest, highest))
    before = _address_space(os.getpid())
    prepare(name)
    return _address_space(os.getpid()) - before


def _address_space(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_bytes().split()[0]) * resource.getpagesize()
