"""Progress of an export on stderr: a bar on a terminal, a JSON line a file elsewhere."""

import sys
from collections.abc import Sequence
from typing import TextIO

import msgspec

from .write import WrittenFile


class JsonReport:
    """One JSON object a line for every file that is finished."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def file(self, written: Sequence[WrittenFile], done: int, total: int) -> None:
        """Write a line for the first path of what was written together."""
        event = {
            "event": "written",
            "path": written[0].path,
            "num_bytes": sum(part.num_bytes for part in written),
            "tokens": written[0].tokens,
            "done": done,
            "total": total,
        }
        self._stream.write(msgspec.json.encode(event).decode() + "\n")
        self._stream.flush()

    def close(self) -> None:
        """Nothing is open."""


class BarReport:
    """One bar over all files, with the tokens written."""

    def __init__(self, stream: TextIO) -> None:
        from rich.console import Console  # only a terminal waits for it to load
        from rich.progress import Progress

        self._progress = Progress(console=Console(file=stream), transient=True)
        self._bar = self._progress.add_task("export", total=None)
        self._tokens = 0
        self._progress.start()

    def file(self, written: Sequence[WrittenFile], done: int, total: int) -> None:
        """Move the bar."""
        self._tokens += written[0].tokens
        text = f"{self._tokens / 1e6:,.0f} M tokens"
        self._progress.update(self._bar, completed=done, total=total, description=text)

    def close(self) -> None:
        """Take the bar away."""
        self._progress.stop()


def make_report(stream: TextIO = sys.stderr) -> JsonReport | BarReport:
    """Return a bar for a terminal, JSON lines for anything else."""
    return BarReport(stream) if stream.isatty() else JsonReport(stream)
