"""Cuts known records out of bytes that arrive in pieces, from a ranged read or a whole file."""

from collections.abc import Iterator, Sequence

from .plan import Place


class RecordCutter:
    """Takes the bytes of one range or file and gives those of each record in it.

    Args:
        places: of the records that lie in the bytes, in order, none overlapping another.
        start: the offset of the first byte that will be fed.
    """

    def __init__(self, places: Sequence[Place], *, start: int) -> None:
        self._places = places
        self._position = start
        self._next = 0
        self._held = bytearray()

    @property
    def num_done(self) -> int:
        """How many records were given."""
        return self._next

    @property
    def restart(self) -> int | None:
        """The offset from which a broken transfer has to go on, None if every record is there."""
        if self._next == len(self._places):
            return None
        return self._places[self._next].offset

    def feed(self, chunk: bytes) -> Iterator[tuple[int, bytes]]:
        """Yield (index of the record, its bytes) for records that end in `chunk`."""
        view = memoryview(chunk)
        start, self._position = self._position, self._position + len(chunk)
        while self._next < len(self._places):
            place = self._places[self._next]
            if place.offset >= self._position:
                return
            begin = max(place.offset, start)
            self._held += view[begin - start : place.end - start]
            if place.end > self._position:
                return
            data = bytes(self._held)
            self._held.clear()
            self._next += 1
            yield self._next - 1, data
