"""Streaming decompression that tells damage from the end and stops at a bomb.

The standard library's file objects read ahead, end silently or raise OSError, which a failing
disk raises too. Here damage is always `CorruptInputError`, and input is fed in pieces so small that
even the most extreme member cannot give more than tens of MiB at once.
"""

import bz2
import contextlib
import io
import lzma
import zlib
from typing import BinaryIO, Literal, Protocol

import zstandard

Compression = Literal["gzip", "zstd", "xz", "bzip2"]

MAGICS: dict[Compression, bytes] = {
    "gzip": b"\x1f\x8b\x08",
    "zstd": b"\x28\xb5\x2f\xfd",
    "xz": b"\xfd7zXZ\x00",
    "bzip2": b"BZh",
}
FEED_BYTES = 4096  # gzip gives at most 1,032 times its input
DENSE_FEED_BYTES = 512  # zstd up to 32,768 times, bzip2 more for whole blocks
RATIO_FREE_BYTES = 16 << 20
NO_LIMIT = 1 << 62
DAMAGE = (zlib.error, lzma.LZMAError, zstandard.ZstdError, EOFError, ValueError)


class CorruptInputError(ValueError):
    """Input that cannot be read on: what is wrong, and the offset in the file as it lies."""

    def __init__(self, what: str, offset: int) -> None:
        super().__init__(what, offset)
        self.what = what
        self.offset = offset

    def __str__(self) -> str:
        return f"{self.what} (at byte {self.offset})"


class OverLimitError(CorruptInputError):
    """Input that may be sound and unpacks to more than is allowed."""


class Member(Protocol):
    """One compressed member or frame."""

    @property
    def eof(self) -> bool:
        """Whether its end, with its checksum, has been seen."""

    @property
    def unused_data(self) -> bytes:
        """What was fed beyond its end."""

    def decompress(self, data: bytes) -> bytes:
        """Return what `data` unpacks to."""


class GzipMember:
    """A gzip member that hands out all that comes before the damaged byte."""

    def __init__(self) -> None:
        self._inner = zlib.decompressobj(wbits=31)
        self._error: zlib.error | None = None

    @property
    def eof(self) -> bool:
        """Whether its end, with its checksum, has been seen."""
        return self._inner.eof and self._error is None

    @property
    def unused_data(self) -> bytes:
        """What was fed beyond its end."""
        return self._inner.unused_data

    def decompress(self, data: bytes) -> bytes:
        """Return what `data` unpacks to; damage is raised by the call after the one that met it."""
        if self._error is not None:
            raise self._error
        before = self._inner.copy()
        try:
            return self._inner.decompress(data)
        except zlib.error as error:
            self._error = error
        pieces: list[bytes] = []
        with contextlib.suppress(zlib.error):
            pieces.extend(before.decompress(data[i : i + 1]) for i in range(len(data)))
        return b"".join(pieces)


def sniff(head: bytes) -> Compression | None:
    """Return the compression that the first bytes of a file show."""
    return next((name for name, magic in MAGICS.items() if head.startswith(magic)), None)


def start_member(
    compression: Compression, dictionary: zstandard.ZstdCompressionDict | None = None
) -> Member:
    """Return a decompressor for one member."""
    if compression == "gzip":
        return GzipMember()
    if compression == "xz":
        return lzma.LZMADecompressor(memlimit=1 << 28)
    if compression == "bzip2":
        return bz2.BZ2Decompressor()
    return zstandard.ZstdDecompressor(dict_data=dictionary, max_window_size=1 << 27).decompressobj()


def feed_bytes(compression: Compression) -> int:
    """Return how much to feed at once."""
    return FEED_BYTES if compression == "gzip" else DENSE_FEED_BYTES


class InflatedReader(io.RawIOBase):
    """A plain or compressed stream, read as plain bytes; several members follow one another.

    `read` raises CorruptInputError at damage, at a cut end and beyond the limits.
    """

    def __init__(
        self, stream: BinaryIO, *, max_bytes: int = NO_LIMIT, max_ratio: int = NO_LIMIT
    ) -> None:
        self._stream = stream
        self._max_bytes = max_bytes
        self._max_ratio = max_ratio
        self._ready = bytearray()
        self._num_out = 0
        self._num_in = 0
        self._member: Member | None = None
        self._damage: CorruptInputError | None = None
        head = stream.read(8)
        self._input = head
        self._compression = sniff(head)

    @property
    def offset(self) -> int:
        """The offset in the file as it lies, up to which it has been consumed."""
        return self._num_in

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: "bytearray | memoryview") -> int:  # type: ignore[override]
        """Fill the buffer as far as the input goes."""
        view = memoryview(buffer)
        try:
            while self._damage is None and len(self._ready) < len(view) and self._fill():
                pass
        except CorruptInputError as error:
            self._damage = error  # raised once all that came before it has been handed out
        if self._damage is not None and not self._ready:
            raise self._damage
        num_bytes = min(len(view), len(self._ready))
        view[:num_bytes] = self._ready[:num_bytes]
        del self._ready[:num_bytes]
        return num_bytes

    def _fill(self) -> bool:
        data, self._input = self._input, b""
        if not data:
            data = self._stream.read(
                1 << 16 if self._compression is None else feed_bytes(self._compression)
            )
        if not data:
            if self._member is not None and self._compression is not None:
                self._inflate(b"", self._compression)  # raises damage that is still unsaid
                raise CorruptInputError(f"the {self._compression} data is cut short", self._num_in)
            return False
        self._num_in += len(data)
        piece = data if self._compression is None else self._inflate(data, self._compression)
        self._ready += piece
        self._num_out += len(piece)
        self._check_limits()
        return True

    def _inflate(self, data: bytes, compression: Compression) -> bytes:
        if self._member is None:
            padding = len(data) - len(data.lstrip(b"\0")) if self._num_out else 0
            if not (data := data[padding:]):
                return b""
            if len(data) < len(MAGICS[compression]) and (more := self._stream.read(8)):
                self._num_in += len(more)
                data += more
            if sniff(data) != compression:
                raise CorruptInputError(
                    f"{compression} data is followed by something else", self._num_in - len(data)
                )
            self._member = start_member(compression)
        try:
            piece = self._member.decompress(data)
        except (*DAMAGE, OSError) as error:  # bz2 raises OSError, and no disk is touched here
            raise CorruptInputError(
                f"the {compression} data is damaged: {error}", self._num_in
            ) from error
        if self._member.eof:
            self._input = self._member.unused_data
            self._num_in -= len(self._input)
            self._member = None
        return piece

    def _check_limits(self) -> None:
        if self._num_out > self._max_bytes:
            raise OverLimitError(f"it unpacks to more than {self._max_bytes} bytes", self._num_in)
        ratio_limit = max(RATIO_FREE_BYTES, self._max_ratio * self._num_in)
        if self._compression is not None and self._num_out > ratio_limit:
            raise OverLimitError(
                f"it unpacks to more than {self._max_ratio} times its size", self._num_in
            )
