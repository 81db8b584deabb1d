"""Every record is checked: damage on the way is mended, damage in the archive is counted."""

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from aiohttp import web
from aiohttp.typedefs import Handler

from gristmill.corpus.standins.commoncrawl.bucket import Bucket
from gristmill.corpus.standins.commoncrawl.captures import pack_member
from gristmill.corpus.standins.server import Loopback

from .crawl_place import Place, Table

Row = dict[str, object]


def index_parts(bucket: Path) -> list[Path]:
    return sorted(bucket.glob("cc-index/**/subset=warc/*.parquet"))


def first_row(bucket: Path, path: str) -> Row:
    """Return the index's first record of a file."""
    rows: list[Row] = []
    for part in index_parts(bucket):
        rows += pq.read_table(part, partitioning=None).to_pylist()
    return min(
        (row for row in rows if row["warc_filename"] == path),
        key=lambda row: int(str(row["warc_record_offset"])),
    )


def span(row: Row) -> slice:
    start = int(str(row["warc_record_offset"]))
    return slice(start, start + int(str(row["warc_record_length"])))


def change_row(bucket: Path, row: Row, **changes: object) -> None:
    """Rewrite one row of the index."""
    for part in index_parts(bucket):
        table = pq.read_table(part, partitioning=None)
        rows = [each | changes if each == row else each for each in table.to_pylist()]
        pq.write_table(pa.Table.from_pylist(rows, schema=table.schema), part)


def replace_record(bucket: Path, path: str, record: bytes) -> None:
    """Put another record in the place of a file's first one, by the index, too."""
    row = first_row(bucket, path)
    data = (bucket / path).read_bytes()
    member = pack_member(record)
    (bucket / path).write_bytes(data + member)
    change_row(bucket, row, warc_record_offset=len(data), warc_record_length=len(member))


@pytest.fixture
def path(place: Place) -> str:
    return place.tree.warc_paths[0]


@pytest.fixture
def damaged(bucket: Path, path: str) -> slice:
    """A record of which one packed byte is wrong in the archive."""
    where = span(first_row(bucket, path))
    data = bytearray((bucket / path).read_bytes())
    data[where.stop - 6] ^= 1  # within the CRC
    (bucket / path).write_bytes(data)
    return where


def test_a_damaged_record_of_the_archive_is_asked_for_twice_and_counted(
    place: Place, archive: Loopback, damaged: slice
) -> None:
    result = place.crawl(mime=("text/html",), whole_file_fraction=2.0)
    assert result.is_complete
    assert result.refused == {"record": {"corrupt_gzip": 1}}
    alone = f"bytes={damaged.start}-{damaged.stop - 1}"
    assert [each.headers.get("range") for each in archive.requests].count(alone) == 1
    assert place.manifest().missing == {"record corrupt_gzip": 1}


def test_a_damaged_record_of_a_whole_file_stays_in_the_copy_and_is_counted(
    place: Place, bucket: Path, path: str, damaged: slice
) -> None:
    result = place.crawl()
    assert result.refused == {"record": {"corrupt_gzip": 1}}
    assert place.outputs()[path.rpartition("/")[2]] == (bucket / path).read_bytes()


def test_a_file_whose_last_member_is_cut_is_kept_and_counted(
    place: Place, bucket: Path, path: str
) -> None:
    data = (bucket / path).read_bytes()
    (bucket / path).write_bytes(data[:-20])
    result = place.crawl()
    assert result.refused == {"record": {"cut_short": 1}}
    assert place.outputs()[path.rpartition("/")[2]] == data[:-20]


