"""Start tags are found as the HTML standard has them, and in linear time."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastwarc import ArchiveIterator
from hypothesis import given
from hypothesis import strategies as st
from selectolax.lexbor import LexborHTMLParser

from gristmill.corpus.crawl.site.tags import start_tags, unescape
from gristmill.corpus.extract.charset import decode_page

WEB = Path(__file__).parents[4] / "fixtures/web"


def links(html: str) -> list[str | None]:
    return [tag.attributes.get("href") for tag in start_tags(html, ("a",))]


def lexbor_links(html: str) -> list[str | None]:
    return [
        # lexbor has None for what the standard has as "".
        node.attributes["href"] or ""
        for node in LexborHTMLParser(html).css("a[href]")
    ]


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<a href=/x>", ["/x"]),
        ("<A HREF = '/x'>", ["/x"]),
        ('<a\nhref="/x>y"\t/>', ["/x>y"]),
        ("<a/href=/x/>", ["/x/"]),
        ('<a href="/x"href="/y">', ["/x"]),
        ("<a href>", [""]),
        ("<a name=x>", [None]),
        ("<abbr href=/x><a-b href=/x>", []),
        ("<!-- <a href=/x> --><a href=/y>", ["/y"]),
        ("<!--><a href=/y>-->", ["/y"]),
        ("<!-- --!><a href=/y>", ["/y"]),
        ("<!doctype html><?php <a href=/x>?><a href=/y>", ["/y"]),
        ("</a href='<a href=/x>'><a href=/y>", ["/y"]),
        ("</><a href=/y>", ["/y"]),
        ("</1<a href=/x><a href=/y>", ["/y"]),
        ("<script>'<a href=/x>'</scripts></SCRIPT ><a href=/y>", ["/y"]),
        ("<title><a href=/x></title><a href=/y>", ["/y"]),
        ("<img alt='<a href=/x>'><a href=/y>", ["/y"]),
        ("1 < 2 <a href=/y>", ["/y"]),
        ("<a href=/x", []),
        ("<a href='/x><a href=/y>", []),
        ("<script><a href=/x>", []),
        ("<!-- <a href=/x>", []),
        ("<a =href=/x href=/y>", ["/y"]),
    ],
)
def test_tags_are_found_where_they_are_tags(html: str, expected: list[str | None]) -> None:
    assert links(html) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("/?a=1&amp;b=2", "/?a=1&b=2"),
        ("/?a=1&copy=2&lt", "/?a=1&copy=2<"),
        ("/?a=1&copyright=2", "/?a=1&copyright=2"),
        ("/?a&notit;&nosuch;", "/?a&notit;&nosuch;"),
        ("&#65;&#x42&#0;&#xD800;&#99999999999;", "AB\ufffd\ufffd\ufffd"),
        ("&&#;&#x;", "&&#;&#x;"),
    ],
)
def test_references_are_resolved_as_in_attributes(value: str, expected: str) -> None:
    assert unescape(value) == expected


PIECES = st.sampled_from(
    (
        *("<a", " href", "=", "/x", ">", "'", '"', "<", "/", "</a", "</", " ", "b=1", "&amp;", "y"),
        *("<!--", "-->", "--!>", "<!", "<b", "</b>", "<i x", "<!-->", "-", "!"),
    )
)


@given(st.lists(PIECES, max_size=14).map("".join))
def test_a_tree_parser_finds_the_same_links(html: str) -> None:
    ours = [link for link in links(html) if link is not None]
    theirs = lexbor_links(html)
    # A tree holds a link again where it reopens it after what closed its parent.
    assert list(dict.fromkeys(ours)) == list(dict.fromkeys(theirs))


def pages() -> Iterator[str]:
    for path in sorted(WEB.rglob("*.warc.gz")):
        with path.open("rb") as stream:
            for record in ArchiveIterator(stream):
                if record.headers["WARC-Type"] == "response" and record.http_headers:
                    text = decode_page(record.reader.read(), record.http_charset, is_html=True)
                    if not isinstance(text, str):
                        yield text.text


def test_a_tree_parser_finds_the_same_links_on_real_pages() -> None:
    num_links = 0
    for page in pages():
        ours = [link for link in links(page) if link is not None]
        assert list(dict.fromkeys(ours)) == list(dict.fromkeys(lexbor_links(page)))
        num_links += len(ours)
    assert num_links > 10_000


# Each would take minutes to years at this size if the time grew with its square.
@pytest.mark.parametrize(
    "piece",
    [
        *("<div>", "<a b", "<a b='", "<a b=\"'", "<!--", "<script>", "</script", "</", "<", "<a ="),
        *("<a b=&", "<title>", "<!", "<a/", "<x y=z>", "<a><b>"),
    ],
)
def test_hostile_pages_take_linear_time(piece: str) -> None:
    assert sum(1 for _ in start_tags(piece * 200_000, ("a",))) <= 200_000


def test_a_tag_with_many_attributes_takes_linear_time() -> None:
    (tag,) = start_tags(f"<a {' '.join(f'a{i}=&amp;' for i in range(100_000))}>", ("a",))
    assert len(tag.attributes) == 100_000
