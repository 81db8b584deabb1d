"""Blobs packed into zstd frames of tar members, and one blob read back by its place.

A frame holds the headers and contents of its members and no end-of-archive mark, so frames in a row
are one archive: `zstd -dc FILE | tar -xi` unpacks it.
"""

import tarfile
from collections import OrderedDict
from typing import IO

import msgspec
import zstandard

from .. import storage

BLOCK_BYTES = 512
FEED_BYTES = 1 << 16
MAX_FRAME_BYTES = 1 << 31  # unpacked; more can only be damage
CACHE_BYTES = 64 << 20
MAX_OPEN = 32
# A file without a frame would be no archive to any tool; these are the two blocks of an empty one.
EMPTY_FRAME = zstandard.ZstdCompressor(write_checksum=True).compress(bytes(2 * BLOCK_BYTES))


class Place(msgspec.Struct, frozen=True, array_like=True):
    """Where a blob lies: its frame in the file, and its content in the unpacked frame."""

    segment: int
    frame_offset: int
    frame_bytes: int
    member_offset: int


class DamagedFrameError(ValueError):
    """A frame that does not unpack to what was put into it."""


class FramePacker:
    """Packs blobs into frames, and writes each frame when it is full.

    Args:
        frame_bytes: a frame with more unpacked bytes is full, so a reader holds little more.
    """

    def __init__(self, stream: IO[bytes], *, frame_bytes: int, level: int) -> None:
        self._stream = stream
        self._frame_bytes = frame_bytes
        self._compressor = zstandard.ZstdCompressor(level=level, write_checksum=True)
        self._ready = bytearray()
        self._frames: list[tuple[int, int]] = []
        self._members: dict[bytes, tuple[int, int]] = {}
        self.num_bytes = 0  # written

    def __contains__(self, sha: bytes) -> bool:
        return sha in self._members

    def add(self, sha: bytes, data: bytes) -> None:
        """Append one blob, named by its git id."""
        self._ready += member_header(sha.hex(), len(data))
        self._members[sha] = (len(self._frames), len(self._ready))
        self._ready += data
        self._ready += bytes(-len(data) % BLOCK_BYTES)
        if len(self._ready) >= self._frame_bytes:
            self._flush()

    def finish(self) -> None:
        """Write what is left."""
        if self._ready:
            self._flush()

    def places(self, segment: int, offset: int) -> dict[bytes, Place]:
        """Return where each blob lies once all that was written stands at an offset of a file."""
        found = {}
        for sha, (frame, member_offset) in self._members.items():
            start, num_bytes = self._frames[frame]
            found[sha] = Place(segment, offset + start, num_bytes, member_offset)
        return found

    def _flush(self) -> None:
        frame = self._compressor.compress(bytes(self._ready))
        self._stream.write(frame)
        self._frames.append((self.num_bytes, len(frame)))
        self.num_bytes += len(frame)
        self._ready.clear()


_EMPTY_HEADER = tarfile.TarInfo("").tobuf(tarfile.USTAR_FORMAT)
_EMPTY_CHECKSUM = int(_EMPTY_HEADER[148:154], 8)


def member_header(name: str, num_bytes: int) -> bytes:
    """Return a ustar header; only what differs between blobs is written anew."""
    size = b"%011o" % num_bytes
    checksum = _EMPTY_CHECKSUM + sum(name.encode("ascii")) + sum(size) - sum(_EMPTY_HEADER[124:135])
    return b"".join(
        (
            name.encode("ascii").ljust(100, b"\0"),
            _EMPTY_HEADER[100:124],
            size,
            _EMPTY_HEADER[135:148],
            b"%06o" % checksum,
            _EMPTY_HEADER[154:],
        )
    )


def unpack_frame(data: bytes) -> bytes:
    """Return the members of a frame.

    Raises:
        DamagedFrameError: if it is no whole frame with the right checksum.
    """
    inner = zstandard.ZstdDecompressor().decompressobj()
    pieces: list[bytes] = []
    num_bytes = 0
    try:
        for start in range(0, len(data), FEED_BYTES):
            if inner.eof:
                raise DamagedFrameError("it is followed by something else")
            pieces.append(inner.decompress(data[start : start + FEED_BYTES]))
            num_bytes += len(pieces[-1])
            if num_bytes > MAX_FRAME_BYTES:
                raise DamagedFrameError(f"it unpacks to more than {MAX_FRAME_BYTES} bytes")
    except zstandard.ZstdError as error:
        raise DamagedFrameError(str(error)) from error
    if not inner.eof or inner.unused_data:
        raise DamagedFrameError("it is cut short" if not inner.eof else "its length is wrong")
    return b"".join(pieces)


class FrameReader:
    """Reads blobs by their places; unpacked frames are kept up to a number of bytes."""

    def __init__(self, folder: str, *, cache_bytes: int = CACHE_BYTES) -> None:
        self._folder = folder
        self._cache_bytes = cache_bytes
        self._cached_bytes = 0
        self._frames: OrderedDict[tuple[str, int], bytes | DamagedFrameError] = OrderedDict()
        self._files: OrderedDict[str, IO[bytes]] = OrderedDict()

    def __enter__(self) -> "FrameReader":
        return self

    def __exit__(self, *_: object) -> None:
        for file in self._files.values():
            file.close()

    def read(self, segment: str, place: Place, sha: bytes, num_bytes: int) -> bytes:
        """Return a blob of the segment file of that name.

        Raises:
            DamagedFrameError: naming the frame.
        """
        frame = self._frame(segment, place)
        if isinstance(frame, DamagedFrameError):
            raise frame
        start, end = place.member_offset, place.member_offset + num_bytes
        name = frame[max(0, start - BLOCK_BYTES) : start][: 2 * len(sha)]
        if end > len(frame) or name != sha.hex().encode("ascii"):
            raise _damaged(segment, place, f"it does not hold {sha.hex()}")
        return frame[start:end]

    def _frame(self, segment: str, place: Place) -> bytes | DamagedFrameError:
        key = (segment, place.frame_offset)
        if key in self._frames:
            self._frames.move_to_end(key)
            return self._frames[key]
        frame: bytes | DamagedFrameError
        try:
            frame = self._unpack(segment, place)
        except DamagedFrameError as error:
            frame = _damaged(segment, place, str(error))
        self._frames[key] = frame
        self._cached_bytes += _num_bytes(frame)
        while self._cached_bytes > self._cache_bytes and len(self._frames) > 1:
            _, oldest = self._frames.popitem(last=False)
            self._cached_bytes -= _num_bytes(oldest)
        return frame

    def _unpack(self, segment: str, place: Place) -> bytes:
        file = self._open(segment)
        file.seek(place.frame_offset)
        data = file.read(place.frame_bytes)
        if len(data) != place.frame_bytes:
            raise DamagedFrameError("the file ends before it does")
        return unpack_frame(data)

    def _open(self, segment: str) -> IO[bytes]:
        if segment in self._files:
            self._files.move_to_end(segment)
            return self._files[segment]
        if len(self._files) >= MAX_OPEN:
            self._files.popitem(last=False)[1].close()
        file = self._files[segment] = storage.open_read(storage.join(self._folder, segment))
        return file


def _num_bytes(frame: bytes | DamagedFrameError) -> int:
    return len(frame) if isinstance(frame, bytes) else BLOCK_BYTES


def _damaged(segment: str, place: Place, what: str) -> DamagedFrameError:
    return DamagedFrameError(
        f"the frame at byte {place.frame_offset} of {segment} is damaged: {what}"
    )
