"""Unpacks gzip members at the speed of ISA-L where it is installed, else of zlib.

ISA-L unpacks WARC members about twice as fast. Both check a member's CRC-32 and length.
"""

import zlib
from typing import Protocol, cast

try:
    from isal import isal_zlib

    IS_FAST = True
    # Its stub calls this class an instance.
    DAMAGE: tuple[type[Exception], ...] = (cast("type[Exception]", isal_zlib.error), zlib.error)
except ImportError:  # no wheel for this machine
    IS_FAST = False
    DAMAGE = (zlib.error,)

GZIP = 31  # 15 bits of window, with gzip's head and tail


class Inflater(Protocol):
    """One gzip member that is being unpacked."""

    @property
    def eof(self) -> bool:
        """Whether the member's end, with its checksum, was met."""

    @property
    def unused_data(self) -> bytes:
        """What was fed beyond the member's end."""

    def decompress(self, data: bytes | memoryview, max_length: int = ..., /) -> bytes:
        """Return what `data` unpacks to, at most `max_length` bytes unless that is 0."""


def start_inflater() -> Inflater:
    """Return an inflater for one gzip member."""
    if IS_FAST:
        return isal_zlib.decompressobj(wbits=GZIP)
    return zlib.decompressobj(wbits=GZIP)
