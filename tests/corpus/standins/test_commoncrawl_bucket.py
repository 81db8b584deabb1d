"""The small Common Crawl is true in every offset, and its bucket answers as S3 does."""

import gzip
import hashlib
import http.client
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from gristmill.corpus.crawl.commoncrawl.columns import INDEX_SCHEMA
from gristmill.corpus.crawl.commoncrawl.outcome import Expected
from gristmill.corpus.crawl.commoncrawl.paths import read_listing
from gristmill.corpus.crawl.commoncrawl.records import RecordSettings, check_member, check_record
from gristmill.corpus.crawl.commoncrawl.splitter import MemberSplitter
from gristmill.corpus.standins.commoncrawl.bucket import Bucket
from gristmill.corpus.standins.commoncrawl.tree import Tree, TreeSettings, build_tree
from gristmill.corpus.standins.faults import Fault
from gristmill.corpus.standins.server import Loopback

WEB = Path(__file__).parents[3] / "fixtures/web"
SOURCES = (WEB / "text/debmake-ja.warc.zst", WEB / "text/python-prose.warc.gz")
ALL_KINDS = RecordSettings(kinds=frozenset(("response", "warcinfo", "request", "conversion")))
REVISIT = (
    b"WARC/1.0\r\nWARC-Type: revisit\r\nWARC-Target-URI: http://python.test/again\r\n"
    b"WARC-Date: 2026-11-22T23:59:27Z\r\nWARC-Record-ID: <urn:uuid:1>\r\nContent-Length: 0\r\n\r\n"
    b"\r\n\r\n"
)
Answer = tuple[int, dict[str, str], bytes]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("bucket")


@pytest.fixture(scope="module")
def tree(root: Path) -> Tree:
    return build_tree(SOURCES, root)


@pytest.fixture(scope="module")
def server(root: Path, tree: Tree) -> Iterator[Loopback]:
    with Loopback(Bucket(root).app()) as running:
        yield running


def get(server: Loopback, path: str, method: str = "GET", **headers: str) -> Answer:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    try:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, f"/{path}", headers=named)
        reply = connection.getresponse()
        return reply.status, dict(reply.getheaders()), reply.read()
    finally:
        connection.close()


def index_rows(root: Path, tree: Tree) -> list[dict[str, object]]:
    return [
        row for path in tree.table_paths for row in pq.ParquetFile(root / path).read().to_pylist()
    ]


def test_every_row_of_the_index_finds_its_record(root: Path, tree: Tree) -> None:
    rows = index_rows(root, tree)
    assert len(rows) == tree.num_captures == 7 + 14
    for row in rows:
        data = (root / str(row["warc_filename"])).read_bytes()
        start, length = row["warc_record_offset"], row["warc_record_length"]
        assert isinstance(start, int)
        assert isinstance(length, int)
        expected = Expected(url=str(row["url"]), digest=str(row["content_digest"]))
        found = check_member(data[start : start + length], ALL_KINDS, expected)
        assert (found.outcome, found.is_verified) == ("ok", True)


def test_the_table_has_the_columns_and_order_of_the_real_one(root: Path, tree: Tree) -> None:
    schema = pq.read_schema(root / tree.table_paths[0])
    assert schema.equals(INDEX_SCHEMA)
    rows = [r for r in index_rows(root, tree) if "/warc/" in str(r["warc_filename"])]
    keys = [str(row["url_surtkey"]) for row in rows]
    assert keys == sorted(keys)
    assert keys[0].startswith("test,debmake)/")
    assert {row["url_host_registered_domain"] for row in rows} == {"debmake.test", "python.test"}


def test_pages_robots_and_failures_lie_apart(root: Path, tree: Tree, tmp_path: Path) -> None:
    source = tmp_path / "a.warc.gz"
    source.write_bytes(SOURCES[1].read_bytes() + gzip.compress(REVISIT))
    made = build_tree([source], tmp_path / "out")
    folders = {
        (row["fetch_status"], row["content_mime_type"], str(row["warc_filename"]).split("/")[4])
        for row in index_rows(tmp_path / "out", made)
    }
    assert folders == {
        (200, "text/html", "warc"),
        (404, "text/html", "robotstxt"),
        (304, "warc/revisit", "crawldiagnostics"),
    }


def test_every_file_of_the_listings_is_there_and_starts_with_warcinfo(
    root: Path, tree: Tree
) -> None:
    folder = root / "crawl-data" / tree.crawl
    for name, paths in (("warc", tree.warc_paths), ("wet", tree.wet_paths)):
        listing = (folder / f"{name}.paths.gz").read_bytes()
        assert read_listing(listing, where=name) == paths
        for path in paths:
            first = next(MemberSplitter(ALL_KINDS).feed((root / path).read_bytes()))
            assert check_record(first.plain, ALL_KINDS).kind == "warcinfo"
    table = (folder / "cc-index-table.paths.gz").read_bytes()
    assert set(read_listing(table, where="table")) == set(tree.table_paths)


