"""Reads web pages from WARC and WET files: one row per response, whatever became of it.

Requests, metadata, revisits and warcinfo records are no documents and give no row.
"""

import io
from collections.abc import Collection, Iterator
from typing import Literal
from urllib.parse import urlsplit

import msgspec
from fastwarc import ArchiveIterator, WarcRecord

from .. import storage
from ..extract.page import ExtractedPage, Tier, extract_page, is_text_type
from ..ids import bytes_digest, origin_id
from ..record import ReadDrop, Record
from .frames import Frame, read_frames
from .rows import printable_path
from .unit import ReadLimits, ReadOptions, Unit

DOCUMENT_TYPES = frozenset(("response", "resource", "conversion"))
HEADER_ROOM_BYTES = 1 << 16


def read_warc(
    unit: Unit,
    limits: ReadLimits,
    options: ReadOptions | None = None,
    wanted: Collection[bytes] | None = None,
) -> Iterator[Record]:
    """Yield a row for every response, resource and conversion record, and for every damage.

    Args:
        wanted: the `origin_id` of the pages whose text is made; of others no payload is looked at.
    """
    tier = (options or ReadOptions()).extract
    max_body_bytes = limits.max_page_bytes + HEADER_ROOM_BYTES
    with storage.open_read(unit.url) as stream:
        for frame in read_frames(stream, max_body_bytes=max_body_bytes):
            headers = _headers(frame.head)
            if frame.damage is not None:
                yield _row(
                    unit,
                    frame,
                    headers,
                    num_bytes=frame.num_bytes,
                    page=_drop("corrupt", f"{frame.damage} (record at byte {frame.offset})"),
                )
            elif headers.get("warc-type", "").lower() not in DOCUMENT_TYPES:
                continue
            elif wanted is None or _origin_id(frame, headers) in wanted:
                yield _document(unit, frame, headers, limits, tier)
            else:
                page = _drop("not_recalled", "the recall loop did not collect it")
                yield _row(unit, frame, headers, num_bytes=frame.num_bytes, page=page)


def _document(
    unit: Unit, frame: Frame, headers: dict[str, str], limits: ReadLimits, tier: Tier
) -> Record:
    try:
        record = _parse(frame, decode="none")
        is_http = bool(record.is_http_parsed) if record.is_http else False
        status = record.http_headers.status_code if is_http else None
        mime = _mime(record, headers, is_http=is_http)
        charset = record.http_charset if is_http else _charset(headers)
    except (OSError, ValueError, StopIteration) as error:
        page = _drop("corrupt", f"{error} (record at byte {frame.offset})")
        return _row(unit, frame, headers, num_bytes=frame.num_bytes, page=page)
    if status is not None and status != 200:
        page = _drop("not_text", f"HTTP {status}")
        return _row(unit, frame, headers, num_bytes=frame.num_bytes, page=page)
    if not is_text_type(mime, tier):
        page = _drop("not_text", mime or "no type")
        return _row(unit, frame, headers, num_bytes=frame.num_bytes, page=page)
    payload = _payload(frame, limits.max_page_bytes)
    if payload is None or len(payload) > limits.max_page_bytes:
        num_bytes = max(frame.num_bytes, len(payload or b""))
        page = _drop("huge", f"over {limits.max_page_bytes} bytes")
        return _row(unit, frame, headers, num_bytes=num_bytes, page=page)
    url = headers.get("warc-target-uri", "").strip("<>")
    page = extract_page(payload, mime=mime, charset=charset, url=url, tier=tier)
    digest = bytes_digest(payload)
    return _row(unit, frame, headers, num_bytes=len(payload), page=page, digest=digest)


def _parse(frame: Frame, *, decode: Literal["none", "all"]) -> WarcRecord:
    data = io.BytesIO(frame.head + frame.body)
    options = ArchiveIterator(data, stream_detect=False, auto_decode=decode, max_header_len=1 << 16)
    return next(iter(options))


def _payload(frame: Frame, max_bytes: int) -> bytes | None:
    """Return the payload, unchunked and unpacked; None if only its beginning was read."""
    if len(frame.body) < frame.num_bytes:
        return None
    try:
        return bytes(_parse(frame, decode="all").reader.read(max_bytes + 1))
    except (OSError, ValueError):
        # Crawlers that store the decoded page may leave the server's Content-Encoding in place.
        return bytes(_parse(frame, decode="none").reader.read(max_bytes + 1))


def _mime(record: WarcRecord, headers: dict[str, str], *, is_http: bool) -> str:
    declared = record.http_content_type if is_http else headers.get("content-type")
    identified = headers.get("warc-identified-payload-type")
    return (declared or identified or "").partition(";")[0].strip().lower()


def _charset(headers: dict[str, str]) -> str | None:
    label = headers.get("content-type", "").lower().partition("charset=")[2]
    return label.partition(";")[0].strip(" \"'") or None


def _headers(head: bytes) -> dict[str, str]:
    """Return the WARC headers by lower-cased name; the first of a name counts."""
    headers: dict[str, str] = {}
    for line in head.decode("utf-8", "backslashreplace").splitlines()[1:]:
        name, colon, value = line.partition(":")
        if colon:
            headers.setdefault(name.strip().lower(), value.strip())
    return headers


def _drop(reason: ReadDrop, error: str) -> ExtractedPage:
    return ExtractedPage(read_drop=reason, read_error=error)


def _row(
    unit: Unit,
    frame: Frame,
    headers: dict[str, str],
    *,
    num_bytes: int,
    page: ExtractedPage,
    digest: bytes | None = None,
) -> Record:
    url = _url(headers)
    language = page.language_hint or headers.get("warc-identified-content-language")
    record = Record(
        collection=_host(url) or unit.name,
        path=url or unit.name,
        revision=_record_id(headers),
        origin_file=unit.relative,
        origin_offset=frame.offset,
        num_bytes=num_bytes,
        bytes_digest=digest,
        encoding=page.encoding,
        language_hint=language or None,
        read_drop=page.read_drop,
        read_error=page.read_error,
        extract_reason=page.reason,
        text=page.text,
    )
    return record if page.text is None else _with_counts(record, page)


def _with_counts(record: Record, page: ExtractedPage) -> Record:
    """Return a page's row with what its extraction found; a text payload is not searched."""
    if page.tier == "raw":
        return msgspec.structs.replace(record, extracted_by=page.tier)
    return msgspec.structs.replace(
        record,
        extracted_by=page.tier,
        formulas_found=page.formulas_found,
        formulas_kept=page.formulas_kept,
        code_lines_found=page.code_lines_found,
        code_lines_kept=page.code_lines_kept,
        code_languages=page.code_languages,
    )


def _origin_id(frame: Frame, headers: dict[str, str]) -> bytes:
    return origin_id(frame.offset, _record_id(headers), _url(headers))


def _url(headers: dict[str, str]) -> str:
    return printable_path(headers.get("warc-target-uri", "").strip("<>"))


def _record_id(headers: dict[str, str]) -> str:
    return printable_path(headers.get("warc-record-id", "").strip("<>"))


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:  # such as a broken IPv6 address
        return ""
