"""A crawl of Common Crawl brings what the recipe asks for, checked, and nothing twice."""

import gzip
import io
import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from fastwarc import ArchiveIterator

from gristmill.corpus import storage
from gristmill.corpus.errors import GristmillError
from gristmill.corpus.sources.crawl_units import list_crawl_units
from gristmill.corpus.sources.unit import ReadLimits, SourceSpec
from gristmill.corpus.sources.warc import read_warc
from gristmill.corpus.standins.server import Loopback

from .crawl_place import Place, Table

Asked = Callable[[], list[str]]


def index_rows(bucket: Path) -> list[dict[str, object]]:
    parts = sorted(bucket.glob("cc-index/**/subset=warc/*.parquet"))
    rows = [row for part in parts for row in pq.read_table(part, partitioning=None).to_pylist()]
    return sorted(rows, key=lambda row: (row["warc_filename"], row["warc_record_offset"]))


def selected_bytes(
    bucket: Path, condition: Callable[[dict[str, object]], bool]
) -> dict[str, bytes]:
    """Return what a crawl must bring, read straight from the archive by its index."""
    found: dict[str, bytes] = {}
    for row in filter(condition, index_rows(bucket)):
        path, start = str(row["warc_filename"]), int(str(row["warc_record_offset"]))
        end = start + int(str(row["warc_record_length"]))
        name = path.rpartition("/")[2]
        found[name] = found.get(name, b"") + (bucket / path).read_bytes()[start:end]
    return found


def sources(bucket: Path, paths: tuple[str, ...]) -> dict[str, bytes]:
    return {path.rpartition("/")[2]: (bucket / path).read_bytes() for path in paths}


def urls(data: bytes) -> list[str]:
    return [str(record.headers["WARC-Target-URI"]) for record in ArchiveIterator(io.BytesIO(data))]


def test_a_crawl_id_brings_every_warc_file_byte_for_byte(place: Place, bucket: Path) -> None:
    result = place.crawl()
    assert result.is_complete
    assert place.outputs() == sources(bucket, place.tree.warc_paths)
    first = place.manifest().files[0]
    assert first.digest == storage.digest_file(str(place.folder / first.name))
    assert sum(file.num_items for file in place.manifest().files) == result.counts["records"] > 90


def test_the_text_of_a_crawl_is_its_wet_files(place: Place, bucket: Path) -> None:
    assert place.crawl(format="wet").is_complete
    assert place.outputs() == sources(bucket, place.tree.wet_paths)


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_a_list_of_paths_brings_these_files(
    place: Place, bucket: Path, pack: Callable[[bytes], bytes]
) -> None:
    chosen = (place.tree.warc_paths[1], place.tree.wet_paths[0])
    (place.out / "list").write_bytes(pack("\n".join(chosen).encode()))
    assert place.crawl(paths="list").is_complete
    assert place.outputs() == sources(bucket, chosen)


def test_two_files_of_one_name_do_not_overwrite_each_other(place: Place, bucket: Path) -> None:
    other = "crawl-data/other/" + place.tree.warc_paths[0].rpartition("/")[2]
    (bucket / other).parent.mkdir()
    (bucket / other).write_bytes((bucket / place.tree.warc_paths[1]).read_bytes())
    (place.out / "list").write_text(f"{place.tree.warc_paths[0]}\n{other}\n")
    place.crawl(paths="list")
    outputs = place.outputs()
    assert outputs[other.replace("/", "+")] == (bucket / other).read_bytes()
    assert len(outputs) == 2


def test_a_sample_of_files_takes_as_many(place: Place) -> None:
    place.crawl(max_files=2, seed=3)
    assert len(place.outputs()) == 2


@pytest.mark.parametrize("whole_file_fraction", [0.0, 2.0])
def test_the_index_brings_exactly_the_selected_records(
    place: Place, bucket: Path, whole_file_fraction: float
) -> None:
    result = place.crawl(
        where="url LIKE '%a%e%'", max_gap_bytes=100, whole_file_fraction=whole_file_fraction
    )
    wanted = selected_bytes(
        bucket, lambda row: "a" in str(row["url"]) and "e" in str(row["url"]).partition("a")[2]
    )
    assert result.is_complete
    assert place.outputs() == wanted
    assert result.counts["records"] == sum(len(urls(data)) for data in wanted.values()) > 20


def test_a_large_share_of_a_file_is_streamed_and_a_small_one_is_not(
    place: Place, archive: Loopback
) -> None:
    def num_ranges(fraction: float) -> int:
        archive.forget_requests()
        place.crawl(where="url_path LIKE '%e%'", max_gap_bytes=0, whole_file_fraction=fraction)
        return sum("-" in each.headers.get("range", "")[:-1] for each in archive.requests)

    with_ranges, index = num_ranges(2.0), "cc-index"
    assert with_ranges > 30
    (place.folder / "ledger.sqlite").unlink()
    assert num_ranges(0.1) < with_ranges / 2
    assert any(index in each.path_qs for each in archive.requests)


