"""Sitemaps of every format are read as far as they are sound, and no further."""

import gzip
from collections.abc import Iterator
from datetime import datetime, timezone

import pytest

from gristmill.corpus.crawl.site.sitemap import Sitemap, read_date, read_sitemap

NAMESPACE = 'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'
ITEM = "<url><loc>http://a.example/{0}</loc><lastmod>2024-03-0{0}</lastmod></url>"
PAGES = f"<?xml version='1.0'?>\n<urlset {NAMESPACE}>{ITEM.format(1)}{ITEM.format(2)}</urlset>"
MARCH = (datetime(2024, 3, 1, tzinfo=timezone.utc), datetime(2024, 3, 2, tzinfo=timezone.utc))


def pieces(data: bytes, num_bytes: int) -> Iterator[bytes]:
    for start in range(0, len(data), num_bytes):
        yield data[start : start + num_bytes]


def read(text: str | bytes) -> Sitemap:
    return read_sitemap([text.encode() if isinstance(text, str) else text])


def paths(sitemap: Sitemap) -> list[str]:
    return [entry.url.removeprefix("http://a.example/") for entry in sitemap.entries]


@pytest.mark.parametrize("num_bytes", [1, 7, 1000])
@pytest.mark.parametrize("charset", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("packed", [False, True])
def test_pages_are_read_in_any_packing_and_in_pieces(
    num_bytes: int, charset: str, *, packed: bool
) -> None:
    data = PAGES.encode(charset)
    sitemap = read_sitemap(pieces(gzip.compress(data) if packed else data, num_bytes))
    assert (sitemap.kind, sitemap.fault, paths(sitemap)) == ("pages", None, ["1", "2"])
    assert tuple(entry.changed_at for entry in sitemap.entries) == MARCH


def test_an_index_lists_sitemaps() -> None:
    item = "<sitemap><loc>http://a.example/s.xml</loc></sitemap>"
    sitemap = read(f"<sitemapindex {NAMESPACE}>{item}</sitemapindex>")
    assert (sitemap.kind, paths(sitemap)) == ("index", ["s.xml"])


def test_a_text_lists_a_page_a_line() -> None:
    sitemap = read_sitemap(pieces(b"\xef\xbb\xbfhttp://a.example/1\r\n\nhttp://a.example/2", 5))
    assert (sitemap.kind, sitemap.fault, paths(sitemap)) == ("text", None, ["1", "2"])


def test_two_gzip_members_are_one_sitemap() -> None:
    data = PAGES.encode()
    sitemap = read(gzip.compress(data[:50]) + gzip.compress(data[50:]) + b"\0\0")
    assert (sitemap.fault, paths(sitemap)) == (None, ["1", "2"])


def test_locations_of_extensions_are_no_pages() -> None:
    image = '<i:image xmlns:i="http://i"><i:loc>http://a.example/x.png</i:loc></i:image>'
    other = '<i:loc xmlns:i="http://i">http://a.example/y</i:loc>'
    text = PAGES.replace("</url>", f"{image}{other}</url>")
    assert paths(read(text)) == ["1", "2"]


def test_references_and_spaces_in_a_location_are_resolved() -> None:
    text = f"<urlset {NAMESPACE}><url><loc>\n http://A.example/?a=1&amp;b=2#c </loc></url></urlset>"
    assert paths(read(text)) == ["?a=1&b=2"]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (PAGES.replace("</urlset>", ""), "bad_xml"),
        (PAGES.replace("</urlset>", "<a></b></urlset>"), "bad_xml"),
        (PAGES.replace("</urlset>", "&nbsp;</urlset>"), "bad_xml"),
        (gzip.compress(PAGES.encode())[:-9], "bad_gzip"),
        (b"http://a.example/1\nhttp://a.example/2\n\xff", "not_utf8"),
        (b"http://a.example/1\nhttp://a.example/2\n" + b"x" * 9000, "no_sitemap"),
    ],
)
def test_what_stands_before_a_fault_is_kept(text: str | bytes, fault: str) -> None:
    sitemap = read(text)
    assert (sitemap.fault, paths(sitemap)) == (fault, ["1", "2"])
    assert sitemap.detail


def test_a_wrong_checksum_is_a_fault() -> None:
    assert read(gzip.compress(PAGES.encode())[:-8] + b"12345678").fault == "bad_gzip"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ('<!DOCTYPE a [<!ENTITY b "c">]>' + PAGES.partition("\n")[2], "document_type"),
        ("<html><body>Not here</body></html>", "no_sitemap"),
        ("", "bad_xml"),
        ("<?xml version='1.0' encoding='nothing'?><urlset/>", "bad_xml"),
        ("<?xml version='1.0' encoding='zlib'?><urlset/>", "bad_xml"),
    ],
)
def test_what_is_no_sitemap_gives_its_reason(text: str, fault: str) -> None:
    sitemap = read(text)
    assert (sitemap.fault, sitemap.entries) == (fault, ())


def test_the_first_entries_of_too_many_are_kept() -> None:
    sitemap = read_sitemap([PAGES.encode()], max_entries=1)
    assert (sitemap.fault, paths(sitemap)) == ("too_many", ["1"])


def test_a_sitemap_is_read_up_to_its_bound_after_unpacking() -> None:
    bomb = gzip.compress(PAGES.encode().replace(b"</urlset>", b" " * 10_000_000 + b"</urlset>"))
    sitemap = read_sitemap([bomb], max_bytes=100_000)
    assert len(bomb) < 100_000
    assert (sitemap.fault, paths(sitemap)) == ("too_large", ["1", "2"])


def test_left_out_entries_and_dates_are_counted() -> None:
    items = "".join(
        f"<url><loc>{location}</loc><lastmod>soon</lastmod></url>"
        for location in ("/relative", "http://a.example/" + "x" * 3000, "http://a.example/1")
    )
    sitemap = read(f"<urlset>{items}</urlset>")
    assert paths(sitemap) == ["1"]
    assert sitemap.skipped == {"no_url": 1, "long_url": 1, "bad_date": 1}


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2024", datetime(2024, 1, 1, tzinfo=timezone.utc)),
        ("2024-05", datetime(2024, 5, 1, tzinfo=timezone.utc)),
        ("2024-05-06T07:08Z", datetime(2024, 5, 6, 7, 8, tzinfo=timezone.utc)),
        ("2024-05-06T07:08:09.5+02:00", datetime(2024, 5, 6, 5, 8, 9, tzinfo=timezone.utc)),
        ("2024-05-06T23:08:09-01:30", datetime(2024, 5, 7, 0, 38, 9, tzinfo=timezone.utc)),
        ("2024-13", None),
        ("0001-01-01T00:00:00+01:00", None),
        ("6 May 2024", None),
    ],
)
def test_a_date_is_a_moment_of_utc(text: str, moment: datetime | None) -> None:
    assert read_date(text) == moment