class Flipping:
    """Serves a bucket, with one byte of a file wrong the first time that it is sent."""

    def __init__(self, bucket: Path, path: str, offset: int) -> None:
        self._bucket = Bucket(bucket)
        self._path = path
        self._offset = offset
        self._is_done = False

    def app(self) -> web.Application:
        app = self._bucket.app()
        app.middlewares.append(self.flip)
        return app

    @web.middleware
    async def flip(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        stored = self._bucket.find(request.match_info["path"])
        if request.match_info["path"] != self._path or self._is_done or stored is None:
            return await handler(request)
        data = bytearray(stored.path.read_bytes())
        data[self._offset] ^= 1
        asked = request.headers.get("Range")
        headers = {"ETag": stored.etag}
        if asked is None:
            self._is_done = True
            return web.Response(body=bytes(data), headers=headers)
        first, last = (int(number) for number in asked.removeprefix("bytes=").split("-"))
        self._is_done = first <= self._offset <= last
        headers["Content-Range"] = f"bytes {first}-{last}/{len(data)}"
        return web.Response(status=206, body=bytes(data[first : last + 1]), headers=headers)


@pytest.fixture
def flipping(bucket: Path, path: str) -> Iterator[Loopback]:
    offset = span(first_row(bucket, path)).stop - 6
    with Loopback(Flipping(bucket, path, offset).app()) as running:
        yield running


@pytest.mark.parametrize("conditions", [{}, {"mime": ("text/html",), "whole_file_fraction": 2.0}])
def test_a_record_damaged_on_the_way_is_fetched_once_more(
    place: Place, flipping: Loopback, conditions: Table
) -> None:
    place.crawl(**conditions)
    sound = place.outputs()
    (place.folder / "ledger.sqlite").unlink()
    result = place.crawl(url=flipping.url, **conditions)
    assert result.is_complete
    assert result.refused == {}
    assert place.outputs() == sound


def record(kind: str, url: object, *lines: str) -> bytes:
    head = [f"WARC-Type: {kind}", f"WARC-Target-URI: {url}", *lines]
    return ("WARC/1.0\r\n" + "\r\n".join(head) + "\r\n\r\n").encode()


def test_a_revisit_holds_no_page_and_is_counted(place: Place, bucket: Path, path: str) -> None:
    row = first_row(bucket, path)
    revisit = record("revisit", row["url"], "Content-Length: 0") + b"\r\n\r\n"
    replace_record(bucket, path, revisit)
    result = place.crawl(mime=("text/html",))
    assert result.refused == {"record": {"revisit": 1}}


def test_a_record_that_the_crawler_cut_is_kept_and_counted(
    place: Place, bucket: Path, path: str
) -> None:
    row = first_row(bucket, path)
    plain = gzip.decompress((bucket / path).read_bytes()[span(row)])
    marked = plain.replace(b"\r\nWARC-Type:", b"\r\nWARC-Truncated: length\r\nWARC-Type:", 1)
    assert marked != plain
    replace_record(bucket, path, marked)
    result = place.crawl(mime=("text/html",))
    assert result.refused == {}
    assert result.counts["truncated_records"] == 1


def test_a_record_of_another_url_is_refused(place: Place, bucket: Path, path: str) -> None:
    change_row(bucket, first_row(bucket, path), url="http://other.test/")
    result = place.crawl(mime=("text/html",))
    assert result.refused == {"record": {"wrong_record": 1}}


def test_a_record_over_the_limit_is_not_even_fetched(place: Place, archive: Loopback) -> None:
    result = place.crawl(mime=("text/html",), max_record_bytes=1)
    assert result.refused == {"record": {"too_large": 92}}
    assert not any("/segments/" in each.path_qs for each in archive.requests)
    assert place.outputs() == {}
    result = place.crawl(mime=("text/html",))
    assert result.refused == {}
    assert result.counts["records"] == 92


def test_a_record_that_unpacks_to_too_much_is_refused(
    place: Place, bucket: Path, path: str
) -> None:
    bomb = record("response", first_row(bucket, path)["url"], "Content-Length: 3000000")
    replace_record(bucket, path, bomb + bytes(3_000_000) + b"\r\n\r\n")
    result = place.crawl(mime=("text/html",), max_record_bytes=2_000_000)
    assert result.refused == {"record": {"too_large": 1}}


def test_an_index_of_another_file_is_told(place: Place, bucket: Path, path: str) -> None:
    size = (bucket / path).stat().st_size
    change_row(bucket, first_row(bucket, path), warc_record_offset=size + 5)
    result = place.crawl(mime=("text/html",))
    assert not result.is_complete
    assert result.failed == {"warc": {"past_end": 1}}
    assert len(place.outputs()) == len(place.tree.warc_paths) - 1


def test_padding_between_members_is_copied(place: Place, bucket: Path, path: str) -> None:
    with (bucket / path).open("ab") as stream:
        stream.write(bytes(512) + pack_member(record("metadata", "x", "Content-Length: 0", "", "")))
    assert zlib.crc32((bucket / path).read_bytes())
    assert place.crawl().refused == {}
    assert place.outputs()[path.rpartition("/")[2]] == (bucket / path).read_bytes()
