"""Unpacks a sitemap as it arrives, and stops where it grows beyond its bound."""

import zlib
from collections.abc import Iterable, Iterator

from .sitemap_xml import StoppedReading

GZIP_MAGIC = b"\x1f\x8b"
CHUNK_BYTES = 1 << 16
_GZIP_FORMAT = 31


def plain_chunks(chunks: Iterable[bytes], *, max_bytes: int) -> Iterator[bytes]:
    """Yield a body unpacked if it is gzip, at most `max_bytes` of it; a longer one is a fault."""
    num_bytes = 0
    for chunk in _unpacked(chunks):
        if num_bytes + len(chunk) > max_bytes:
            yield chunk[: max_bytes - num_bytes]
            raise StoppedReading("too_large", f"more than {max_bytes} bytes")
        num_bytes += len(chunk)
        yield chunk


def _unpacked(chunks: Iterable[bytes]) -> Iterator[bytes]:
    head = b""
    source = iter(chunks)
    for chunk in source:
        head += chunk
        if len(head) >= len(GZIP_MAGIC):
            break
    if not head.startswith(GZIP_MAGIC):
        yield head
        yield from source
        return
    yield from _members(head, source)


def _members(head: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    unpacker = zlib.decompressobj(_GZIP_FORMAT)
    packed: bytes | None = head
    while packed is not None:
        try:
            plain = unpacker.decompress(packed, CHUNK_BYTES)
        except zlib.error as error:
            raise StoppedReading("bad_gzip", str(error)) from None
        if plain:
            yield plain
        packed = unpacker.unconsumed_tail
        if unpacker.eof:
            packed = unpacker.unused_data
            if packed.startswith(GZIP_MAGIC):
                unpacker = zlib.decompressobj(_GZIP_FORMAT)
            elif packed:
                return  # padding behind the last member
        packed = packed or next(rest, None)
    if not unpacker.eof:
        raise StoppedReading("bad_gzip", "the last member has no end")
