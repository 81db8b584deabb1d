"""What was asked and answered, as the archive keeps it: the body as received, codings and all."""

import zlib
from datetime import datetime, timezone
from typing import Final

from ..fetcher import Answer
from ..transport import host_of
from .warc import Exchange, Header, Revisit, Truncation

GZIP_CODINGS: Final = frozenset(("gzip", "x-gzip", "deflate"))
_GZIP_OR_ZLIB = 47


def make_exchange(answer: Answer, *, revisit: Revisit | None = None) -> Exchange:
    """Return the exchange of one answer, which is the one to `answer.url`."""
    status_line = f"HTTP/{answer.version} {answer.status} {answer.reason}"
    return Exchange(
        url=answer.url,
        requested_at=asked_at(answer),
        request_line=f"GET {_target(answer.url)} HTTP/1.1".encode(),
        request_headers=_encoded(answer.request_headers, "utf-8"),
        status_line=status_line.encode("utf-8", "surrogateescape"),
        response_headers=_encoded(answer.raw_headers, "latin-1"),
        body=answer.body,
        is_decoded=content_coding(answer) is None,
        ip=answer.address or None,
        truncated=_truncation(answer),
        revisit=revisit,
    )


def asked_at(answer: Answer) -> datetime:
    """Return when an answer was asked for."""
    return datetime.fromtimestamp(answer.asked_at, timezone.utc)


def content_coding(answer: Answer) -> str | None:
    """Return how a body is packed, although it was not to be; None if it is not."""
    coding = answer.headers.get("content-encoding", "").strip().lower()
    return None if coding in ("", "identity") else coding


def plain_body(answer: Answer, *, max_bytes: int) -> bytes | None:
    """Return the unpacked body; None if it cannot be or is longer than `max_bytes`."""
    coding = content_coding(answer)
    if coding is None:
        return answer.body
    if coding not in GZIP_CODINGS:
        return None
    unpacker = zlib.decompressobj(_GZIP_OR_ZLIB)
    try:
        plain = unpacker.decompress(answer.body, max_bytes + 1)
    except zlib.error:
        return None
    return plain if unpacker.eof and len(plain) <= max_bytes else None


def _truncation(answer: Answer) -> Truncation | None:
    if answer.is_truncated:
        return "length" if answer.body else "unspecified"
    declared = answer.headers.get("content-length", "").strip()
    # Of an error's body only the beginning is read.
    is_cut = answer.body and declared.isdecimal() and int(declared[:18]) > len(answer.body)
    return "length" if is_cut else None


def _target(url: str) -> str:
    path = url.partition("://")[2].removeprefix(host_of(url))
    return path if path.startswith("/") else f"/{path.partition('/')[2]}"


def _encoded(headers: tuple[tuple[str, str], ...], encoding: str) -> tuple[Header, ...]:
    return tuple((name.encode(encoding), value.encode(encoding)) for name, value in headers)
