"""How often and how many at once a host is asked: token bucket, adaptive concurrency, pauses.

The number of requests in flight grows by one for as many answers as it stands at, and halves when
the host pushes back (additive increase, multiplicative decrease: Chiu and Jain, 1989). A host that
answers with a block is left alone for minutes: Common Crawl's status page says that hammering on
prolongs it.
"""

import asyncio
import math
import random
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import msgspec

from .ledger import HostCounts


class Manners(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a host is spared.

    Args:
        requests_per_second: on average; a burst of as many as `burst` may come at once.
        concurrency: the most requests in flight to one host.
        max_attempts: how often one request is made before it has failed.
        backoff_seconds: the wait after the first failure; it doubles with each, with jitter.
        max_backoff_seconds: the longest wait between two attempts, and the longest Retry-After
            that is slept through: for a longer one the item is left for later.
        pause_seconds: how long a host that blocks us is left alone.
        max_pauses: after as many pauses in one run a host is given up.
        connect_seconds: to connect. read_seconds: between two pieces of an answer.
        low_speed_bytes: an answer that brings fewer bytes a second than this, averaged over
            `low_speed_seconds`, has failed.
    """

    requests_per_second: float = 4.0
    burst: int = 4
    concurrency: int = 8
    max_attempts: int = 8
    backoff_seconds: float = 1.0
    max_backoff_seconds: float = 300.0
    pause_seconds: float = 600.0
    max_pauses: int = 3
    connect_seconds: float = 30.0
    read_seconds: float = 60.0
    low_speed_bytes: int = 500
    low_speed_seconds: float = 60.0

    def __post_init__(self) -> None:
        if not self.requests_per_second > 0 or self.burst < 1 or self.concurrency < 1:
            raise ValueError("requests_per_second, burst and concurrency must be positive")
        if self.max_attempts < 1 or self.max_pauses < 0:
            raise ValueError("max_attempts must be at least 1 and max_pauses at least 0")
        if min(self.backoff_seconds, self.max_backoff_seconds, self.pause_seconds) < 0:
            raise ValueError("waits cannot be negative")
        if min(self.connect_seconds, self.read_seconds, self.low_speed_seconds) <= 0:
            raise ValueError("time limits must be positive")


class HostGivenUpError(Exception):
    """A host has blocked us as often as we let it."""


class Host:
    """One host's gate. Every request passes through `slot`, and its outcome is told."""

    def __init__(self, name: str, manners: Manners, note: Callable[[str], None]) -> None:
        self.name = name
        self.counts = HostCounts(host=name)
        self._manners = manners
        self._note = note
        self._in_flight = 0
        self._window = float(max(1, manners.concurrency // 2))
        self._tokens = float(manners.burst)
        self._filled = time.monotonic()
        self._resume = 0.0  # on the monotonic clock
        self._num_pauses = 0
        self._changed = asyncio.Condition()

    @property
    def window(self) -> int:
        """How many requests may be in flight now."""
        return max(1, int(self._window))

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        """Wait for one's turn, and hold it.

        Raises:
            HostGivenUpError: if the host is given up, also while waiting.
        """
        started = time.monotonic()
        async with self._changed:
            await self._changed.wait_for(self._has_room)
            self._in_flight += 1
        try:
            await self._wait_for_token()
            self.counts.waited_seconds += time.monotonic() - started
            self.counts.requests += 1
            yield
        finally:
            async with self._changed:
                self._in_flight -= 1
                self._changed.notify_all()

    def use(self, manners: Manners) -> None:
        """Be met with other manners from the next request on, which waits its full turn."""
        self._manners = manners
        self._window = min(self._window, float(manners.concurrency))
        self._tokens = 0.0
        self._filled = time.monotonic()

    def succeeded(self) -> None:
        """Take note of a good answer: a little more may be asked at once."""
        self._window = min(self._manners.concurrency, self._window + 1 / self._window)

    def pushed_back(self) -> None:
        """Take note of an answer that says to slow down."""
        self.counts.refusals += 1
        self._window = max(1.0, self._window / 2)

    def hold(self, seconds: float) -> None:
        """Start no request for a while, as the host has asked for."""
        self._resume = max(self._resume, time.monotonic() + seconds)

    def pause(self, reason: str) -> None:
        """Leave a host alone that blocks us.

        Answers to requests that were in flight when the pause began do not count as another.
        """
        self.counts.refusals += 1
        if time.monotonic() < self._resume:
            return
        self._num_pauses += 1
        self._window = 1.0
        seconds = self._manners.pause_seconds
        if self.is_given_up:
            self._note(f"{self.name} blocks us ({reason}): given up for this run")
            return
        self._note(f"{self.name} blocks us ({reason}): no request for {seconds:.0f} s")
        self.hold(seconds)

    @property
    def is_given_up(self) -> bool:
        """Whether no more is asked of this host in this run."""
        return self._num_pauses > self._manners.max_pauses

    def _has_room(self) -> bool:
        return self.is_given_up or self._in_flight < self.window

    async def _wait_for_token(self) -> None:
        while True:
            if self.is_given_up:
                raise HostGivenUpError(self.name)
            now = time.monotonic()
            rate, burst = self._manners.requests_per_second, self._manners.burst
            self._tokens = min(float(burst), self._tokens + (now - self._filled) * rate)
            self._filled = now
            wait = self._resume - now
            if wait <= 0:
                if self._tokens >= 1:
                    self._tokens -= 1
                    return
                wait = (1 - self._tokens) / rate
            await asyncio.sleep(min(wait, 1.0))  # a host may be given up meanwhile


class Hosts:
    """The gates of every host of a crawl."""

    def __init__(self, manners: Manners, note: Callable[[str], None]) -> None:
        self._manners = manners
        self._note = note
        self._hosts: dict[str, Host] = {}
        self._own: dict[str, Manners] = {}

    def set_manners(self, name: str, manners: Manners) -> None:
        """Give one host, by `host` or `host:port`, manners of its own."""
        self._own[name] = manners
        if name in self._hosts:
            self._hosts[name].use(manners)

    def get(self, name: str) -> Host:
        """Return a host's gate."""
        found = self._hosts.get(name)
        if found is None:
            manners = self._own.get(name, self._manners)
            found = self._hosts[name] = Host(name, manners, self._note)
        return found

    def manners(self, name: str) -> Manners:
        """Return the manners that a host is met with."""
        return self._own.get(name, self._manners)

    def take_counts(self) -> list[HostCounts]:
        """Return what was counted since the last call."""
        taken = [host.counts for host in self._hosts.values()]
        for host in self._hosts.values():
            host.counts = HostCounts(host=host.name)
        return [counts for counts in taken if counts != HostCounts(host=counts.host)]


def backoff(manners: Manners, attempt: int) -> float:
    """Return the seconds to wait after a number of failed attempts, 1 for the first.

    Half of it is random, so that what failed together does not come again together.
    """
    doubled = manners.backoff_seconds * math.pow(2.0, min(attempt, 32) - 1)
    longest = min(doubled, manners.max_backoff_seconds)
    return longest * (0.5 + random.random() / 2)  # noqa: S311
