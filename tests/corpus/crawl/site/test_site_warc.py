"""Archives that a crawl writes are read by other tools and by us, digests and all."""

import gzip
import io
import subprocess
import sys
import zlib
from datetime import datetime, timezone
from pathlib import Path

import msgspec
import pytest
from fastwarc import ArchiveIterator, WarcRecord

from gristmill.corpus.crawl.site.warc import (
    NOT_MODIFIED,
    SAME_PAYLOAD,
    CrawlFacts,
    Exchange,
    Revisit,
    encode_exchange,
    encode_warcinfo,
    response_record_id,
    warcinfo_record_id,
)
from gristmill.corpus.memo import DigestMemo
from gristmill.corpus.record import Record
from gristmill.corpus.sources import ReadLimits, SourceSpec, list_units, read_unit

NOW = datetime(2024, 5, 6, 7, 8, 9, 123456, tzinfo=timezone.utc)
FACTS = CrawlFacts(
    software="gristmill/1.0",
    operator="crawl@a.example",
    user_agent="gristmill/1.0 (+https://a.example)",
    description="two\nlines",
)
PAGE = Exchange(
    url="http://a.example/page?q=1",
    requested_at=NOW,
    request_line=b"GET /page?q=1 HTTP/1.1",
    request_headers=(
        (b"Host", b"a.example"),
        (b"Authorization", b"Bearer secret"),
        (b"Cookie", b"secret=1"),
    ),
    status_line=b"HTTP/1.1 200 OK",
    response_headers=(
        (b"Content-Type", b"text/html; charset=utf-8"),
        (b"Content-Encoding", b"gzip"),
        (b"Transfer-Encoding", b"chunked"),
    ),
    body=b"<html><body><main><p>A page about mills, and about grist.</p></main></body></html>",
    ip="127.0.0.1",
)
FIRST = Revisit(record_id=response_record_id(PAGE), requested_at=NOW, url=PAGE.url)
AGAIN = msgspec.structs.replace(PAGE, revisit=FIRST, requested_at=NOW.replace(hour=9))
UNCHANGED = msgspec.structs.replace(
    AGAIN,
    status_line=b"HTTP/1.1 304 Not Modified",
    response_headers=((b"ETag", b'"1"'),),
    body=b"",
    requested_at=NOW.replace(hour=10),
)
ROBOTS = msgspec.structs.replace(
    PAGE,
    url="http://a.example/robots.txt",
    response_headers=((b"Content-Type", b"text/plain"), (b"Content-Length", b"24")),
    body=b"User-agent: *\nDisallow:\n",
)
MISSING = msgspec.structs.replace(
    PAGE, url="http://a.example/gone", status_line=b"HTTP/1.1 404 Not Found", body=b"<p>Gone"
)
CUT = msgspec.structs.replace(
    PAGE,
    url="http://a.example/cut",
    truncated="length",
    response_headers=((b"Content-Type", b"text/html"), (b"Content-Length", b"900000")),
)
ALL = (ROBOTS, PAGE, AGAIN, UNCHANGED, MISSING, CUT)


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "a.example-00000.warc.gz"
    info = warcinfo_record_id(path.name, NOW)
    members = [encode_warcinfo(path.name, NOW, FACTS)]
    members += [encode_exchange(exchange, warcinfo_id=info) for exchange in ALL]
    path.write_bytes(b"".join(members))
    return path


