"""Progress: bars with rates on a terminal, JSON lines elsewhere; always on stderr."""

import sys
from typing import TYPE_CHECKING, TextIO

import msgspec

from .artifact import Manifest
from .engine import Node, Observer
from .stage import Failure, Task

if TYPE_CHECKING:
    from .bars import Bars


def make_observer(stream: TextIO = sys.stderr) -> "Bars | JsonLines":
    """Return bars for a terminal, JSON lines for anything else."""
    if not stream.isatty():
        return JsonLines(stream)
    from rich.console import Console  # only a terminal waits for it to load

    from .bars import Bars

    return Bars(Console(file=stream))


class JsonLines:
    """One JSON object a line for every task that ran or failed."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._done = self._total = 0

    def begin(self, num_nodes: int) -> None:
        """Count the tasks."""
        self._total += num_nodes

    def start(self, task: Task, key: str) -> None:
        """Say nothing: the end is told."""

    def finish(self, node: Node, manifest: Manifest, *, is_cached: bool) -> None:
        """Write a line for a task that ran."""
        self._done += 1
        if not is_cached:
            self._write(
                event="done",
                stage=manifest.stage,
                shard=manifest.shard,
                rows=manifest.rows,
                num_bytes=manifest.num_bytes,
                seconds=manifest.seconds,
                done=self._done,
                total=self._total,
            )

    def fail(self, node: Node, failure: Failure, *, attempts_left: int) -> None:
        """Write a line for a failure."""
        self._write(
            event="failed",
            stage=failure.stage,
            shard=failure.shard,
            message=failure.message,
            attempts_left=attempts_left,
        )

    def close(self) -> None:
        """Nothing is open."""

    def _write(self, **event: object) -> None:
        self._stream.write(msgspec.json.encode(event).decode() + "\n")
        self._stream.flush()


_: type[Observer] = JsonLines  # keeps the engine's protocol; checked by mypy
