"""tree-sitter for files that nobody has looked at: a child process that a file may kill.

A hostile file can hang a parser, fill the memory or end its process (see filters.imports), and
nothing inside the process sees it in time. So the kernel holds the limits: a timer on the child's
CPU time, which a loaded machine does not shorten, and RLIMIT_AS. The file that killed the child
twice is read by the expressions of filters.imports; the next file gets a new child.

Messages are frames: four bytes of length, then MessagePack. The child says one empty frame when
its grammars are loaded, then answers `[language, text]` with a list of imports until the socket
closes. It leaves with its parent: idle it sees the socket close, busy its timer ends it.
"""

import resource
import signal
import socket
import struct
import subprocess
import sys
from types import TracebackType
from typing import Literal

import msgspec

from ..corpus.errors import GristmillError
from .imports import IMPORT_LANGUAGES, MAX_IMPORT_CHARS, MAX_SOURCE_CHARS, extract_imports

Evidence = Literal["parser", "expression"]

PARSED_LANGUAGES = IMPORT_LANGUAGES - {"Go Module"}  # one line of go.mod needs no parser
MAX_ATTEMPTS = 2  # the second in a new child, so that the files before do not count
START_SECONDS = 60.0  # wall time to load the grammars; 0.3 on an idle machine
MAX_ANSWER_BYTES = 256 << 20  # far above what MAX_SOURCE_CHARS can name

_LENGTH = struct.Struct(">I")
_BOOT = (  # the parent's module path, not the folder it happens to stand in
    "import sys\n"
    "sys.path[:] = sys.argv[3:]\n"
    "from gristmill.filters.parse_worker import serve\n"
    "serve(cpu_seconds=float(sys.argv[1]), memory_bytes=int(sys.argv[2]))\n"
)


class ParseLimits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one file may cost; 256 KB of ordinary source take under 0.3 s and 100 MB."""

    cpu_seconds: float = 2.0
    wall_seconds: float = 60.0  # the last resort, for a child that does not run at all
    memory_bytes: int = 512 << 20  # of address space, of which Python and the grammars take 40 MB


DEFAULT_LIMITS = ParseLimits()


class ParsedImports(msgspec.Struct, frozen=True, kw_only=True):
    """The imports of a file, spelled as filters.imports spells them, and what found them."""

    imports: tuple[str, ...]
    evidence: Evidence


class ImportParser:
    """Finds imports with a parser where that is possible; a context manager, for one thread."""

    def __init__(self, limits: ParseLimits = DEFAULT_LIMITS) -> None:
        self._limits = limits
        self._child: _Child | None = None

    def __enter__(self) -> "ImportParser":
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

    def extract(self, language: str, text: str) -> ParsedImports:
        """Return the imports of a file, of which the first MAX_SOURCE_CHARS are read.

        Raises:
            GristmillError: the child cannot load its grammars.
        """
        text = text[:MAX_SOURCE_CHARS]
        found = self._parse(language, text) if language in PARSED_LANGUAGES else None
        if found is not None:
            return ParsedImports(imports=tuple(found), evidence="parser")
        return ParsedImports(imports=tuple(extract_imports(language, text)), evidence="expression")

    def close(self) -> None:
        """End the child; a later file starts a new one."""
        if self._child is not None:
            self._child.kill()
            self._child = None

    def _parse(self, language: str, text: str) -> list[str] | None:
        """Return the parser's answer, or None if it ran over its time or died at each attempt."""
        request = msgspec.msgpack.encode((language, text))
        for _ in range(MAX_ATTEMPTS):
            if self._child is None:
                self._child = _Child(self._limits)
            try:
                answer = self._child.ask(request)
            except BaseException:  # its late answer must not meet the next question
                self.close()
                raise
            if answer is not None:
                return answer
            is_slow = self._child.kill() == -signal.SIGPROF
            self._child = None
            if is_slow:
                break
        return None


class _Child:
    """A running child and our end of its socket."""

    def __init__(self, limits: ParseLimits) -> None:
        settings = [str(limits.cpu_seconds), str(limits.memory_bytes)]
        self._socket, theirs = socket.socketpair()
        self._socket.settimeout(START_SECONDS)
        with theirs:
            self.process: subprocess.Popen[bytes] = subprocess.Popen(
                [sys.executable, "-c", _BOOT, *settings, *sys.path],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                start_new_session=True,  # Ctrl-C is for the parent, which then ends the child
            )
        try:
            self._greet(limits.wall_seconds)
        except BaseException:
            self.kill()
            raise

    def _greet(self, wall_seconds: float) -> None:
        """Wait until the child has its grammars; give each file so much time from then on."""
        assert self.process.stderr is not None
        if _receive(self._socket) is None:
            self.process.kill()
            message = self.process.stderr.read().decode("utf-8", errors="replace").strip()
            if not message:
                raise ChildProcessError("the parser process was ended before it was ready")
            raise GristmillError(
                f"the parser process does not start: {message.splitlines()[-1]}",
                where=sys.executable,
                todo="Install the tree-sitter packages that gristmill asks for, or allow it "
                "more memory.",
            )
        self.process.stderr.close()
        self._socket.settimeout(wall_seconds)

    def ask(self, request: bytes) -> list[str] | None:
        """Return the child's answer, or None if there is none."""
        try:
            _send(self._socket, request)
            answer = _receive(self._socket)
            return None if answer is None else msgspec.msgpack.decode(answer, type=list[str])
        except (OSError, msgspec.DecodeError):
            return None

    def kill(self) -> int:
        """End the child and return its exit status; one that ended before keeps its own."""
        self._socket.close()
        self.process.kill()
        status = self.process.wait()
        if self.process.stderr is not None:
            self.process.stderr.close()
        return status


def serve(*, cpu_seconds: float, memory_bytes: int) -> None:
    """Answer the parent on the socket that is standard input, until it closes."""
    from .imports_parser import extract_imports_parser, load_grammars

    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_AS, memory_bytes)
    signal.signal(signal.SIGPROF, signal.SIG_DFL)  # ends the process, also in the parser's loop
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGPROF})
    load_grammars()
    with socket.socket(fileno=0) as connection:
        _send(connection, b"")
        while (request := _receive(connection)) is not None:
            language, text = msgspec.msgpack.decode(request, type=tuple[str, str])
            signal.setitimer(signal.ITIMER_PROF, cpu_seconds)
            found = extract_imports_parser(language, text)
            signal.setitimer(signal.ITIMER_PROF, 0)
            short = [item for item in found if len(item) <= MAX_IMPORT_CHARS]
            _send(connection, msgspec.msgpack.encode(short))


def _limit(what: int, value: int) -> None:
    _, highest = resource.getrlimit(what)
    value = value if highest == resource.RLIM_INFINITY else min(value, highest)
    resource.setrlimit(what, (value, value))


def _send(connection: socket.socket, message: bytes) -> None:
    connection.sendall(_LENGTH.pack(len(message)) + message)


def _receive(connection: socket.socket) -> bytes | None:
    """Return the next message, or None where there is no whole one."""
    head = _receive_bytes(connection, _LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    (num_bytes,) = _LENGTH.unpack(head)
    if num_bytes > MAX_ANSWER_BYTES:
        return None
    message = _receive_bytes(connection, num_bytes)
    return bytes(message) if len(message) == num_bytes else None


def _receive_bytes(connection: socket.socket, num_bytes: int) -> bytearray:
    """Return so many bytes, or fewer if the other side closes."""
    received = bytearray()
    while len(received) < num_bytes:
        part = connection.recv(min(num_bytes - len(received), 1 << 20))
        if not part:
            break
        received += part
    return received