def warcio(*arguments: str | Path) -> str:
    command = [sys.executable, "-W", "ignore", "-m", "warcio.cli", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def responses(exchange: Exchange) -> list[tuple[dict[str, str], bytes]]:
    """Return the records' WARC headers and blocks."""
    stream = io.BytesIO(encode_exchange(exchange))
    return [
        (dict(record.headers), bytes(record.reader.read()))
        for record in ArchiveIterator(stream, parse_http=False)
    ]


def test_warcio_finds_every_digest_right(archive: Path) -> None:
    checked = warcio("check", "-v", archive)
    assert checked.count("digest pass") == 11
    assert checked.count("not checked (revisit)") == 2


def test_warcio_indexes_every_record(archive: Path) -> None:
    listed = warcio("index", "-f", "warc-type,http:status", archive).splitlines()
    kinds = [line.split('"')[3] for line in listed]
    assert kinds == ["warcinfo"] + [
        kind
        for exchange in ALL
        for kind in ("revisit" if exchange.revisit else "response", "request")
    ]


def test_fastwarc_finds_every_digest_right(archive: Path) -> None:
    def check(record: WarcRecord) -> bool:
        is_right = bool(record.verify_block_digest(consume=False))
        if record.headers["WARC-Type"] != "response":
            return is_right
        record.parse_http()
        return is_right and bool(record.verify_payload_digest(consume=False))

    with archive.open("rb") as stream:
        checks = [check(record) for record in ArchiveIterator(stream, parse_http=False)]
    assert checks == [True] * (1 + 2 * len(ALL))


def test_our_reader_takes_the_pages_and_says_why_it_drops_the_rest(archive: Path) -> None:
    spec = SourceSpec(name="w", kind="warc", component="text", paths=(archive.name,))
    (unit,) = list_units(spec, base=str(archive.parent), memo=DigestMemo())
    rows: list[Record] = list(read_unit(unit, ReadLimits()))
    assert [(row.path, row.read_drop) for row in rows] == [
        (ROBOTS.url, None),
        (PAGE.url, None),
        (MISSING.url, "not_text"),
        (CUT.url, None),
    ]
    assert rows[1].text == "A page about mills, and about grist."


def test_every_record_is_a_gzip_member_of_its_own() -> None:
    data = encode_exchange(PAGE)
    first = zlib.decompressobj(31)
    assert first.decompress(data).startswith(b"WARC/1.1\r\nWARC-Type: response\r\n")
    second = zlib.decompressobj(31)
    assert second.decompress(first.unused_data).startswith(b"WARC/1.1\r\nWARC-Type: request\r\n")
    assert (second.eof, second.unused_data) == (True, b"")


def test_the_same_exchange_gives_the_same_bytes() -> None:
    assert encode_exchange(PAGE) == encode_exchange(msgspec.structs.replace(PAGE))
    ids = {response_record_id(exchange) for exchange in (*ALL, PAGE)}
    assert len(ids) == len(ALL)


def test_headers_of_codings_are_kept_under_names_that_do_not_lie() -> None:
    head, _, body = responses(PAGE)[0][1].partition(b"\r\n\r\n")
    assert head.split(b"\r\n")[1:] == [
        b"Content-Type: text/html; charset=utf-8",
        b"X-Crawler-Content-Encoding: gzip",
        b"X-Crawler-Transfer-Encoding: chunked",
        b"Content-Length: %d" % len(PAGE.body),
    ]
    assert body == PAGE.body


def test_a_body_that_is_still_packed_says_so() -> None:
    packed = msgspec.structs.replace(PAGE, is_decoded=False, body=gzip.compress(PAGE.body, mtime=0))
    assert b"\r\nContent-Encoding: gzip\r\n" in responses(packed)[0][1]


def test_a_cut_body_has_its_own_length_and_says_why_it_was_cut() -> None:
    headers, block = responses(CUT)[0]
    assert headers["WARC-Truncated"] == "length"
    assert b"X-Crawler-Content-Length: 900000\r\n" in block
    assert b"\r\nContent-Length: %d\r\n" % len(CUT.body) in block


def test_request_and_response_name_each_other_and_the_address() -> None:
    (response, _), (request, block) = responses(PAGE)
    assert request["WARC-Concurrent-To"] == response["WARC-Record-ID"] == FIRST.record_id
    assert response["WARC-IP-Address"] == request["WARC-IP-Address"] == "127.0.0.1"
    assert response["WARC-Date"] == request["WARC-Date"] == "2024-05-06T07:08:09.123456Z"
    assert block == b"GET /page?q=1 HTTP/1.1\r\nHost: a.example\r\n\r\n"


@pytest.mark.parametrize(
    ("exchange", "profile", "has_digest"),
    [(AGAIN, SAME_PAYLOAD, True), (UNCHANGED, NOT_MODIFIED, False)],
)
def test_a_payload_that_is_there_already_is_referred_to(
    exchange: Exchange, profile: str, *, has_digest: bool
) -> None:
    headers, block = responses(exchange)[0]
    assert headers["WARC-Profile"] == profile
    assert headers["WARC-Refers-To"] == FIRST.record_id
    assert headers["WARC-Refers-To-Date"] == "2024-05-06T07:08:09.123456Z"
    assert ("WARC-Payload-Digest" in headers) is has_digest
    assert block.endswith(b"\r\n\r\n")


def test_a_header_with_a_line_end_adds_no_header() -> None:
    folded = msgspec.structs.replace(PAGE, response_headers=((b"X", b"a\r\nSet-Cookie: b"),))
    assert b"X: a Set-Cookie: b\r\n" in responses(folded)[0][1]


def test_the_first_record_says_who_crawled_and_how() -> None:
    data = encode_warcinfo("a.warc.gz", NOW, FACTS)
    text = gzip.decompress(data).decode()
    assert "software: gristmill/1.0\r\nformat: WARC File Format 1.1\r\n" in text
    assert "robots: RFC 9309\r\noperator: crawl@a.example\r\n" in text
    assert "description: two lines\r\n" in text