def test_a_second_run_asks_for_nothing(place: Place, asked: Asked) -> None:
    place.crawl(mime=("text/html",))
    asked()
    before = place.manifest()
    assert place.crawl(mime=("text/html",)).is_complete
    assert asked() == []
    assert place.manifest() == before


def test_another_selection_fetches_only_files_of_which_it_wants_something_else(
    place: Place, asked: Asked, bucket: Path
) -> None:
    hosts = sorted({str(row["url_host_name"]) for row in index_rows(bucket)})
    place.crawl(hosts=tuple(hosts[:2]))
    before = place.outputs()
    asked()
    place.crawl(hosts=tuple(hosts[1:]))
    chosen = selected_bytes(bucket, lambda row: row["url_host_name"] in hosts[1:])
    fetched = {path.rpartition("/")[2] for path in asked() if "/warc/CC" in path}
    same = {name for name, data in before.items() if chosen.get(name) == data}
    assert place.outputs() == chosen
    assert fetched == set(chosen) - same
    assert same
    assert {path.name for path in (place.folder / "warc").iterdir()} == set(chosen)
    assert before.keys() - chosen.keys()


def test_a_sample_of_records_has_as_many_and_is_the_same_each_time(place: Place) -> None:
    place.crawl(max_records=30, seed=1)
    first = place.outputs()
    place.crawl(max_records=31, seed=1)
    place.crawl(max_records=30, seed=1)
    assert sum(len(urls(data)) for data in first.values()) == 30
    assert place.outputs() == first


def test_an_output_that_was_lost_is_fetched_again(place: Place, asked: Asked) -> None:
    place.crawl()
    before = place.outputs()
    asked()
    name = min(before)
    (place.folder / "warc" / name).write_bytes(before[name][:-1])
    assert place.crawl().is_complete
    assert [path.rpartition("/")[2] for path in asked()] == [name]
    assert place.outputs() == before


def test_a_selection_that_was_removed_is_made_again(place: Place) -> None:
    place.crawl(mime=("text/html",))
    before = place.outputs()
    shutil.rmtree(place.folder / "selection")
    shutil.rmtree(place.folder / "warc")
    assert place.crawl(mime=("text/html",)).is_complete
    assert place.outputs() == before


@pytest.mark.parametrize("table", [{}, {"format": "wet"}, {"mime": ("text/html",)}])
def test_a_build_reads_the_pages(place: Place, table: Table) -> None:
    result = place.crawl(**table)
    spec = SourceSpec(name="pages", kind="warc", component="text", crawl="cc")
    units = list_crawl_units(spec, "cc", crawls=str(place.out / "crawl"))
    rows = [row for unit in units for row in read_warc(unit, ReadLimits())]
    assert len(rows) == result.counts["records"]
    assert not any(row.read_drop == "corrupt" for row in rows)


def test_a_crawl_that_does_not_exist_is_told(place: Place) -> None:
    result = place.crawl(crawl="CC-MAIN-1999-01")
    assert not result.is_complete
    assert result.failed == {"listing": {"http_404": 1}}
    assert place.manifest().missing == {"listing http_404": 1, "selection not fetched yet": 1}


def test_a_file_that_the_archive_lacks_does_not_hinder_the_others(place: Place) -> None:
    (place.out / "list").write_text(f"crawl-data/no.warc.gz\n{place.tree.warc_paths[0]}\n")
    result = place.crawl(paths="list")
    assert result.failed == {"warc": {"http_404": 1}}
    assert not place.manifest().is_complete
    assert len(place.outputs()) == 1


def test_nothing_is_fetched_of_a_host_that_opted_out(place: Place, bucket: Path) -> None:
    place.crawl(mime=("text/html",))
    host = str(index_rows(bucket)[0]["url_host_name"])
    (place.out / "opt_out.txt").write_text(f"{host}\n")
    result = place.crawl(mime=("text/html",))
    left = [url for data in place.outputs().values() for url in urls(data)]
    num_out = sum(row["url_host_name"] == host for row in index_rows(bucket))
    assert result.refused == {"record": {"opted_out": num_out}}
    assert num_out > 5
    assert left
    assert not any(f"/{host}/" in url for url in left)


def test_records_are_not_selected_from_a_list(place: Place) -> None:
    with pytest.raises(GristmillError, match="conditions on records"):
        place.crawl(paths="list", hosts=("a.test",))


def test_a_selection_without_records_is_told(place: Place) -> None:
    assert place.crawl(hosts=("nowhere.test",)).is_complete
    assert any("nothing in Common Crawl" in note for note in place.notes)


def test_a_folder_is_crawled_like_a_server(place: Place, bucket: Path) -> None:
    place.crawl(mime=("text/html",))
    served = place.outputs()
    (place.folder / "ledger.sqlite").unlink()
    assert place.crawl(url=str(bucket), mime=("text/html",)).is_complete
    assert place.outputs() == served


def test_totals_of_a_host_are_what_it_saw(place: Place, archive: Loopback) -> None:
    result = place.crawl(where="url LIKE '%e%'")
    (host,) = result.hosts
    assert host.requests == len(archive.requests)
    assert host.received_bytes >= sum(len(data) for data in place.outputs().values())
