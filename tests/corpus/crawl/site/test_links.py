"""A page's links are those a reader could follow, unless the page asks otherwise."""

import pytest

from gristmill.corpus.crawl.site.links import MAX_PAGE_BYTES, PageLinks, read_links, robots_rules

URL = "http://a.example/docs/page.html"


def read(html: str | bytes, **options: object) -> PageLinks:
    payload = html.encode() if isinstance(html, str) else html
    tags = options.get("robots_tags", ())
    charset = options.get("charset")
    assert isinstance(tags, tuple)
    assert charset is None or isinstance(charset, str)
    return read_links(payload, url=URL, charset=charset, agent="gristmill", robots_tags=tags)


def paths(found: PageLinks) -> list[str]:
    return [link.url.removeprefix("http://a.example/") for link in found.links]


def test_links_are_absolute_and_in_the_order_of_the_page() -> None:
    found = read(
        "<link rel='stylesheet' href=s.css><link rel=next href=2.html><a href='../b/?q#f'>"
        "<map><area href=/area></map><iframe src=frame></iframe><frame src=old>"
        "<a href='//b.example/x'><meta http-equiv=Refresh content=\"0; URL='moved'\">"
    )
    assert [(link.url.partition("://")[2], link.kind) for link in found.links] == [
        ("a.example/docs/2.html", "next"),
        ("a.example/b/?q", "anchor"),
        ("a.example/area", "area"),
        ("a.example/docs/frame", "frame"),
        ("a.example/docs/old", "frame"),
        ("b.example/x", "anchor"),
        ("a.example/docs/moved", "refresh"),
    ]


def test_the_first_base_counts_for_the_whole_page() -> None:
    found = read("<a href=x><base target=_top><base href=/other/><base href=/third/><a href=y>")
    assert paths(found) == ["other/x", "other/y"]


@pytest.mark.parametrize("base", ["data:text/html,x", "javascript:1", "http://"])
def test_a_base_that_is_no_web_address_does_not_count(base: str) -> None:
    assert paths(read(f"<base href='{base}'><a href=x>")) == ["docs/x"]


def test_the_canonical_url_is_told_and_followed() -> None:
    found = read("<link rel='canonical nofollow' href='/docs/page'><link rel=canonical href=/z>")
    assert found.canonical == "http://a.example/docs/page"
    assert paths(found) == ["docs/page", "z"]


def test_links_that_are_left_out_are_counted() -> None:
    found = read(
        "<a href=mailto:a@b><a href='javascript:x()'><a href=data:,x><a href='tel:1'>"
        "<a rel='external NOFOLLOW' href=x><a href=y><a href=y#2><a href='http://'>"
    )
    assert paths(found) == ["docs/y"]
    assert found.skipped == {"not_web": 4, "nofollow": 1, "repeated": 1, "no_url": 1}


def test_a_bounded_number_of_links_is_read() -> None:
    html = "".join(f"<a href={i}>" for i in range(9)).encode()
    found = read_links(html, url=URL, charset=None, agent="gristmill", max_links=4)
    assert paths(found) == [f"docs/{i}" for i in range(4)]
    assert found.skipped == {"too_many": 5}


@pytest.mark.parametrize(
    ("name", "content", "asked"),
    [
        ("robots", "noindex", (True, False)),
        ("ROBOTS", "Index, NoFollow", (False, True)),
        ("gristmill", "none", (True, True)),
        ("otherbot", "none", (False, False)),
        ("robots", "all, noarchive", (False, False)),
    ],
)
def test_a_page_may_ask_not_to_be_kept_or_followed(
    name: str, content: str, asked: tuple[bool, bool]
) -> None:
    found = read(f"<meta name={name} content='{content}'><a href=x>")
    assert (found.is_noindex, found.is_nofollow) == asked
    assert paths(found) == ([] if asked[1] else ["docs/x"])
    assert found.skipped == ({"nofollow": 1} if asked[1] else {})


@pytest.mark.parametrize(
    ("values", "rules"),
    [
        (("noindex",), {"noindex"}),
        (("NoArchive, nofollow", "noindex"), {"noindex", "nofollow"}),
        (("none",), {"noindex", "nofollow"}),
        (("otherbot: noindex, nofollow",), set()),
        (("otherbot: noindex, Gristmill: nofollow",), {"nofollow"}),
        (("unavailable_after: 25 Jun 2010 15:00:00 PST, noindex",), {"noindex"}),
        (("max-snippet: 9, nofollow",), {"nofollow"}),
    ],
)
def test_headers_may_ask_the_same(values: tuple[str, ...], rules: set[str]) -> None:
    assert robots_rules(values, agent="gristmill") == rules
    found = read("<a href=x>", robots_tags=values)
    assert (found.is_noindex, found.is_nofollow) == ("noindex" in rules, "nofollow" in rules)


def test_a_link_is_read_in_the_charset_of_its_page() -> None:
    html = "<meta charset=euc-jp><a href='/\u6c34?q=\u6c34'>\u6c34\u8eca\u5c0f\u5c4b</a>"
    assert paths(read(html.encode("euc-jp"))) == ["%E6%B0%B4?q=%BF%E5"]
    assert paths(read(html.replace("euc-jp", "utf-8"))) == ["%E6%B0%B4?q=%E6%B0%B4"]


def test_slashes_may_lean_either_way_in_a_path() -> None:
    assert paths(read(r"<a href='\b\c?d\e'><a href='mailto:a\b'>")) == ["b/c?d%5Ce"]


@pytest.mark.parametrize(
    ("payload", "reason"), [(b"\0\1" * 9, "binary"), (b"x" * (MAX_PAGE_BYTES + 1), "too_large")]
)
def test_a_page_that_is_not_searched_says_why(payload: bytes, reason: str) -> None:
    found = read(payload, robots_tags=("noindex",))
    assert (found.unread, found.links, found.is_noindex) == (reason, (), True)


def test_an_empty_page_has_no_links() -> None:
    assert read(b"") == PageLinks()
