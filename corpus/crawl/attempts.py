"""How often a request is tried, how long it waits between two attempts, and how it fails."""

import asyncio

from .manners import Host, Manners, backoff
from .ranges import RangeError
from .transport import Reply
from .verdict import Verdict


class FetchError(Exception):
    """What could not be fetched, after all attempts.

    Attributes:
        reason: one word to count by, such as `dns`, `short_body`, `http_404` or `host_paused`.
        wait_seconds: how long to leave it alone, if the host said so.
    """

    def __init__(self, url: str, reason: str, detail: str, *, wait_seconds: float = 0.0) -> None:
        super().__init__(f"{url}: {reason}: {detail}")
        self.url = url
        self.reason = reason
        self.detail = detail
        self.wait_seconds = wait_seconds


class NotNowError(Exception):
    """An answer that says: not now."""

    def __init__(self, reply: Reply, verdict: Verdict, detail: str) -> None:
        super().__init__(f"HTTP {reply.status}: {detail}")
        self.status = reply.status
        self.verdict = verdict


class Attempts:
    """Counts the failed attempts of one request, and waits between them."""

    def __init__(self, manners: Manners, url: str) -> None:
        self._manners = manners
        self._url = url
        self._num_failed = 0

    def progressed(self) -> None:
        """Forget failures: something came."""
        self._num_failed = 0

    async def failed(self, error: Exception, host: Host) -> None:
        """Wait, or raise FetchError if it was the last attempt."""
        self._num_failed += 1
        verdict = error.verdict if isinstance(error, NotNowError) else Verdict("retry")
        if isinstance(error, NotNowError):
            reason = f"http_{error.status}"
        else:
            reason = getattr(error, "reason", "failed")
        wait = verdict.seconds or 0.0
        if isinstance(error, RangeError) and error.reason in ("changed", "past_end"):
            raise FetchError(self._url, error.reason, str(error)) from error
        if (
            self._num_failed >= self._manners.max_attempts
            or wait > self._manners.max_backoff_seconds
        ):
            raise FetchError(self._url, reason, str(error), wait_seconds=wait) from error
        host.counts.retries += 1
        if verdict.action != "pause":  # the host's gate waits then
            await asyncio.sleep(max(wait, backoff(self._manners, self._num_failed)))
