"""The requests for a file's records hold every record once and no more than they may."""

from itertools import accumulate, pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gristmill.corpus.crawl.commoncrawl.cutter import RecordCutter
from gristmill.corpus.crawl.commoncrawl.plan import (
    FilePlan,
    Place,
    PlanSettings,
    Selected,
    group_by_file,
    plan_file,
)
from gristmill.corpus.errors import GristmillError

GAPS = st.lists(st.tuples(st.integers(0, 3000), st.integers(1, 2000)), max_size=40)
SETTINGS = st.builds(
    PlanSettings,
    max_gap_bytes=st.integers(0, 3000),
    max_range_bytes=st.integers(1, 9000),
    stream_fraction=st.floats(0, 2),
)


def places_of(gaps: list[tuple[int, int]]) -> list[Place]:
    ends = accumulate(gap + length for gap, length in gaps)
    return [Place(end - length, length) for end, (_, length) in zip(ends, gaps, strict=True)]


def plan(
    places: list[Place], file_bytes: int | None = None, settings: dict[str, float] | None = None
) -> FilePlan:
    return plan_file("f", places, file_bytes, msgspec.convert(settings or {}, PlanSettings))


@given(GAPS, SETTINGS, st.integers(0, 200_000) | st.none())
def test_every_record_lies_in_exactly_its_range(
    gaps: list[tuple[int, int]], settings: PlanSettings, rest: int | None
) -> None:
    places = places_of(gaps)
    size = None if rest is None else (places[-1].end if places else 0) + rest
    made = plan_file("f", places, size, settings)
    numbered = [one.first + i for one in made.ranges for i in range(one.num_records)]
    assert numbered == list(range(len(places)))
    for one in made.ranges:
        held = places[one.first : one.first + one.num_records]
        assert one.start <= held[0].offset
        assert held[-1].end <= one.end
    assert made.selected_bytes <= made.fetched_bytes


@given(GAPS, SETTINGS)
def test_ranges_keep_to_gap_and_size_and_are_as_few_as_that_allows(
    gaps: list[tuple[int, int]], settings: PlanSettings
) -> None:
    places = places_of(gaps)
    ranges = plan_file("f", places, None, settings).ranges
    for one in ranges:
        held = places[one.first : one.first + one.num_records]
        joined = pairwise(held)
        assert all(b.offset - a.end <= settings.max_gap_bytes for a, b in joined)
        assert len(held) == 1 or one.end - one.start <= settings.max_range_bytes
    for left, right in pairwise(ranges):
        is_far = right.start - left.end > settings.max_gap_bytes
        following = places[right.first].end
        assert is_far or following - left.start > settings.max_range_bytes


def test_a_file_of_which_much_is_selected_is_streamed() -> None:
    places = [Place(0, 500), Place(5000, 500)]
    assert plan(places, 2000 + 5500, {"max_gap_bytes": 10}).mode == "ranges"
    assert plan(places, 5500, {"max_gap_bytes": 10, "stream_fraction": 0.1}).mode == "stream"
    # What lies between merged records is fetched, and counts.
    assert plan(places, 2000 + 5500, {"max_gap_bytes": 9999}).mode == "stream"


def test_a_file_of_unknown_length_is_not_streamed() -> None:
    assert plan([Place(0, 500)], None, {"stream_fraction": 0}).mode == "ranges"


def test_a_file_without_selected_records_needs_no_request() -> None:
    assert plan([], 1000, {"stream_fraction": 0}).ranges == ()


@pytest.mark.parametrize(
    "places", [[Place(0, 10), Place(9, 5)], [Place(5, 5), Place(0, 5)], [Place(3, 0)]]
)
def test_records_that_overlap_are_refused(places: list[Place]) -> None:
    with pytest.raises(GristmillError, match="overlaps"):
        plan(places)


def test_a_record_beyond_the_file_is_refused() -> None:
    with pytest.raises(GristmillError, match="ends at byte 20, the file has 19"):
        plan([Place(10, 10)], 19)


@pytest.mark.parametrize("name", ["max_gap_bytes", "max_range_bytes", "stream_fraction"])
def test_settings_without_meaning_are_refused(name: str) -> None:
    with pytest.raises(msgspec.ValidationError, match="or more"):
        msgspec.convert({name: -1}, PlanSettings)


def test_records_are_grouped_by_their_file() -> None:
    records = [Selected(name, Place(i, 1), "", None) for i, name in enumerate("aab")]
    assert [(name, len(group)) for name, group in group_by_file(records)] == [("a", 2), ("b", 1)]


@given(GAPS, st.integers(1, 5000), st.data())
def test_records_are_cut_out_of_pieces_of_any_size(
    gaps: list[tuple[int, int]], step: int, data: st.DataObject
) -> None:
    places = places_of(gaps)
    content = bytes(i % 251 for i in range((places[-1].end if places else 0) + 9))
    start = data.draw(st.integers(0, places[0].offset if places else 0))
    cutter = RecordCutter(places, start=start)
    found: list[tuple[int, bytes]] = []
    for begin in range(start, len(content), step):
        found += cutter.feed(content[begin : begin + step])
    assert found == [(i, content[p.offset : p.end]) for i, p in enumerate(places)]
    assert cutter.restart is None


def test_a_broken_transfer_goes_on_at_the_record_it_broke_in() -> None:
    cutter = RecordCutter([Place(2, 3), Place(7, 4)], start=0)
    assert list(cutter.feed(bytes(9))) == [(0, bytes(3))]
    assert (cutter.num_done, cutter.restart) == (1, 7)
