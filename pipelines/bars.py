"""Progress on a terminal: one bar over all tasks, with rates."""

import time

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from .artifact import Manifest
from .engine import Node, Observer
from .stage import Failure, Task


class Bars:
    """One bar over all tasks, with the stage at work and the bytes written."""

    def __init__(self, console: Console) -> None:
        self._progress = Progress(
            TextColumn("{task.description:<24}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[detail]}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=console,
            transient=True,
        )
        self._bar: TaskID | None = None
        self._total = 0
        self._bytes = 0
        self._started = time.monotonic()

    def begin(self, num_nodes: int) -> None:
        """Show or lengthen the bar."""
        self._total += num_nodes
        if self._bar is None:
            self._progress.start()
            self._bar = self._progress.add_task("looking", total=self._total, detail="")
        self._progress.update(self._bar, total=self._total)

    def start(self, task: Task, key: str) -> None:
        """Name what runs."""
        if self._bar is not None:
            description = f"{task.stage.name} {task.shard}"[:24]
            self._progress.update(self._bar, description=description)

    def finish(self, node: Node, manifest: Manifest, *, is_cached: bool) -> None:
        """Move the bar."""
        if self._bar is None:
            return
        if not is_cached:
            self._bytes += manifest.num_bytes
        rate = self._bytes / 1e6 / max(time.monotonic() - self._started, 1e-3)
        self._progress.update(self._bar, advance=1, detail=f"{rate:6.1f} MB/s written")

    def fail(self, node: Node, failure: Failure, *, attempts_left: int) -> None:
        """Say what went wrong, above the bar."""
        self._progress.console.print(_failure_line(failure, attempts_left), markup=False)

    def close(self) -> None:
        """Take the bar away."""
        self._progress.stop()


def _failure_line(failure: Failure, attempts_left: int) -> str:
    fate = f"{attempts_left} attempts left" if attempts_left else "quarantined"
    return f"{failure.stage} of {failure.shard} failed ({fate}): {failure.message}"


_: type[Observer] = Bars  # keeps the engine's protocol; checked by mypy
