"""What an answer's status means: take it, try again, slow down, or leave the host alone."""

import time
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from typing import Literal

import msgspec

Action = Literal["take", "retry", "slow_down", "pause"]
SLOW_DOWN = frozenset((429, 503, 509))
TRY_AGAIN = frozenset((408, 500, 502, 504))


class Verdict(msgspec.Struct, frozen=True):
    """What to do after an answer; `seconds` is the wait that the host asked for."""

    action: Action
    seconds: float | None = None


Judge = Callable[[int, Mapping[str, str], bytes], Verdict]  # of status, headers, error's body


def judge(status: int, headers: Mapping[str, str], body: bytes) -> Verdict:
    """Judge as HTTP means it: 429, 503 and 509 ask for patience, a 5xx may pass."""
    wait = retry_after(headers)
    if status in SLOW_DOWN or (status in TRY_AGAIN and b"SlowDown" in body):
        return Verdict("slow_down", wait)
    if status in TRY_AGAIN:
        return Verdict("retry", wait)
    return Verdict("take")


def judge_archive(status: int, headers: Mapping[str, str], body: bytes) -> Verdict:
    """Judge as Common Crawl means it: 403 is a rule that blocks whoever asked too fast."""
    if status == 403:
        return Verdict("pause", retry_after(headers))
    return judge(status, headers, body)


def retry_after(headers: Mapping[str, str], *, now: float | None = None) -> float | None:
    """Return Retry-After in seconds, from a number or a date; None if there is none."""
    value = headers.get("retry-after", "").strip()
    if value.isdigit():
        return float(value)
    try:
        then = parsedate_to_datetime(value).timestamp()
    except (TypeError, ValueError):
        return None
    return max(0.0, then - (time.time() if now is None else now))
