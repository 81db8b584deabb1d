"""The pages that a sitemap lists: XML, index or text, each also packed by gzip (sitemaps.org 0.9).

It is parsed as it arrives. What comes from strangers is bounded: bytes after unpacking, entries,
and no document type, so that no entity can be declared.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta, timezone
from typing import Final, Literal

import msgspec

from ...urls import fetch_url
from .sitemap_bytes import plain_chunks
from .sitemap_xml import SitemapFault, SitemapKind, SitemapXml, StoppedReading

MAX_BYTES: Final = 50 << 20
MAX_ENTRIES: Final = 50_000
MAX_URL_CHARACTERS: Final = 2048
_HEAD_BYTES = 64

SkippedEntry = Literal["no_url", "long_url", "bad_date"]

_DATE = re.compile(  # the profile of ISO 8601 in W3C's note on dates
    r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(?:\.\d+)?)?(Z|[+-]\d\d:\d\d))?)?)?"
)


class SitemapEntry(msgspec.Struct, frozen=True):
    """A page, or in an index another sitemap."""

    url: str
    changed_at: datetime | None = None


class Sitemap(msgspec.Struct, frozen=True, kw_only=True):
    """What could be read of a sitemap.

    Args:
        entries: all that stand before the fault, if there is one.
        fault: why reading stopped early.
        detail: the parser's words about it.
        skipped: entries left out, and dates left out of entries, by reason.
    """

    kind: SitemapKind
    entries: tuple[SitemapEntry, ...] = ()
    fault: SitemapFault | None = None
    detail: str = ""
    skipped: Mapping[SkippedEntry, int] = {}


def read_sitemap(
    chunks: Iterable[bytes], *, max_bytes: int = MAX_BYTES, max_entries: int = MAX_ENTRIES
) -> Sitemap:
    """Return the entries of a sitemap, whatever its format; the content tells which it is.

    Args:
        chunks: the body as it arrives.
        max_bytes: after unpacking; the protocol allows 50 MB, read as MiB.
    """
    entries = _Entries(max_entries)
    xml = SitemapXml(entries.add)
    kind: SitemapKind = "pages"
    fault: SitemapFault | None = None
    detail = ""
    try:
        head, rest = _with_head(plain_chunks(chunks, max_bytes=max_bytes))
        if _is_xml(head):
            xml.read(rest)
        else:
            kind = "text"
            for line in _lines(rest):
                entries.add(line, "")
    except StoppedReading as stop:
        fault, detail = stop.fault, stop.detail
    return Sitemap(
        kind=xml.kind or kind,
        entries=tuple(entries.found),
        fault=fault,
        detail=detail,
        skipped=dict(entries.skipped),
    )


def read_date(text: str) -> datetime | None:
    """Return the moment of a W3C date in UTC, the first one of what it names; None if it is none.

    A date without a time zone is one of UTC.
    """
    found = _DATE.fullmatch(text)
    if found is None:
        return None
    *numbers, zone = found.groups()
    year, month, day, hour, minute, second = (int(number) if number else 0 for number in numbers)
    try:
        moment = datetime(year, month or 1, day or 1, hour, minute, second, tzinfo=timezone.utc)
        return moment - _offset(zone)
    except (ValueError, OverflowError):
        return None


class _Entries:
    """Entries found so far, each URL once."""

    def __init__(self, max_entries: int) -> None:
        self.found: list[SitemapEntry] = []
        self.skipped: Counter[SkippedEntry] = Counter()
        self._max_entries = max_entries

    def add(self, location: str, changed: str) -> None:
        if not (location or changed):
            return
        if len(location) > MAX_URL_CHARACTERS:
            self.skipped["long_url"] += 1
            return
        url = fetch_url(location)
        if url is None:
            self.skipped["no_url"] += 1
            return
        if len(self.found) >= self._max_entries:
            raise StoppedReading("too_many", f"more than {self._max_entries} entries")
        changed_at = read_date(changed) if changed else None
        if changed and changed_at is None:
            self.skipped["bad_date"] += 1
        self.found.append(SitemapEntry(url, changed_at))


def _offset(zone: str | None) -> timedelta:
    if zone is None or zone == "Z":
        return timedelta()
    offset = timedelta(hours=int(zone[1:3]), minutes=int(zone[4:6]))
    return -offset if zone[0] == "-" else offset


def _with_head(chunks: Iterator[bytes]) -> tuple[bytes, Iterator[bytes]]:
    """Return the first bytes, and all chunks with them."""
    head = b""
    for chunk in chunks:
        head += chunk
        if len(head) >= _HEAD_BYTES:
            break
    return head, _chain(head, chunks)


def _chain(head: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield head
    yield from rest


def _is_xml(head: bytes) -> bool:
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    return text.startswith((b"<", b"\xff\xfe", b"\xfe\xff")) or not text


def _lines(chunks: Iterable[bytes]) -> Iterator[str]:
    """Yield the lines of a text sitemap, which the protocol wants in UTF-8."""
    tail = b""
    for chunk in chunks:
        *lines, tail = (tail + chunk).split(b"\n")
        yield from map(_line, lines)
        if len(tail) > 4 * MAX_URL_CHARACTERS:
            raise StoppedReading("no_sitemap", "a line is longer than any URL")
    yield _line(tail)


def _line(line: bytes) -> str:
    try:
        return line.removeprefix(b"\xef\xbb\xbf").decode().strip()
    except UnicodeDecodeError as error:
        raise StoppedReading("not_utf8", error.reason) from None
