"""Which token asks next: every one in its turn, one request at a time, as often as GitHub lets it.

Limits are those of docs.github.com, "Rate limits for the REST API" and "Best practices": requests
of one token one after the other, at most 100 at once, and a number of points a minute. A token
whose quota is spent sleeps until it is whole again while the others go on.
"""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Literal

import msgspec

from ...errors import GristmillError

Resource = Literal["core", "graphql", "search"]
MAX_CONCURRENT = 100  # requests in flight, REST and GraphQL together
REST_POINTS = 900  # a minute; a GET is one point
GRAPHQL_POINTS = 2000  # a minute; a query is one point
POINTS_SECONDS = 60.0
SECONDARY_SECONDS = 60.0  # the least wait after a secondary limit that does not say how long
RESET_SLACK_SECONDS = 1.0  # GitHub's clock may be behind ours
TOLD_SECONDS = 30.0  # a longer wait is told
SHOWN_CHARS = 4


class Quota(msgspec.Struct):
    """What is left of one resource until `reset`, in Unix seconds."""

    remaining: int = 1
    reset: float = 0.0

    def ready_at(self) -> float:
        """Return from when on there is something left."""
        return 0.0 if self.remaining > 0 else self.reset + RESET_SLACK_SECONDS


class Token:
    """One token and what GitHub has said of it; the secret shows nowhere but in its header."""

    def __init__(self, secret: str | None) -> None:
        """Take a token, or None to ask without one."""
        self._secret = secret
        self._quotas: dict[str, Quota] = {}
        self._points: dict[bool, deque[float]] = {True: deque(), False: deque()}
        self._blocked_until = 0.0
        self._num_blocks = 0
        self.is_lent = False
        self.last_lent = 0.0

    def __repr__(self) -> str:
        return f"Token({self.label})"

    @property
    def label(self) -> str:
        """What may be shown of it: its last four characters."""
        if self._secret is None:
            return "no token"
        return "..." + (self._secret[-SHOWN_CHARS:] if len(self._secret) > 3 * SHOWN_CHARS else "")

    @property
    def is_anonymous(self) -> bool:
        """Whether it asks without a token."""
        return self._secret is None

    def headers(self) -> dict[str, str]:
        """Return the header that carries it."""
        return {} if self._secret is None else {"Authorization": f"Bearer {self._secret}"}

    def ready_at(self, resource: Resource, now: float) -> float:
        """Return when it may ask for a resource, in Unix seconds."""
        quota = self._quotas.get(resource)
        points = self._points[resource == "graphql"]
        while points and points[0] <= now - POINTS_SECONDS:
            points.popleft()
        most = GRAPHQL_POINTS if resource == "graphql" else REST_POINTS
        has_points = len(points) < most
        return max(
            0.0 if quota is None else quota.ready_at(),
            self._blocked_until,
            0.0 if has_points else points[0] + POINTS_SECONDS,
        )

    def spend_point(self, resource: Resource, now: float) -> None:
        """Count a request."""
        self._points[resource == "graphql"].append(now)

    def told(self, resource: Resource, headers: Mapping[str, str]) -> None:
        """Take note of the X-RateLimit headers of an answer."""
        remaining = headers.get("x-ratelimit-remaining", "")
        reset = headers.get("x-ratelimit-reset", "")
        if remaining.isdigit() and reset.isdigit():
            named = headers.get("x-ratelimit-resource", resource)
            self._quotas[named] = Quota(remaining=int(remaining), reset=float(reset))

    def exhausted(self, resource: Resource, now: float) -> float:
        """Take note that a resource is spent; return when it is whole again."""
        known = self._quotas.get(resource)
        reset = known.reset if known is not None and known.reset > now else now + SECONDARY_SECONDS
        self._quotas[resource] = Quota(remaining=0, reset=reset)
        return reset

    def succeeded(self) -> None:
        """Take note of an answer that counts."""
        self._num_blocks = 0

    def blocked(self, seconds: float | None, least: float, now: float) -> float:
        """Take note of a secondary limit; return the wait, which doubles with each in a row."""
        self._num_blocks += 1
        wait = least * 2.0 ** min(self._num_blocks - 1, 10) if seconds is None else seconds
        self._blocked_until = max(self._blocked_until, now + wait)
        return wait


class TokenPool:
    """Lends tokens out, the one that rested longest first."""

    def __init__(
        self,
        secrets: Sequence[str],
        *,
        note: Callable[[str], None],
        secondary_seconds: float = SECONDARY_SECONDS,
    ) -> None:
        """Take the tokens; without any, requests are made without.

        Args:
            secondary_seconds: the least wait after a secondary limit without Retry-After.
        """
        self._tokens = [Token(secret) for secret in secrets] or [Token(None)]
        self._note = note
        self._secondary_seconds = secondary_seconds
        self._changed = asyncio.Condition()
        self._told_until = 0.0

    @property
    def is_anonymous(self) -> bool:
        """Whether there is no token: GraphQL cannot be asked then."""
        return self._tokens[0].is_anonymous

    @property
    def num_tokens(self) -> int:
        """How many requests can be in flight."""
        return len(self._tokens)

    @asynccontextmanager
    async def lend(self, resource: Resource) -> AsyncIterator[Token]:
        """Wait for a token that may ask, and keep others from asking with it meanwhile."""
        async with self._changed:
            token = await self._wait(resource)
            now = time.time()
            token.is_lent, token.last_lent = True, now
            token.spend_point(resource, now)
        try:
            yield token
        finally:
            token.is_lent = False
            async with self._changed:
                self._changed.notify_all()

    def exhausted(self, token: Token, resource: Resource) -> None:
        """Let a token sleep until a resource is whole again."""
        token.exhausted(resource, time.time())

    def blocked(self, token: Token, seconds: float | None) -> float:
        """Let a token sleep after a secondary limit; return for how long, in seconds."""
        wait = token.blocked(seconds, self._secondary_seconds, time.time())
        self._note(f"GitHub's secondary limit was met with {token.label}: rests {wait:.0f} s")
        return wait

    def drop(self, token: Token) -> None:
        """Forget a token that GitHub does not accept.

        Raises:
            GristmillError: if it was the last one.
        """
        if token in self._tokens and len(self._tokens) > 1:
            self._tokens.remove(token)
            self._note(f"GitHub does not accept the token {token.label}: it is left out")
            return
        raise GristmillError(
            f"GitHub accepts no token, the last one was {token.label}",
            where="crawl.github",
            todo="Give a valid one in token_variable or token_file.",
        )

    async def _wait(self, resource: Resource) -> Token:
        while True:
            now = time.time()
            idle = [token for token in self._tokens if not token.is_lent]
            wait = POINTS_SECONDS
            if idle and len(self._tokens) - len(idle) < MAX_CONCURRENT:
                token = min(
                    idle, key=lambda each: (max(now, each.ready_at(resource, now)), each.last_lent)
                )
                wait = token.ready_at(resource, now) - now
                if wait <= 0:
                    return token
                self._tell(resource, now, wait, num_idle=len(idle))
            try:
                await asyncio.wait_for(self._changed.wait(), min(wait, POINTS_SECONDS))
            except asyncio.TimeoutError:
                continue

    def _tell(self, resource: Resource, now: float, wait: float, *, num_idle: int) -> None:
        if wait < TOLD_SECONDS or now < self._told_until or num_idle < len(self._tokens):
            return
        self._told_until = now + wait
        until = time.strftime("%H:%M:%S", time.localtime(now + wait))
        self._note(f"GitHub's limit for {resource} is used up: waiting until {until}")
