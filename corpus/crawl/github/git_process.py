"""Runs git against an untrusted server, its time and the disk it takes bounded from outside."""

import contextlib
import os
import re
import signal
import subprocess
import tempfile
import threading
import time
from pathlib import Path
from typing import IO, Literal

import msgspec

from ...errors import GristmillError
from ...sources.rows import printable_path

FIRST_POLL_SECONDS = 0.01
POLL_SECONDS = 0.2
MESSAGE_BYTES = 4096
Failure = Literal[
    "stopped",
    "timeout",
    "too_big",
    "refused_url",
    "moved",
    "not_found",
    "dmca",
    "forbidden",
    "rate_limited",
    "no_commit",
    "failed",
]
_SIGNS: tuple[tuple[Failure, str], ...] = (
    ("moved", r"returned error: 30\d|redirect"),
    ("rate_limited", r"returned error: 429"),
    ("dmca", r"returned error: 451"),
    ("not_found", r"returned error: 4(?:04|10)|could not read Username|Authentication failed"),
    ("not_found", r"repository '.*' not found"),
    ("forbidden", r"returned error: 4\d\d"),
    ("no_commit", r"not our ref|couldn't find remote ref|unadvertised object"),
)


class CloneSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What bounds one clone.

    Args:
        max_disk_bytes: a clone that takes more is killed.
        low_speed_bytes: a transfer slower than this per second, for `low_speed_seconds`, ends.
        user_agent: what the server is told; git's own where it is empty.
    """

    timeout_seconds: float = 900.0
    max_disk_bytes: int = 4 << 30
    low_speed_bytes: int = 1000
    low_speed_seconds: int = 60
    user_agent: str = ""


class CloneError(Exception):
    """A clone that came to nothing, and why."""

    def __init__(self, failure: Failure, detail: str) -> None:
        super().__init__(failure, detail)
        self.failure = failure
        self.detail = detail

    def __str__(self) -> str:
        return f"{self.failure}: {self.detail}"


def run_git_bounded(
    command: list[str],
    folder: Path,
    environment: dict[str, str],
    settings: CloneSettings,
    stop: threading.Event | None,
) -> None:
    """Run git in a process group of its own, and kill the group beyond a limit.

    Raises:
        CloneError: with the last of what git said, or naming the limit.
        GristmillError: if git is not installed.
    """
    with tempfile.TemporaryFile() as messages:
        try:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=messages,
                env=environment,
                start_new_session=True,
            )
        except FileNotFoundError as error:
            raise GristmillError(
                "git is needed to clone it and is not installed",
                where=str(folder),
                todo="Install git.",
            ) from error
        try:
            _watch(process, folder, messages.fileno(), settings, stop)
        finally:
            _kill_group(process)
        if process.returncode != 0:
            raise _explain(messages)


def _watch(
    process: "subprocess.Popen[bytes]",
    folder: Path,
    messages: int,
    settings: CloneSettings,
    stop: threading.Event | None,
) -> None:
    """Return when git has ended; raise when it must not go on."""
    end = time.monotonic() + settings.timeout_seconds
    wait_seconds = FIRST_POLL_SECONDS
    while True:
        has_ended = True
        try:
            process.wait(wait_seconds)
        except subprocess.TimeoutExpired:
            has_ended = False
            wait_seconds = min(2 * wait_seconds, POLL_SECONDS)
        if _folder_bytes(folder) + os.fstat(messages).st_size > settings.max_disk_bytes:
            raise CloneError("too_big", f"it takes more than {settings.max_disk_bytes} bytes")
        if has_ended:
            return
        if stop is not None and stop.is_set():
            raise CloneError("stopped", "the crawl was stopped")
        if time.monotonic() > end:
            raise CloneError("timeout", f"it took more than {settings.timeout_seconds:g} seconds")


def _kill_group(process: "subprocess.Popen[bytes]") -> None:
    """End what git has started, too; the group is gone if all of it ended by itself."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _folder_bytes(folder: Path) -> int:
    num_bytes = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(FileNotFoundError):  # git renames its files at any time
                num_bytes += (Path(parent) / name).lstat().st_size
    return num_bytes


def _explain(messages: IO[bytes]) -> CloneError:
    size = messages.seek(0, os.SEEK_END)
    messages.seek(max(0, size - MESSAGE_BYTES))
    lines = printable_path(messages.read().replace(b"\n", b" ")).split()
    detail = " ".join(lines)[-500:]
    failure: Failure = next((name for name, sign in _SIGNS if re.search(sign, detail)), "failed")
    return CloneError(failure, detail or "git said nothing")
