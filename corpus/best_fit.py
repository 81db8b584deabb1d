"""Best-fit packing: documents laid into windows of equal size so that few of them are cut.

Ding et al., Fewer Truncations Improve Language Modeling (2024): the longest first, each into the
window that it leaves the least room in. Their windows end in padding. Here there are only as many
windows as the tokens fill, and what fits nowhere whole is cut to fill the room that is left.
"""

from bisect import bisect_left, insort
from collections.abc import Sequence
from typing import NamedTuple


class Part(NamedTuple):
    """Tokens [start, stop) of a document, given by its number."""

    document: int
    start: int
    stop: int


def best_fit(lengths: Sequence[int], size: int) -> list[list[Part]]:
    """Return the parts of each window of `size` tokens; less than `size` of room is left in all.

    Every token is in one part. A document longer than a window is cut from its start into whole
    windows and a rest. It depends on the lengths alone, and takes about 2 us a document.
    """
    windows: list[list[Part]] = []
    rests = list[Part]()
    for document, length in enumerate(lengths):
        whole = length - length % size
        windows += ([Part(document, start, start + size)] for start in range(0, whole, size))
        if whole < length:
            rests.append(Part(document, whole, length))
    rests.sort(key=lambda part: (part.start - part.stop, part.document))
    num_open = -(-sum(part.stop - part.start for part in rests) // size)
    return [*windows, *_fit(rests, size, num_open)]


def _fit(rests: Sequence[Part], size: int, num_windows: int) -> list[list[Part]]:
    """Lay parts, the longest first, into a given number of windows that they just fill."""
    windows: list[list[Part]] = []
    rooms = list[tuple[int, int]]()  # room and number of the windows that have any, sorted
    homeless = list[Part]()
    for part in rests:
        length = part.stop - part.start
        place = bisect_left(rooms, (length, -1))
        if place < len(rooms):
            room, number = rooms.pop(place)
        elif len(windows) < num_windows:
            room, number = size, len(windows)
            windows.append([])
        else:
            homeless.append(part)
            continue
        windows[number].append(part)
        if room > length:
            insort(rooms, (room - length, number))
    _fill(windows, rooms, homeless)
    return windows


def _fill(
    windows: list[list[Part]], rooms: list[tuple[int, int]], homeless: Sequence[Part]
) -> None:
    """Cut the parts that fit nowhere whole into the room that is left, the largest first."""
    for document, start, stop in homeless:
        while start < stop:
            room, number = rooms.pop()
            end = min(start + room, stop)
            windows[number].append(Part(document, start, end))
            if end - start < room:
                insort(rooms, (room - (end - start), number))
            start = end
