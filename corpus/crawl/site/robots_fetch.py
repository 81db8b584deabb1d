"""One request for a robots.txt: redirects followed as RFC 9309 has it, every answer recorded."""

import time
from datetime import datetime, timezone
from typing import NamedTuple

import msgspec

from ..attempts import FetchError
from ..fetcher import REDIRECTS, Answer, Fetcher
from .admission import Admission
from .answer import redirect_target
from .exchange import make_exchange, plain_body
from .recorder import Recorder
from .robots import MAX_BODY_BYTES, MAX_REDIRECTS
from .warc import Revisit, response_record_id

_LIMIT_BYTES = MAX_BODY_BYTES + 1  # one more tells that it is cut


class StoredRobots(msgspec.Struct, frozen=True, kw_only=True):
    """What was last answered, as the ledger has it; times are Unix seconds.

    Args:
        status: None if there was no answer that counts.
        url: of the last answer, after redirects.
        unreachable_since: when there began to be no answer that counts.
        fault: why there was none.
        record_id, recorded_at: of the response in the archive.
    """

    status: int | None = None
    body: bytes = b""
    answered_at: float = 0.0
    unreachable_since: float | None = None
    fault: str | None = None
    url: str = ""
    etag: str | None = None
    record_id: str = ""
    recorded_at: float = 0.0


class _Fetched(NamedTuple):
    status: int | None = None
    body: bytes = b""
    answer: Answer | None = None
    fault: str | None = None


async def fetch_robots(
    place: str,
    before: StoredRobots,
    *,
    fetcher: Fetcher,
    recorder: Recorder,
    admission: Admission,
) -> StoredRobots:
    """Return the answer of today, told by its ETag from the one before."""
    fetched = await _follow(place, before, fetcher, recorder, admission)
    fault, now = fetched.fault, time.time()
    if fault is None and fetched.status is not None and fetched.status >= 500:
        fault = f"http_{fetched.status}"
    fresh = StoredRobots(
        status=fetched.status,
        body=fetched.body,
        answered_at=now,
        fault=fault,
        unreachable_since=None if fault is None else before.unreachable_since or now,
    )
    answer = fetched.answer
    if answer is None:
        return fresh
    known = before
    if answer.status != 304:
        known = StoredRobots(
            url=answer.url,
            etag=answer.headers.get("etag"),
            record_id=response_record_id(make_exchange(answer)),
            recorded_at=answer.asked_at,
        )
    names = ("url", "etag", "record_id", "recorded_at")
    return msgspec.structs.replace(fresh, **{name: getattr(known, name) for name in names})


async def _follow(
    place: str,
    before: StoredRobots,
    fetcher: Fetcher,
    recorder: Recorder,
    admission: Admission,
) -> _Fetched:
    """Ask, and follow redirects to any host (RFC 9309, section 2.3.1.2)."""
    url = place
    for hop in range(MAX_REDIRECTS + 1):
        if admission.is_opted_out(url):
            return _Fetched(fault="opt_out")
        etag = before.etag if url == before.url else None
        try:
            answer = await fetcher.get(
                url,
                max_bytes=_LIMIT_BYTES,
                headers=None if etag is None else {"If-None-Match": etag},
                may_redirect=False,
                may_truncate=True,
            )
        except FetchError as error:
            return _Fetched(fault=error.reason)
        if answer.status == 304 and etag is not None:
            await recorder.record(answer, "diagnostics", revisit=_revisit(before))
            return _Fetched(before.status, before.body, answer)
        await recorder.record(answer, "diagnostics")
        is_redirect = answer.status in REDIRECTS and "location" in answer.headers
        target = redirect_target(answer) if is_redirect and hop < MAX_REDIRECTS else None
        if target is None:
            body = plain_body(answer, max_bytes=_LIMIT_BYTES)
            if body is None:
                return _Fetched(answer=answer, fault="coding")
            return _Fetched(answer.status, body, answer)
        url = target
    raise AssertionError("the last hop has no target")


def _revisit(before: StoredRobots) -> Revisit:
    moment = datetime.fromtimestamp(before.recorded_at, timezone.utc)
    return Revisit(record_id=before.record_id, requested_at=moment, url=before.url)
