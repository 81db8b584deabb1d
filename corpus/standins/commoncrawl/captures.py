"""Reads WARC files into captures: a response with the request and metadata that belong to it."""

import zlib
from collections.abc import Iterator
from pathlib import Path

import msgspec

from ...sources.frames import read_frames

MAX_RECORD_BYTES = 64 << 20
_PAGE_KINDS = frozenset(("response", "revisit"))
GZIP = 31


class SourceRecord(msgspec.Struct, frozen=True):
    """One record, unpacked, and the gzip member that holds it."""

    kind: str
    url: str
    headers: dict[str, str]
    block: bytes
    member: bytes


class Capture(msgspec.Struct, frozen=True):
    """The records of one fetched page in the order of their file: one of them is `page`."""

    page: SourceRecord
    records: tuple[SourceRecord, ...]


class SourceFile(msgspec.Struct, frozen=True):
    """What a WARC file holds."""

    warcinfo: bytes
    captures: tuple[Capture, ...]


def read_captures(path: Path) -> SourceFile:
    """Read a WARC file; records that belong to no response are left out.

    Raises:
        ValueError: it is damaged, or starts without a warcinfo record.
    """
    records = list(_read_records(path))
    if not records or records[0].kind != "warcinfo":
        raise ValueError(f"{path}: it does not start with a warcinfo record")
    captures: list[Capture] = []
    group: list[SourceRecord] = []
    for record in records[1:]:
        # A request stands before its response, metadata behind it; all name the same URL.
        if group and (record.url != group[0].url or _repeats(record, group)):
            captures.extend(_capture(group))
            group = []
        group.append(record)
    captures.extend(_capture(group))
    return SourceFile(records[0].member, tuple(captures))


def pack_member(record: bytes) -> bytes:
    """Return a record as one gzip member without name and time."""
    packer = zlib.compressobj(9, zlib.DEFLATED, GZIP)
    return packer.compress(record) + packer.flush()


def _repeats(record: SourceRecord, group: list[SourceRecord]) -> bool:
    kinds = {one.kind for one in group}
    starts_next = record.kind == "request" and bool(kinds & _PAGE_KINDS)
    return starts_next or (record.kind in _PAGE_KINDS and bool(kinds & _PAGE_KINDS))


def _capture(group: list[SourceRecord]) -> Iterator[Capture]:
    pages = [record for record in group if record.kind in _PAGE_KINDS and record.url]
    if pages:
        kept = tuple(r for r in group if r.kind in (*_PAGE_KINDS, "request", "metadata"))
        yield Capture(pages[0], kept)


def _read_records(path: Path) -> Iterator[SourceRecord]:
    with path.open("rb") as stream:
        frames = list(read_frames(stream, max_body_bytes=MAX_RECORD_BYTES))
        is_gzip = _starts_gzip(path)
        offsets = [frame.offset for frame in frames] + [path.stat().st_size]
        for index, frame in enumerate(frames):
            if frame.damage is not None or frame.num_bytes > len(frame.body):
                raise ValueError(f"{path}: {frame.damage or 'a record is too large'}")
            if is_gzip:
                stream.seek(offsets[index])
                member = stream.read(offsets[index + 1] - offsets[index])
            else:
                member = pack_member(frame.head + frame.body + b"\r\n\r\n")
            headers = read_headers(frame.head)
            yield SourceRecord(
                kind=headers.get("warc-type", "").lower(),
                url=headers.get("warc-target-uri", "").strip("<>"),
                headers=headers,
                block=frame.body,
                member=member,
            )


def read_headers(head: bytes) -> dict[str, str]:
    """Return header lines by lower-cased name; the first line, and a repeated name, are skipped."""
    headers: dict[str, str] = {}
    for line in head.decode("utf-8", "replace").split("\r\n")[1:]:
        name, colon, value = line.partition(":")
        if colon:
            headers.setdefault(name.strip().lower(), value.strip())
    return headers


def _starts_gzip(path: Path) -> bool:
    with path.open("rb") as stream:
        return stream.read(2) == b"\x1f\x8b"
