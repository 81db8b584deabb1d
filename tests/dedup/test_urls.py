"""One spelling of a URL: known answers, and what holds for every text."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gristmill.dedup.urls import INDEX_PAGES, TRACKING, UrlRules, normalize_url, url_key

STRICT = [  # RFC 3986, sections 5.2.4 and 6.2, and RFC 3492
    ("HTTP://www.EXAMPLE.com/", "http://www.example.com/"),
    ("eXAMPLE://a/./b/../b/%63/%7bfoo%7d", "example://a/b/c/%7Bfoo%7D"),
    ("http://example.com", "http://example.com/"),
    ("http://example.com:/", "http://example.com/"),
    ("http://example.com:80/", "http://example.com/"),
    ("http://example.com:0080/", "http://example.com/"),
    ("https://example.com:80/", "https://example.com:80/"),
    ("http://example.com?q", "http://example.com/?q"),
    ("http://example.com/a?", "http://example.com/a?"),
    ("http://a/b/c/./../../g", "http://a/g"),
    ("http://a/../../x/.", "http://a/x/"),
    ("http://a/%2e%2e/%2E/x", "http://a/x"),
    ("http://a/a%2fb%3f", "http://a/a%2Fb%3F"),
    ("http://a/caf\u00e9?q=\u00fc", "http://a/caf%C3%A9?q=%C3%BC"),
    ("http://a/100%", "http://a/100%25"),
    ("http://a/x y", "http://a/x%20y"),
    ("http://a/x?a[]=1", "http://a/x?a%5B%5D=1"),
    (" http://a/\n ", "http://a/"),
    ("http://B\u00dcCHER.example/", "http://xn--bcher-kva.example/"),
    ("http://b%C3%BCcher.example/", "http://xn--bcher-kva.example/"),
    ("http://\u4f8b\u3048\u3002\u30c6\u30b9\u30c8/", "http://xn--r8jz45g.xn--zckzah/"),
    ("http://[2001:DB8::1]:80/", "http://[2001:db8::1]/"),
    ("http://User:Pw@A/", "http://User:Pw@a/"),
    ("http://a/#Frag%7e", "http://a/#Frag~"),
    ("mailto:A@b.example", "mailto:A@b.example"),
    ("dns:www.example.com", "dns:www.example.com"),
    ("file:/a/../b", "file:/b"),
    ("", ""),
]
WEB = [
    ("http://www.example.com/", "https://example.com/"),
    ("https://example.com:80/", "https://example.com/"),
    ("http://example.com.:8080/", "https://example.com:8080/"),
    ("http://www.com/", "https://www.com/"),
    ("http://a.example/p/", "https://a.example/p"),
    ("http://a.example/p/index.html", "https://a.example/p"),
    ("http://a.example/Index.PHP?id=3", "https://a.example/?id=3"),
    ("http://a.example/p#part", "https://a.example/p"),
    ("http://a.example/#!/p", "https://a.example/#!/p"),
    ("http://a.example/p?utm_source=x&UTM_medium=y&id=1&gclid=z", "https://a.example/p?id=1"),
    ("http://a.example/p?fbclid=1", "https://a.example/p"),
    ("http://a.example/p?b=2&a=1&b=1", "https://a.example/p?a=1&b=2&b=1"),
    ("http://a.example/p;jsessionid=5F?x=1", "https://a.example/p?x=1"),
    ("http://a.example/p?PHPSESSID=abc&t=4", "https://a.example/p?t=4"),
    (f"http://a.example/p?sid={'0a' * 16}&t=4", "https://a.example/p?t=4"),
    ("http://a.example/p?sid=12", "https://a.example/p?sid=12"),
    ("ftp://www.a.example/p/", "ftp://www.a.example/p/"),
]


@pytest.mark.parametrize(("url", "expected"), STRICT)
def test_strict_gives_the_normal_form_of_the_rfc(url: str, expected: str) -> None:
    assert normalize_url(url, rules="strict") == expected


@pytest.mark.parametrize(("url", "expected"), WEB)
def test_web_drops_what_names_no_other_page(url: str, expected: str) -> None:
    assert normalize_url(url) == expected


PIECES = st.sampled_from(
    (
        *("http:", "https:", "HTTP:", "ftp:", "//", "/", "/./", "/../", ".", "..", ":", "@", "?"),
        *(
            "#",
            "#!",
            "&",
            "=",
            "%",
            "%2",
            "%2e",
            "%2E",
            "%41",
            "%ff",
            "%C3%BC",
            "%25",
            ";",
            "[",
            "]",
        ),
        *("[::1]", ":80", ":443", "www.", "WWW.", ".com", "a", "B", "\u00fc", "\u0130", "\u03a3"),
        *("\uff0f", "\uff0e", "\u3002", "\ud800", ";jsessionid=1", "utm_a=1", "index.html", "xn--"),
        *(" ", "\n", "\\"),
    )
)
GARBAGE = st.one_of(
    st.text(max_size=40),
    st.lists(PIECES, max_size=12).map("".join),
    st.lists(PIECES, max_size=9).map(lambda pieces: "http://" + "".join(pieces)),
)


@given(GARBAGE, st.sampled_from(["strict", "web"]))
@example("%48ttp://WWW.x.com", "web")
@example("/.//x", "strict")
@example("http://a/..;jsessionid=1/x", "web")
def test_a_normal_form_is_its_own_normal_form(text: str, rules: UrlRules) -> None:
    once = normalize_url(text, rules=rules)
    assert normalize_url(once, rules=rules) == once


@given(GARBAGE)
def test_a_normal_form_holds_only_what_a_url_may_hold(text: str) -> None:
    normal = normalize_url(text, rules="strict")
    assert re.fullmatch(r"(?:[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=]|%[0-9A-F]{2})*", normal)


@given(GARBAGE)
def test_web_merges_what_strict_merges(text: str) -> None:
    assert normalize_url(normalize_url(text, rules="strict")) == normalize_url(text)


WORD = st.text("abcxyz0189-", min_size=1, max_size=6)


@given(
    st.lists(WORD, min_size=2, max_size=3),
    st.lists(WORD, max_size=3),
    st.dictionaries(WORD, WORD, max_size=3),
    st.data(),
)
def test_equivalent_forms_are_one(
    labels: list[str], path: list[str], query: dict[str, str], data: st.DataObject
) -> None:
    choose = data.draw
    plain = "https://" + ".".join(labels) + "/" + "/".join(path)
    other = choose(st.sampled_from(["http://", "HTTPS://www.", "http://WwW."]))
    other += ".".join(choose(st.sampled_from([label, label.upper()])) for label in labels)
    other += choose(st.sampled_from(["", ":", ":80", ":443"]))
    for segment in path:
        escaped = "".join(f"%{ord(c):02x}" for c in segment)
        other += "/" + choose(
            st.sampled_from([segment, escaped, f"./{segment}", f"q/../{segment}"])
        )
    other += choose(st.sampled_from(["", "/", "/index.html", "/;jsessionid=7A"]))
    parts = [f"{name}={value}" for name, value in query.items()]
    visits = [
        f"{name}=1" for name in choose(st.lists(st.sampled_from(sorted(TRACKING)), max_size=2))
    ]
    shuffled = choose(st.permutations([*parts, *visits]))
    other += choose(st.sampled_from(["?", "?&"])) + "&".join(shuffled) if shuffled else ""
    other += choose(st.sampled_from(["", "#", "#top"]))
    plain += "?" + "&".join(parts) if parts else ""
    assert normalize_url(plain) == normalize_url(other)


def test_pages_with_another_path_or_parameter_stay_apart() -> None:
    urls = ("/a", "/b", "/A", "/a?id=1", "/a?id=2", "/a?id=1&id=2", "/a?id=2&id=1", "/a/b", "/#!a")
    keys = {url_key(f"https://a.example{url}") for url in urls}
    assert len(keys) == len(urls)


@pytest.mark.parametrize("url", ["", "page.warc", "http:///a", "dns:a.example", "//a.example/"])
def test_what_is_no_web_address_has_no_key(url: str) -> None:
    assert url_key(url) is None


def test_names_of_parameters_and_index_pages_are_in_lower_case() -> None:
    assert all(name == name.lower() for name in TRACKING | INDEX_PAGES)
