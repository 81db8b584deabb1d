"""Cuts a WARC file into records and finds the next one after any damage.

FastWARC's own iterator stops for good at the first bad byte, and takes a cut record for a whole
one. Here every record is cut out first, by its compressed member and by its Content-Length; where
the two disagree, or bytes are broken, the damage is told with its offset and reading goes on at the
next record. Members are gzip or zstd (also with a dictionary in a first skippable frame), or none.
"""

import re
from collections.abc import Iterator
from typing import BinaryIO

import msgspec

from .inflate import sniff
from .members import DICTIONARY_MAGIC, SCAN_BYTES, Plain, read_dictionary, read_members

MAX_HEAD_BYTES = 1 << 16
ARC_MAGIC = b"filedesc://"
_RECORD_START = re.compile(rb"WARC/[01]\.[0-9]{1,2}\r?\n[A-Za-z-]{1,40}:")
MAX_START_BYTES = 64
_HEAD_END = re.compile(rb"\r?\n\r?\n")


class Frame(msgspec.Struct, frozen=True, kw_only=True):
    """One record, or a run of bytes that is none.

    Attributes:
        offset: in the file as it lies, of the record or of its compressed member.
        head: the WARC headers with the empty line after them; empty if they cannot be read.
        body: the record's block, up to the limit.
        num_bytes: the length of the whole block.
        damage: what is wrong, None for a sound record.
    """

    offset: int
    head: bytes = b""
    body: bytes = b""
    num_bytes: int = 0
    damage: str | None = None


def read_frames(stream: BinaryIO, *, max_body_bytes: int) -> Iterator[Frame]:
    """Yield every record of a WARC file; of a longer block only the first `max_body_bytes`."""
    head = stream.read(8)
    dictionary, start = read_dictionary(stream) if head.startswith(DICTIONARY_MAGIC) else (None, 0)
    compression = "zstd" if start else sniff(head)
    if compression is None:
        yield from _Records(Plain(stream), 0, max_body_bytes)
        return
    was_damaged = False
    for offset, skipped, member in read_members(stream, start, compression, dictionary):
        if skipped and not was_damaged:
            yield Frame(
                offset=offset - skipped, damage=f"{skipped} bytes are no {compression} data"
            )
        if member is None:
            return
        for frame in _Records(member, offset, max_body_bytes):
            # A run of damage is one row: a file that is no WARC must not give a million.
            if frame.head or not was_damaged:
                yield frame
            was_damaged = frame.damage is not None and not frame.head


class _Records:
    """Cuts plain bytes into records."""

    def __init__(self, source: Plain, offset: int, max_body_bytes: int) -> None:
        self._source = source
        self._offset = offset
        self._max_body_bytes = max_body_bytes

    def __iter__(self) -> Iterator[Frame]:
        source = self._source
        was_damaged = False
        while self._skip_blank_lines():
            frame = self._next_frame(self._offset if source.position is None else source.position)
            was_damaged = frame.damage is not None
            yield frame
        if source.damage is not None and not was_damaged:
            yield Frame(offset=self._offset, damage=source.damage)

    def _next_frame(self, offset: int) -> Frame:
        head = self._read_head()
        if head is None:
            return self._garbage(offset)
        length = _content_length(head)
        if length is None:
            self._find_record()
            return Frame(offset=offset, head=head, damage="it has no valid Content-Length")
        return self._read_block(offset, head, length)

    def _skip_blank_lines(self) -> bool:
        """Tell whether anything but empty lines is left."""
        while data := self._source.read(256):
            if rest := data.lstrip(b"\r\n"):
                self._source.unread(rest)
                return True
        return False

    def _read_head(self) -> bytes | None:
        """Return the header block, None (and nothing read) if there is none."""
        data = self._source.read(2048)
        end = None
        if data.startswith(b"WARC/"):
            end = _HEAD_END.search(data)
            if end is None:
                data += self._source.read(MAX_HEAD_BYTES)
                end = _HEAD_END.search(data)
        self._source.unread(data[end.end() :] if end else data)
        return data[: end.end()] if end else None

    def _garbage(self, offset: int) -> Frame:
        data = self._source.read(len(ARC_MAGIC))
        if data == ARC_MAGIC:
            what = "this is an ARC file, only WARC files can be read"
        else:
            what = "no WARC record starts here"
        num_bytes = len(data) + self._find_record()
        damage, self._source.damage = self._source.damage, None
        return Frame(offset=offset, num_bytes=num_bytes, damage=damage or what)

    def _read_block(self, offset: int, head: bytes, length: int) -> Frame:
        source = self._source
        start = source.position
        body = source.read(min(length, self._max_body_bytes))
        num_bytes = len(body) + (self._skip(length - len(body)) if len(body) < length else 0)
        after = source.read(16)
        rest = after.lstrip(b"\r\n")
        source.unread(rest)
        damage, source.damage = source.damage, None
        if damage is None and num_bytes < length:
            damage = f"Content-Length is {length}, {num_bytes} bytes are there"
        elif damage is None and rest and not _ends_record(after):
            damage = f"Content-Length is {length}, but no record follows there"
        if damage is not None:
            if num_bytes == len(body):
                source.read(len(rest))
                source.unread(body + after)
                self._find_record()
            elif start is not None and source.rewind(start):
                self._find_record()
        return Frame(offset=offset, head=head, body=body, num_bytes=num_bytes, damage=damage)

    def _skip(self, num_bytes: int) -> int:
        skipped = 0
        while skipped < num_bytes:
            data = self._source.read(min(num_bytes - skipped, SCAN_BYTES))
            skipped += len(data)
            if not data:
                break
        return skipped

    def _find_record(self) -> int:
        """Go to the next start of a record and return the number of bytes passed over."""
        passed = 0
        data = b""
        while piece := self._source.read(SCAN_BYTES):
            data += piece
            if found := _RECORD_START.search(data):
                self._source.unread(data[found.start() :])
                return passed + found.start()
            passed += max(0, len(data) - MAX_START_BYTES)
            data = data[-MAX_START_BYTES:]
        return passed + len(data)


def _ends_record(after: bytes) -> bool:
    # Some writers leave out the two empty lines, or end them otherwise.
    return after.startswith(b"\r\n\r\n") or after.lstrip(b"\r\n").startswith(b"WARC/")


def _content_length(head: bytes) -> int | None:
    found = re.search(rb"(?im)^content-length:[ \t]*(\d{1,18})[ \t]*\r?$", head)
    return int(found[1]) if found else None
