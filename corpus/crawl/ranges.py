"""Whether an answer brings the bytes that were asked for, of the file that they belong to."""

import re
from collections.abc import Mapping
from typing import Literal

from .transport import Reply

_CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)")
RangeReason = Literal["range_ignored", "wrong_range", "past_end", "changed"]


class RangeError(Exception):
    """An answer with other bytes than asked for."""

    def __init__(self, reason: RangeReason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


def check_range(reply: Reply, span: tuple[int, int | None] | None, etag: str | None) -> None:
    """Raise RangeError unless an answer's head fits what was asked for.

    Args:
        span: first and last byte, None for the end; None if the whole was asked for.
        etag: of the file as it must still be, None if any will do.
    """
    if reply.status == 412:
        raise RangeError("changed", "it is no longer the same file")
    if reply.status not in (200, 206):
        return
    found = reply.headers.get("etag")
    if etag is not None and found is not None and found != etag:
        raise RangeError("changed", f"its ETag was {etag} and is {found}")
    if span is None:
        if reply.status == 206:
            raise RangeError("wrong_range", "a part came where the whole was asked for")
        return
    if reply.status == 200:
        raise RangeError("range_ignored", "the whole file came where a range was asked for")
    header = reply.headers.get("content-range", "")
    match = _CONTENT_RANGE.fullmatch(header)
    first, last = span
    if match is not None and last is not None and match[3] != "*" and int(match[3]) <= last:
        raise RangeError("past_end", f"byte {last} was asked for, the file has {match[3]}")
    is_right = match is not None and int(match[1]) == first
    if is_right and match is not None and last is not None:
        is_right = int(match[2]) == last
    if not is_right:
        raise RangeError(
            "wrong_range", f"bytes {first}-{last or ''} were asked for, {header!r} came"
        )


def body_offset(reply: Reply, position: int, etag: str | None) -> int:
    """Return where in its file an answer's body starts, that was asked for from a position on.

    Who ignores ranges sends the whole file again, which will do if it is the same.

    Raises:
        RangeError: if it is another file, or another part of it.
    """
    if reply.status == 200 and etag is not None and etag == strong_etag(reply.headers):
        return 0
    check_range(reply, (position, None) if position else None, etag)
    return position


def is_end(reply: Reply, position: int) -> bool:
    """Tell whether a 416 says that a file has exactly as many bytes as `position`."""
    return reply.headers.get("content-range", "") == f"bytes */{position}"


def strong_etag(headers: Mapping[str, str]) -> str | None:
    """Return an ETag that names exact bytes, None if there is none."""
    etag = headers.get("etag", "")
    return etag if etag and not etag.startswith("W/") else None
