"""Encodes what was asked and answered as WARC/1.1 records, one gzip member each, same bytes always.

The body is stored decoded, as Common Crawl does: HTTP clients undo the transfer coding anyway, a
payload that is no longer packed compares equal to itself tomorrow, and every reader can read it.
The headers that speak of the codings are kept under X-Crawler- names, so that none is lost and none
lies. A payload digest is therefore the digest of the page, whatever the server did to send it.
"""

import base64
import hashlib
import uuid
import zlib
from collections.abc import Iterable, Sequence
from datetime import datetime, timezone
from typing import Final, Literal

import msgspec

Header = tuple[bytes, bytes]
Truncation = Literal["length", "time", "disconnect", "unspecified"]

VERSION: Final = b"WARC/1.1"
FORMAT_NAME: Final = "WARC File Format 1.1"
FORMAT_URL: Final = "http://iipc.github.io/warc-specifications/specifications/warc-format/warc-1.1/"
SAME_PAYLOAD: Final = "http://netpreserve.org/warc/1.1/revisit/identical-payload-digest"
NOT_MODIFIED: Final = "http://netpreserve.org/warc/1.1/revisit/server-not-modified"
_NOT_MODIFIED_STATUS = b"304"
_GZIP_LEVEL, _GZIP_FORMAT = 9, 31  # zlib writes no time and no name
_TRANSFER_CODINGS = (b"transfer-encoding", b"content-length")
_SECRETS = frozenset((b"authorization", b"proxy-authorization", b"cookie"))


class Revisit(msgspec.Struct, frozen=True, kw_only=True):
    """The response that holds the payload already: of the same URL, and not itself a revisit."""

    record_id: str
    requested_at: datetime
    url: str


class Exchange(msgspec.Struct, frozen=True, kw_only=True):
    """One request and its answer, as the client saw them.

    Args:
        url: in the form in which it was fetched.
        requested_at: in UTC.
        request_line: such as b"GET /path HTTP/1.1".
        status_line: such as b"HTTP/1.1 200 OK".
        response_headers: as received, in order.
        body: without transfer coding, and without content coding if `is_decoded`.
        ip: the address that answered; None behind a proxy.
        truncated: why the body is not whole, if it is not.
        revisit: of a record with the same payload; the body is not stored again then.
    """

    url: str
    requested_at: datetime
    request_line: bytes
    request_headers: tuple[Header, ...] = ()
    status_line: bytes
    response_headers: tuple[Header, ...] = ()
    body: bytes = b""
    is_decoded: bool = True
    ip: str | None = None
    truncated: Truncation | None = None
    revisit: Revisit | None = None


class CrawlFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What the first record of a file says about the crawl.

    Args:
        software: name and version, such as "gristmill/1.0".
        operator: how to reach who runs the crawl.
        user_agent: the header that requests carry.
        description: what is crawled.
    """

    software: str
    operator: str
    user_agent: str
    description: str = ""
    robots: str = "RFC 9309"


def encode_exchange(exchange: Exchange, *, warcinfo_id: str | None = None) -> bytes:
    """Return a response (or revisit) record and its request record, a gzip member each.

    Args:
        warcinfo_id: of the file's first record, as `warcinfo_record_id` gives it.
    """
    response_id = response_record_id(exchange)
    common = [
        ("WARC-Target-URI", exchange.url),
        ("WARC-Date", warc_date(exchange.requested_at)),
        ("WARC-IP-Address", exchange.ip),
        ("WARC-Warcinfo-ID", warcinfo_id),
    ]
    head = _http_head(exchange.status_line, _stored_headers(exchange))
    block = head if exchange.revisit else head + exchange.body
    response = _record(
        ("WARC-Type", "revisit" if exchange.revisit else "response"),
        ("WARC-Record-ID", response_id),
        *common,
        *_revisit_fields(exchange),
        ("WARC-Payload-Digest", _sent_digest(exchange)),
        ("WARC-Truncated", exchange.truncated),
        ("Content-Type", "application/http;msgtype=response"),
        block=block,
    )
    request = _record(
        ("WARC-Type", "request"),
        ("WARC-Record-ID", _record_id("request", response_id)),
        ("WARC-Concurrent-To", response_id),
        *common,
        ("Content-Type", "application/http;msgtype=request"),
        block=_http_head(
            exchange.request_line,
            [pair for pair in exchange.request_headers if pair[0].lower() not in _SECRETS],
        ),
    )
    return response + request


def encode_warcinfo(file_name: str, created_at: datetime, facts: CrawlFacts) -> bytes:
    """Return the record that opens a file, a gzip member."""
    fields = (
        ("software", facts.software),
        ("format", FORMAT_NAME),
        ("conformsTo", FORMAT_URL),
        ("robots", facts.robots),
        ("operator", facts.operator),
        ("http-header-user-agent", facts.user_agent),
        ("description", facts.description),
    )
    return _record(
        ("WARC-Type", "warcinfo"),
        ("WARC-Record-ID", warcinfo_record_id(file_name, created_at)),
        ("WARC-Date", warc_date(created_at)),
        ("WARC-Filename", file_name),
        ("Content-Type", "application/warc-fields"),
        block=b"".join(
            f"{name}: {_one_line(value)}\r\n".encode() for name, value in fields if value
        ),
    )


def warcinfo_record_id(file_name: str, created_at: datetime) -> str:
    """Return the id of the record that opens a file."""
    return _record_id("warcinfo", file_name, warc_date(created_at))


def response_record_id(exchange: Exchange) -> str:
    """Return the id of an exchange's response: the same for the same answer at the same time."""
    kind = "revisit" if exchange.revisit else "response"
    date = warc_date(exchange.requested_at)
    return _record_id(kind, exchange.url, date, payload_digest(exchange.body))