def test_extracted_text_refers_to_its_page(root: Path, tree: Tree) -> None:
    data = (root / tree.wet_paths[0]).read_bytes()
    plain = [member.plain for member in MemberSplitter(ALL_KINDS).feed(data)]
    assert {check_record(one, ALL_KINDS).outcome for one in plain} == {"ok"}
    assert all(b"WARC-Refers-To: <urn:uuid:" in one for one in plain[1:])
    assert any(b"WARC-Identified-Content-Language: jpn" in one for one in plain[1:])


def test_the_same_files_give_the_same_bytes(root: Path, tree: Tree, tmp_path: Path) -> None:
    assert build_tree(SOURCES, tmp_path) == tree
    files = [path.relative_to(root) for path in root.rglob("*") if path.is_file()]
    assert all((tmp_path / path).read_bytes() == (root / path).read_bytes() for path in files)


def test_the_shape_follows_the_settings(tmp_path: Path) -> None:
    settings = TreeSettings(crawl="CC-MAIN-2020-05", num_segments=1, num_parts=3, rows_per_group=2)
    made = build_tree(SOURCES, tmp_path, settings)
    assert len({path.split("/")[3] for path in made.warc_paths}) == 1
    parts = [path for path in made.table_paths if "crawl=CC-MAIN-2020-05/subset=warc/" in path]
    assert len(parts) == 3
    assert pq.ParquetFile(tmp_path / parts[0]).num_row_groups > 1


def test_a_damaged_source_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.warc.gz").write_bytes(SOURCES[1].read_bytes()[:-50])
    with pytest.raises(ValueError, match="cut short"):
        build_tree([tmp_path / "a.warc.gz"], tmp_path / "out")


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [
        ("bytes=0-9", 0, 10),
        ("bytes=5-", 5, None),
        ("bytes=-7", -7, None),
        ("bytes=9-999999", 9, None),
    ],
)
def test_a_range_is_answered_with_its_bytes(
    server: Loopback, root: Path, tree: Tree, asked: str, start: int, end: int | None
) -> None:
    path = f"crawl-data/{tree.crawl}/warc.paths.gz"
    data = (root / path).read_bytes()
    status, headers, body = get(server, path, Range=asked)
    first = start % len(data)
    assert (status, body) == (206, data[start:end])
    assert headers["Content-Range"] == f"bytes {first}-{first + len(body) - 1}/{len(data)}"


@pytest.mark.parametrize("asked", ["bytes=0-1,4-5", "bytes=9-2", "lines=1-2", "bytes=-", "x"])
def test_what_is_no_single_range_is_answered_in_whole(
    server: Loopback, root: Path, tree: Tree, asked: str
) -> None:
    status, _, body = get(server, tree.warc_paths[0], Range=asked)
    assert (status, body) == (200, (root / tree.warc_paths[0]).read_bytes())


def test_a_range_behind_the_end_is_refused_with_the_length(
    server: Loopback, root: Path, tree: Tree
) -> None:
    status, headers, body = get(server, tree.warc_paths[0], Range="bytes=99999999-")
    size = (root / tree.warc_paths[0]).stat().st_size
    assert (status, headers["Content-Range"]) == (416, f"bytes */{size}")
    assert b"<Code>InvalidRange</Code>" in body


def test_conditions_compare_the_etag_which_is_the_md5(
    server: Loopback, root: Path, tree: Tree
) -> None:
    path = tree.warc_paths[0]
    data = (root / path).read_bytes()
    status, headers, body = get(server, path, "HEAD")
    etag = headers["ETag"]
    assert (status, body, headers["Content-Length"]) == (200, b"", str(len(data)))
    assert etag == f'"{hashlib.md5(data).hexdigest()}"'
    assert get(server, path, If_None_Match=etag)[0] == 304
    assert get(server, path, If_Match='"other"')[0] == 412
    assert get(server, path, If_Match=etag, Range="bytes=0-0")[0] == 206
    assert get(server, path, If_Range=etag, Range="bytes=0-0")[0] == 206
    assert get(server, path, If_Range='"other"', Range="bytes=0-0")[0] == 200


@pytest.mark.parametrize("path", ["nothing", "crawl-data", "../etc/passwd", "%2e%2e/x", "a//b", ""])
def test_what_is_no_file_of_the_bucket_is_a_404_in_xml(server: Loopback, path: str) -> None:
    status, headers, body = get(server, path)
    assert (status, headers["Content-Type"].split(";")[0]) == (404, "application/xml")
    assert b"<Code>NoSuchKey</Code>" in body


def test_a_link_out_of_the_bucket_is_not_followed(server: Loopback, root: Path) -> None:
    (root / "link.gz").symlink_to(SOURCES[1])
    assert get(server, "link.gz")[0] == 404


def test_the_bucket_fails_on_purpose(root: Path, tree: Tree) -> None:
    with Loopback(Bucket(root).app(), faults=[Fault(kind="whole_body")]) as server:
        assert get(server, tree.warc_paths[0], Range="bytes=0-9")[0] == 200
        assert get(server, tree.warc_paths[0], Range="bytes=0-9")[0] == 206
