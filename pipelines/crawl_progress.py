"""Progress of a crawl: one line on a terminal, JSON lines elsewhere; always on stderr."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

import msgspec
from rich.console import Console
from rich.status import Status

from ..corpus.crawl.run import CrawlResult


@contextmanager
def crawl_reporter(stream: TextIO = sys.stderr) -> Iterator["CrawlLine | CrawlLines"]:
    """Yield a line that changes for a terminal, JSON lines for anything else."""
    if not stream.isatty():
        yield CrawlLines(stream)
        return
    console = Console(file=stream)
    with Status("", console=console) as status:
        yield CrawlLine(status, console)


class CrawlLine:
    """What is done and what waits, the rate, and how hosts answer."""

    def __init__(self, status: Status, console: Console) -> None:
        self._status = status
        self._console = console
        self._rates: dict[str, tuple[float, int]] = {}  # when a crawl began, and with how much

    def report(self, result: CrawlResult) -> None:
        """Change the line."""
        received = sum(host.received_bytes for host in result.hosts)
        began, before = self._rates.setdefault(result.name, (time.monotonic() - 1, received))
        rate = (received - before) / 1e6 / (time.monotonic() - began)
        done = ", ".join(f"{count:,} {kind}" for kind, count in result.done.items())
        waiting = sum(result.waiting.values())
        retries = sum(host.retries for host in result.hosts)
        self._status.update(
            f"{result.name}: {done or 'nothing yet'}; {waiting:,} waiting; "
            f"{received / 1e6:,.1f} MB, {rate:.1f} MB/s; {retries:,} retries"
        )

    def note(self, text: str) -> None:
        """Write a line above."""
        self._console.print(text, markup=False)


class CrawlLines:
    """One JSON object a line."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._last: CrawlResult | None = None

    def report(self, result: CrawlResult) -> None:
        """Write the totals, if they have changed."""
        if result == self._last:
            return
        self._last = result
        self._write(
            event="crawling",
            crawl=result.name,
            done=result.done,
            waiting=result.waiting,
            failed=result.failed,
            refused=result.refused,
            hosts=result.hosts,
        )

    def note(self, text: str) -> None:
        """Write what a person should read."""
        self._write(event="note", message=text)

    def _write(self, **event: object) -> None:
        self._stream.write(msgspec.json.encode(event).decode() + "\n")
        self._stream.flush()