def payload_digest(body: bytes) -> str:
    """Return a payload's digest as WARC and CDX write it: SHA-1 in base 32."""
    digest = hashlib.sha1(body, usedforsecurity=False).digest()
    return f"sha1:{base64.b32encode(digest).decode()}"


def warc_date(moment: datetime) -> str:
    """Return a moment to the microsecond, which WARC/1.1 allows."""
    assert moment.tzinfo is not None, "a moment has a time zone"
    return moment.astimezone(timezone.utc).isoformat(timespec="microseconds")[:-6] + "Z"


def _revisit_fields(exchange: Exchange) -> Sequence[tuple[str, str | None]]:
    if exchange.revisit is None:
        return ()
    return (
        ("WARC-Profile", NOT_MODIFIED if _is_not_modified(exchange) else SAME_PAYLOAD),
        ("WARC-Refers-To", exchange.revisit.record_id),
        ("WARC-Refers-To-Target-URI", exchange.revisit.url),
        ("WARC-Refers-To-Date", warc_date(exchange.revisit.requested_at)),
    )


def _sent_digest(exchange: Exchange) -> str | None:
    """Return the payload's digest; None where the server sent none because nothing had changed."""
    return None if _is_not_modified(exchange) else payload_digest(exchange.body)


def _is_not_modified(exchange: Exchange) -> bool:
    return exchange.status_line.split(b" ", 2)[1:2] == [_NOT_MODIFIED_STATUS]


def _stored_headers(exchange: Exchange) -> list[Header]:
    """Return the headers that are true of the stored body, the others under X-Crawler- names."""
    length = b"%d" % len(exchange.body)
    renamed = {*_TRANSFER_CODINGS} | ({b"content-encoding"} if exchange.is_decoded else set())
    headers: list[Header] = []
    is_sized = False
    for name, value in exchange.response_headers:
        lower = name.lower()
        if lower == b"content-length" and value.strip() == length and not is_sized:
            is_sized = True
        elif lower in renamed:
            name = b"X-Crawler-" + name
        headers.append((name, value))
    # An answer without a body may speak of the length that another request would get.
    if not is_sized and exchange.body:
        headers.append((b"Content-Length", length))
    return headers


def _http_head(first_line: bytes, headers: Iterable[Header]) -> bytes:
    lines = [first_line, *(name + b": " + value for name, value in headers)]
    return b"".join(_bytes_of_one_line(line) + b"\r\n" for line in lines) + b"\r\n"


def _record(*fields: tuple[str, str | None], block: bytes) -> bytes:
    lines = [
        VERSION,
        *(f"{name}: {_one_line(value)}".encode() for name, value in fields if value is not None),
        f"WARC-Block-Digest: {payload_digest(block)}".encode(),
        b"Content-Length: %d" % len(block),
    ]
    packer = zlib.compressobj(_GZIP_LEVEL, zlib.DEFLATED, _GZIP_FORMAT)
    head = b"".join(line + b"\r\n" for line in lines)
    return packer.compress(head + b"\r\n" + block + b"\r\n\r\n") + packer.flush()


def _record_id(*parts: str) -> str:
    return f"<urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, ' '.join(parts))}>"


def _one_line(value: str) -> str:
    return " ".join(value.split())


def _bytes_of_one_line(line: bytes) -> bytes:
    # Obsolete folding would read as a further header (RFC 9112, section 5.2).
    return b" ".join(line.splitlines()) if b"\n" in line or b"\r" in line else line
