"""The plain bytes of a WARC file, one compressed member at a time, found again after damage."""

import contextlib
from collections.abc import Iterator
from typing import BinaryIO

import zstandard

from .inflate import DAMAGE, MAGICS, Compression, Member, feed_bytes, sniff, start_member

SCAN_BYTES = 1 << 16
MAX_DICTIONARY_BYTES = 16 << 20
DICTIONARY_MAGIC = b"\x5d\x2a\x4d\x18"  # of the skippable frame that a .warc.zst may start with


class Plain:
    """Bytes of an uncompressed file, or of one compressed member, with unlimited push-back."""

    damage: str | None = None

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._ready = bytearray()
        self._position = 0
        stream.seek(0)

    @property
    def position(self) -> int | None:
        """The offset in the file of the next byte; None where only the member has one."""
        return self._position

    def read(self, num_bytes: int) -> bytes:
        """Return the next bytes, fewer only at the end or at damage."""
        while len(self._ready) < num_bytes and (piece := self._more()):
            self._ready += piece
        data = bytes(self._ready[:num_bytes])
        del self._ready[: len(data)]
        self._position += len(data)
        return data

    def unread(self, data: bytes) -> None:
        """Put bytes back."""
        self._ready[:0] = data
        self._position -= len(data)

    def rewind(self, position: int) -> bool:
        """Go back over skipped bytes; False where that is impossible."""
        self._stream.seek(position)
        self._ready.clear()
        self._position = position
        return True

    def _more(self) -> bytes:
        return self._stream.read(SCAN_BYTES)


class Inflated(Plain):
    """The plain bytes of one compressed member."""

    def __init__(
        self, stream: BinaryIO, offset: int, compression: Compression, member: Member
    ) -> None:
        super().__init__(stream)
        self._member = member
        self._compression = compression
        self._feed_bytes = feed_bytes(compression)
        self._next_input = offset
        self._is_broken = False
        stream.seek(offset)

    @property
    def position(self) -> int | None:
        """None: a byte within a member has no offset of its own in the file."""
        return None

    @property
    def end(self) -> int | None:
        """The offset after the member, None if its end has not been seen."""
        return self._next_input if self._member.eof else None

    def rewind(self, position: int) -> bool:
        """Return False: what was unpacked is gone."""
        return False

    def _more(self) -> bytes:
        while not self._member.eof and not self._is_broken:
            data = self._stream.read(self._feed_bytes)
            try:
                piece = self._member.decompress(data)
            except DAMAGE as error:
                return self._break(f"the {self._compression} data is damaged: {error}")
            if not data:
                return self._break(f"the {self._compression} data is cut short")
            self._next_input += len(data) - len(self._member.unused_data)
            if piece:
                return piece
        return b""

    def _break(self, damage: str) -> bytes:
        self._is_broken = True
        self.damage = damage
        return b""


def read_members(
    stream: BinaryIO,
    offset: int,
    compression: Compression,
    dictionary: zstandard.ZstdCompressionDict | None,
) -> Iterator[tuple[int, int, Inflated | None]]:
    """Yield (offset, bytes passed over to get there, member); at the end a member of None."""
    is_broken = False  # then its rest, passed over, is no news
    while True:
        found = _find_member(stream, offset, compression, dictionary)
        if found is None:
            skipped = 0 if is_broken else _num_bytes_but_padding(stream, offset)
            yield offset + skipped, skipped, None
            return
        member = Inflated(stream, found, compression, start_member(compression, dictionary))
        yield found, 0 if is_broken else found - offset, member
        while member.read(SCAN_BYTES):  # the reader of records leaves nothing but padding
            pass
        is_broken = member.end is None
        offset = found + 1 if member.end is None else member.end


def _find_member(
    stream: BinaryIO,
    offset: int,
    compression: Compression,
    dictionary: zstandard.ZstdCompressionDict | None,
) -> int | None:
    """Return the offset of the next member; one that is not right here must show a record."""
    magic = MAGICS[compression]
    stream.seek(offset)
    if stream.read(len(magic)) == magic:
        return offset
    position = offset
    while True:
        stream.seek(position)
        data = stream.read(SCAN_BYTES + len(magic))
        at = data.find(magic)
        if at < 0:
            if len(data) <= len(magic):
                return None
            position += max(1, len(data) - len(magic))
            continue
        member = start_member(compression, dictionary)
        stream.seek(position + at)
        try:
            if member.decompress(stream.read(feed_bytes(compression))).startswith(b"WARC/"):
                return position + at
        except DAMAGE:
            pass
        position += at + 1


def _num_bytes_but_padding(stream: BinaryIO, offset: int) -> int:
    stream.seek(offset)
    num_bytes = 0
    is_padding = True
    while data := stream.read(SCAN_BYTES):
        num_bytes += len(data)
        is_padding = is_padding and not data.strip(b"\0")
    return 0 if is_padding else num_bytes


def read_dictionary(stream: BinaryIO) -> tuple[zstandard.ZstdCompressionDict, int]:
    """Return the dictionary in a .warc.zst file's first frame, and where its records start."""
    stream.seek(4)
    length = min(int.from_bytes(stream.read(4), "little"), MAX_DICTIONARY_BYTES)
    data = stream.read(length)
    if sniff(data) == "zstd":
        # Damaged, it stays packed, and every record says that it does not fit.
        with contextlib.suppress(zstandard.ZstdError):
            decompressor = zstandard.ZstdDecompressor()
            data = decompressor.decompress(data, max_output_size=MAX_DICTIONARY_BYTES)
    return zstandard.ZstdCompressionDict(data), 8 + length
