"""Whatever goes wrong once is got over; what goes wrong for ever ends incomplete and is named."""

from pathlib import Path

import msgspec
import pytest

from gristmill.corpus.standins.commoncrawl.bucket import Bucket
from gristmill.corpus.standins.commoncrawl.tree import Tree
from gristmill.corpus.standins.faults import Fault, FaultKind
from gristmill.corpus.standins.server import Loopback

from .crawl_place import QUICK, Place, Table

FILES = "/segments/"
# Under a million bytes a second are slow, so that no test has to wait.
HURRIED = msgspec.structs.replace(QUICK, low_speed_bytes=1_000_000, low_speed_seconds=0.1)
RECORDS: Table = {"mime": ("text/html",), "max_records": 24, "max_gap_bytes": 0}
WAYS: dict[str, Table] = {
    "whole": {"max_files": 3},
    "ranges": {**RECORDS, "whole_file_fraction": 2.0},
    "stream": {**RECORDS, "whole_file_fraction": 0.0},
}
# What each fault is called if it stays.
REASONS: dict[FaultKind, str] = {
    "slow_down": "http_503",
    "too_many_requests": "http_429",
    "server_error": "http_500",
    "wrapped_slow_down": "http_500",
    "redirect_loop": "redirect_loop",
    "empty_reply": "connection",
    "short_body": "short_body",
    "reset": "short_body",
    "cut_body": "short_body",
    "whole_body": "range_ignored",
    "wrong_range": "wrong_range",
    "changed_etag": "changed",
}
CASES = [("whole", kind) for kind in REASONS] + [("ranges", kind) for kind in REASONS]
CASES += [(way, "slow_body") for way in WAYS]
CASES += [("stream", kind) for kind in ("reset", "changed_etag", "slow_down")]
Outputs = dict[str, bytes]


@pytest.fixture(scope="module")
def sound(built: tuple[Path, Tree], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Outputs]:
    """What an undisturbed crawl brings, each way."""
    root, tree = built
    outputs = {}
    with Loopback(Bucket(root).app()) as running:
        for way, table in WAYS.items():
            place = Place(url=running.url, out=tmp_path_factory.mktemp(way), tree=tree, notes=[])
            assert place.crawl(**table).is_complete
            outputs[way] = place.outputs()
    return outputs


@pytest.mark.parametrize(("way", "kind"), CASES)
def test_what_fails_once_is_got_over(
    place: Place, archive: Loopback, sound: dict[str, Outputs], kind: FaultKind, way: str
) -> None:
    archive.inject(Fault(kind=kind, match=FILES, first=2, bytes_per_second=50_000))
    result = place.crawl(manners=HURRIED if kind == "slow_body" else QUICK, **WAYS[way])
    assert result.is_complete
    assert place.outputs() == sound[way]


@pytest.mark.parametrize("kind", REASONS)
def test_what_fails_for_ever_is_named_and_comes_when_it_is_over(
    place: Place, archive: Loopback, sound: dict[str, Outputs], kind: FaultKind
) -> None:
    name = max(sound["ranges"])
    archive.inject(Fault(kind=kind, match=name, times=None))
    result = place.crawl(**WAYS["ranges"])
    assert not result.is_complete
    assert result.failed == {"warc": {REASONS[kind]: 1}}
    assert place.manifest().missing == {f"warc {REASONS[kind]}": 1}
    assert place.outputs().keys() == sound["ranges"].keys() - {name}


def test_a_stream_goes_on_where_it_broke_off(
    place: Place, archive: Loopback, sound: dict[str, Outputs]
) -> None:
    archive.inject(Fault(kind="reset", match=FILES, times=12))
    place.crawl(**WAYS["whole"])
    assert place.outputs() == sound["whole"]
    asked = [each.headers for each in archive.requests if FILES in each.path_qs]
    assert sum("range" in headers and "if-match" in headers for headers in asked) > 3


def test_what_failed_comes_in_the_next_run_without_the_rest(
    place: Place, archive: Loopback, bucket: Path, sound: dict[str, Outputs]
) -> None:
    name = max(sound["ranges"])
    archive.inject(Fault(kind="server_error", match=name, times=9))  # three times three attempts
    assert not place.crawl(**WAYS["ranges"], concurrency=1).is_complete
    archive.forget_requests()
    place.crawl(**WAYS["ranges"])
    assert all(name in each.path_qs for each in archive.requests)
    assert place.outputs() == sound["ranges"]


def test_a_block_pauses_the_host_and_then_gives_it_up(place: Place, archive: Loopback) -> None:
    archive.inject(Fault(kind="blocked", match=FILES, times=None))
    result = place.crawl(concurrency=1)
    assert not result.is_complete
    assert result.waiting == {"warc": 4}
    assert sum(FILES in each.path_qs for each in archive.requests) <= 4
    assert sum("blocks us" in note for note in place.notes) == 2
    assert result.hosts[0].refusals >= 2


def test_a_block_that_ends_is_waited_for(
    place: Place, archive: Loopback, sound: dict[str, Outputs]
) -> None:
    archive.inject(Fault(kind="blocked", match=FILES, first=2))
    assert place.crawl(**WAYS["whole"]).is_complete
    assert place.outputs() == sound["whole"]


def test_a_redirect_to_a_private_address_is_refused(place: Place, archive: Loopback) -> None:
    archive.inject(
        Fault(kind="redirect", match="warc.paths", location="http://169.254.169.254/x", times=None)
    )
    result = place.crawl()
    assert not result.is_complete
    assert result.refused == {"listing": {"refused_host": 1}}


def test_a_name_that_does_not_resolve_is_named(place: Place) -> None:
    result = place.crawl(url="http://no-such-host.invalid")
    assert not result.is_complete
    assert result.failed == {"listing": {"dns": 1}}


@pytest.mark.parametrize("kind", ["server_error", "short_body", "changed_etag"])
def test_a_part_of_the_index_that_fails_leaves_the_selection_open(
    place: Place, archive: Loopback, sound: dict[str, Outputs], kind: FaultKind
) -> None:
    archive.inject(Fault(kind=kind, match="part-00001", times=None, first=3))
    result = place.crawl(**WAYS["ranges"])
    assert not result.is_complete
    assert result.waiting == {"selection": 1}
    assert result.failed.keys() == {"index_part"}
    assert place.outputs() == {}
    assert sound["ranges"]
