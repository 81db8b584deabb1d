"""GitHub's rate limits: a quota per hour and resource, and secondary limits on bursts.

Figures are those of docs.github.com, "Rate limits for the REST API".
"""

import math
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal

import msgspec

POINTS_SECONDS = 60.0
Resource = Literal["core", "search", "graphql"]
RESOURCES: tuple[Resource, ...] = ("core", "search", "graphql")


class Limits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How much a client may ask.

    Args:
        tokens: the tokens that are good; any other gets 401.
        window_seconds: after how long a quota is whole again; a sixtieth of it for searches.
        limited_status: what a spent quota answers with; GitHub uses both.
        retry_after_seconds: sent when a secondary limit is met; None sends no header, as GitHub
            sometimes does not.
        max_points: secondary limit on requests of one client a minute.
    """

    tokens: frozenset[str] = frozenset({"loopback-token"})
    requests: int = 5000
    anonymous_requests: int = 60
    search_requests: int = 30
    anonymous_search_requests: int = 10
    graphql_points: int = 5000
    window_seconds: float = 3600.0
    limited_status: Literal[403, 429] = 403
    max_concurrent: int = 100
    max_points: int = 900
    retry_after_seconds: int | None = 60


class Client(msgspec.Struct, frozen=True):
    """Who asks: a token, or an address without one."""

    name: str
    is_anonymous: bool


class Quota(msgspec.Struct):
    """What is left of one resource for one client."""

    resource: Resource
    limit: int
    used: int = 0
    resets_at: float = 0.0

    @property
    def remaining(self) -> int:
        """The requests or points that are left."""
        return max(0, self.limit - self.used)

    @property
    def reset(self) -> int:
        """When the quota is whole again, in epoch seconds."""
        return math.ceil(self.resets_at)

    def headers(self) -> dict[str, str]:
        """Return the X-RateLimit headers."""
        return {
            "X-RateLimit-Limit": str(self.limit),
            "X-RateLimit-Remaining": str(self.remaining),
            "X-RateLimit-Reset": str(self.reset),
            "X-RateLimit-Used": str(min(self.used, self.limit)),
            "X-RateLimit-Resource": self.resource,
        }

    def as_json(self) -> dict[str, object]:
        """Return the quota as /rate_limit gives it."""
        return {
            "limit": self.limit,
            "used": min(self.used, self.limit),
            "remaining": self.remaining,
            "reset": self.reset,
        }


class Ledger:
    """The quotas of all clients."""

    def __init__(self, limits: Limits, clock: Callable[[], float] = time.time) -> None:
        self.limits = limits
        self._clock = clock
        self._lock = threading.Lock()
        self._quotas: dict[tuple[Client, Resource], Quota] = {}
        self._recent: defaultdict[Client, deque[float]] = defaultdict(deque)
        self._num_open: defaultdict[Client, int] = defaultdict(int)

    def quota(self, client: Client, resource: Resource) -> Quota:
        """Return a client's quota, whole again where its window has passed."""
        now = self._clock()
        with self._lock:
            found = self._quotas.get((client, resource))
            if found is None or now >= found.resets_at:
                window = self.limits.window_seconds / (60 if resource == "search" else 1)
                limit = self._limit(resource, is_anonymous=client.is_anonymous)
                found = Quota(resource, limit, resets_at=now + window)
                self._quotas[client, resource] = found
            return found

    def spend(self, quota: Quota, points: int) -> None:
        """Take points off a quota."""
        with self._lock:
            quota.used += points

    @contextmanager
    def admitted(self, client: Client) -> Iterator[bool]:
        """Give whether a request meets no secondary limit; it counts as open inside."""
        now = self._clock()
        with self._lock:
            recent = self._recent[client]
            while recent and recent[0] <= now - POINTS_SECONDS:
                recent.popleft()
            is_within = (
                len(recent) < self.limits.max_points
                and self._num_open[client] < self.limits.max_concurrent
            )
            if is_within:
                recent.append(now)
                self._num_open[client] += 1
        try:
            yield is_within
        finally:
            if is_within:
                with self._lock:
                    self._num_open[client] -= 1

    def _limit(self, resource: Resource, *, is_anonymous: bool) -> int:
        if resource == "graphql":
            return 0 if is_anonymous else self.limits.graphql_points
        if resource == "search":
            limits = self.limits
            return limits.anonymous_search_requests if is_anonymous else limits.search_requests
        return self.limits.anonymous_requests if is_anonymous else self.limits.requests
