"""A stream of gzip members is cut the same however it arrives, and goes on after any damage."""

import gzip
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gristmill.corpus.crawl.commoncrawl.records import RecordSettings
from gristmill.corpus.crawl.commoncrawl.splitter import Member, MemberSplitter

SETTINGS = RecordSettings()
FILE = Path(__file__).parents[4] / "fixtures/web/text/python-prose.warc.gz"


def plain(index: int, size: int = 900) -> bytes:
    return b"WARC/1.0\r\n" + random.Random(index).randbytes(size)


def members(num: int) -> list[bytes]:
    return [gzip.compress(plain(index), mtime=0) for index in range(num)]


def split(
    data: bytes, *, step: int = 1 << 20, start: int = 0, settings: RecordSettings = SETTINGS
) -> list[Member]:
    splitter = MemberSplitter(settings, start=start)
    found: list[Member] = []
    for begin in range(0, len(data), step):
        found += splitter.feed(data[begin : begin + step])
    return [*found, *splitter.finish()]


def outcomes(found: list[Member]) -> list[str]:
    return [member.outcome for member in found]


def assert_gapless(found: list[Member], num_bytes: int) -> None:
    ends = [0, *(member.offset + member.num_bytes for member in found)]
    assert [member.offset for member in found] == ends[:-1]
    assert ends[-1] == num_bytes


@given(st.integers(1, 70_000))
def test_pieces_of_any_size_give_the_same_members(step: int) -> None:
    data = FILE.read_bytes()
    assert split(data, step=max(step, len(data) // 5000)) == split(data)


def test_members_are_the_file_without_gaps() -> None:
    data = FILE.read_bytes()
    found = split(data)
    assert_gapless(found, len(data))
    assert b"".join(member.data for member in found) == data
    assert all(gzip.decompress(member.data) == member.plain for member in found)


def test_a_stream_restarts_at_any_record() -> None:
    data = FILE.read_bytes()
    whole = split(data)
    for index, member in enumerate(whole):
        assert split(data[member.offset :], start=member.offset) == whole[index:]


def test_the_checkpoint_is_the_end_of_the_last_whole_member() -> None:
    first, second, third = members(3)
    splitter = MemberSplitter(SETTINGS)
    assert outcomes(list(splitter.feed(first + second + third[:9]))) == ["ok", "ok"]
    assert splitter.checkpoint == len(first + second)


@given(st.integers(1, 500), st.integers(0, 2), st.integers(0, 900))
def test_a_damaged_member_costs_only_itself(step: int, index: int, at: int) -> None:
    parts = [bytearray(member) for member in members(3)]
    parts[index][at % len(parts[index])] ^= 0x55
    data = b"".join(parts)
    found = split(data, step=step)
    sound = [member.plain for member in found if member.outcome == "ok"]
    assert set(sound) >= {plain(i) for i in range(3) if i != index}
    assert_gapless(found, len(data))


@pytest.mark.parametrize("step", [1, 7, 1 << 20])
def test_a_member_that_lost_bytes_costs_only_itself(step: int) -> None:
    first, second, third = members(3)
    found = split(first + second[:-300] + third, step=step)
    assert outcomes(found) == ["ok", "corrupt_gzip", "ok"]
    assert found[2].data == third


@pytest.mark.parametrize("cut", [1, 8, 9, 500])
def test_a_last_member_that_is_cut_is_told(cut: int) -> None:
    first, second = members(2)
    found = split((first + second)[:-cut])
    assert outcomes(found) == ["ok", "cut_short"]
    assert found[1].offset == len(first)


@pytest.mark.parametrize("junk", [b"x", b"\x1f\x8b\x08" * 50, b"<html>" * 9999])
def test_junk_between_members_is_one_run(junk: bytes) -> None:
    first, second = members(2)
    assert outcomes(split(first + junk + second)) == ["ok", "corrupt_gzip", "ok"]


@pytest.mark.parametrize("data", [b"x" * 99, b"\x1f\x8b", b"WARC/1.0\r\n" * 9999])
def test_what_is_no_gzip_is_damage_as_a_whole(data: bytes) -> None:
    found = split(data)
    assert_gapless(found, len(data))
    assert set(outcomes(found)) <= {"corrupt_gzip", "cut_short"}
    assert len(found) == 1


def test_zeros_between_and_behind_members_are_padding() -> None:
    first, second = members(2)
    found = split(first + bytes(50_000) + second + bytes(99))
    assert [(m.outcome, m.offset) for m in found] == [("ok", 0), ("ok", len(first) + 50_000)]


@pytest.mark.parametrize(
    "limits",
    [RecordSettings(max_record_bytes=2000), RecordSettings(max_member_bytes=2000)],
)
def test_a_member_over_the_limit_is_passed_over_and_not_held(limits: RecordSettings) -> None:
    first, second = members(2)
    large = gzip.compress(plain(9, 300_000))
    found = split(first + large + second, step=1000, settings=limits)
    assert outcomes(found) == ["ok", "too_large", "ok"]
    assert found[1].data == found[1].plain == b""


def test_many_false_starts_do_not_exhaust_the_stack() -> None:
    false = gzip.compress(b"WARC/1.0\r\n" + b"a" * 600, mtime=0)[:-8] + b"damaged."
    found = split(false * 3000)
    assert_gapless(found, len(false) * 3000)
    assert set(outcomes(found)) <= {"corrupt_gzip", "cut_short"}


def test_an_empty_file_holds_nothing() -> None:
    assert split(b"") == []
