"""Decides how the selected records of one file are fetched: in which ranges, or as a whole."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from operator import attrgetter
from typing import Literal

import msgspec

from ...errors import GristmillError


class PlanSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When records share a request.

    Attributes:
        max_gap_bytes: two records closer than this are fetched in one request, with what lies
            between them. A request waits its turn for about half a second under Common Crawl's
            manners, in which a connection moves a few MiB: one MiB too many is the cheaper half.
        max_range_bytes: no request asks for more, unless a record is larger. A broken one is
            resumed at the byte, so this bounds only what one slot of the crawl is busy with.
        stream_fraction: a file of which the ranges would fetch this share or more is streamed as
            a whole. At one half a stream moves at most twice the bytes, but is a single request,
            and those, unlike ranges, are completed by a server under load.
    """

    max_gap_bytes: int = 1 << 20
    max_range_bytes: int = 64 << 20
    stream_fraction: float = 0.5

    def __post_init__(self) -> None:
        if self.max_gap_bytes < 0 or self.max_range_bytes < 1 or self.stream_fraction < 0:
            raise ValueError("max_gap_bytes and stream_fraction are 0 or more, max_range_bytes 1")


class Place(msgspec.Struct, frozen=True, order=True):
    """Where a record lies in its file."""

    offset: int
    num_bytes: int

    @property
    def end(self) -> int:
        """The offset after it."""
        return self.offset + self.num_bytes


class Selected(msgspec.Struct, frozen=True):
    """One selected record."""

    filename: str
    place: Place
    url: str
    digest: str | None


class Range(msgspec.Struct, frozen=True):
    """One ranged request: bytes from `start` to before `end`, holding `num_records` records.

    Attributes:
        first: the index of its first record within the file's.
    """

    start: int
    end: int
    first: int
    num_records: int


class FilePlan(msgspec.Struct, frozen=True):
    """How one file is fetched; a stream has a single range, open at its end if that is unknown.

    Attributes:
        fetched_bytes: how much the ranges ask for; of a stream, the file's length if known.
        selected_bytes: how much of that are selected records.
    """

    filename: str
    mode: Literal["ranges", "stream"]
    ranges: tuple[Range, ...]
    fetched_bytes: int
    selected_bytes: int


def plan_file(
    filename: str, places: Sequence[Place], file_bytes: int | None, settings: PlanSettings
) -> FilePlan:
    """Return the requests for records of one file.

    Args:
        places: in order, none overlapping another.
        file_bytes: the file's length, None if it is not known; then no file is streamed.

    Raises:
        GristmillError: the records cannot lie in one file so.
    """
    _check_places(filename, places, file_bytes)
    ranges = tuple(_merge(places, settings))
    fetched = sum(one.end - one.start for one in ranges)
    selected = sum(place.num_bytes for place in places)
    if file_bytes is None or not places or fetched < settings.stream_fraction * file_bytes:
        return FilePlan(filename, "ranges", ranges, fetched, selected)
    whole = Range(0, file_bytes, 0, len(places))
    return FilePlan(filename, "stream", (whole,), file_bytes, selected)


def group_by_file(records: Iterable[Selected]) -> Iterator[tuple[str, tuple[Selected, ...]]]:
    """Yield each file's records; they come sorted by file, as a selection is written."""
    for filename, group in groupby(records, key=attrgetter("filename")):
        yield filename, tuple(group)


def _merge(places: Sequence[Place], settings: PlanSettings) -> Iterator[Range]:
    first = 0
    for index in range(1, len(places) + 1):
        if index < len(places):
            gap = places[index].offset - places[index - 1].end
            length = places[index].end - places[first].offset
            if gap <= settings.max_gap_bytes and length <= settings.max_range_bytes:
                continue
        yield Range(places[first].offset, places[index - 1].end, first, index - first)
        first = index


def _check_places(filename: str, places: Sequence[Place], file_bytes: int | None) -> None:
    end = 0
    for place in places:
        if place.num_bytes < 1 or place.offset < end:
            raise _impossible(filename, f"the record at byte {place.offset} overlaps another")
        end = place.end
    if file_bytes is not None and end > file_bytes:
        raise _impossible(filename, f"a record ends at byte {end}, the file has {file_bytes}")


def _impossible(filename: str, what: str) -> GristmillError:
    return GristmillError(
        what, where=filename, todo="The index is not of this file: check the crawl and the table."
    )
