"""Links become the URLs that are fetched, and no spelling changes what they name."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gristmill.corpus.urls import fetch_url, resolve_url, strict_url

RFC = {  # RFC 3986, sections 5.4.1 and 5.4.2, in normal form
    "g:h": "g:h",
    "g": "http://a/b/c/g",
    "./g": "http://a/b/c/g",
    "g/": "http://a/b/c/g/",
    "/g": "http://a/g",
    "//g": "http://g/",
    "?y": "http://a/b/c/d;p?y",
    "g?y": "http://a/b/c/g?y",
    "#s": "http://a/b/c/d;p?q#s",
    "g#s": "http://a/b/c/g#s",
    "g?y#s": "http://a/b/c/g?y#s",
    ";x": "http://a/b/c/;x",
    "g;x": "http://a/b/c/g;x",
    "g;x?y#s": "http://a/b/c/g;x?y#s",
    "": "http://a/b/c/d;p?q",
    ".": "http://a/b/c/",
    "./": "http://a/b/c/",
    "..": "http://a/b/",
    "../": "http://a/b/",
    "../g": "http://a/b/g",
    "../..": "http://a/",
    "../../": "http://a/",
    "../../g": "http://a/g",
    "../../../g": "http://a/g",
    "/./g": "http://a/g",
    "/../g": "http://a/g",
    "g.": "http://a/b/c/g.",
    "..g": "http://a/b/c/..g",
    "./../g": "http://a/b/g",
    "./g/.": "http://a/b/c/g/",
    "g/./h": "http://a/b/c/g/h",
    "g/../h": "http://a/b/c/h",
    "g;x=1/../y": "http://a/b/c/y",
    "g?y/../x": "http://a/b/c/g?y/../x",
    "g#s/../x": "http://a/b/c/g#s/../x",
    "http:g": "http://a/b/c/g",  # as browsers read it
    # beyond the RFC's list
    "https:g": "https:g",
    "?": "http://a/b/c/d;p?",
    "//b:80/": "http://b/",
    " g\n": "http://a/b/c/g",
    "\u00fc/g:h": "http://a/b/c/%C3%BC/g:h",
}


@pytest.mark.parametrize(("reference", "expected"), RFC.items())
def test_references_are_resolved_as_the_rfc_does(reference: str, expected: str) -> None:
    assert resolve_url(reference, base="http://a/b/c/d;p?q") == expected


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("HTTP://B\u00fccher.example:80#top", "http://xn--bcher-kva.example/"),
        ("https://a/index.html?utm_source=x", "https://a/index.html?utm_source=x"),
        ("http://www.a.example/b/?", "http://www.a.example/b/?"),
        ("mailto:a@b", None),
        ("//a.example/", None),
        ("http:///a", None),
        ("page.html", None),
        ("file:///etc/passwd", None),
    ],
)
def test_what_is_fetched_is_a_web_page_without_its_fragment(url: str, expected: str | None) -> None:
    assert fetch_url(url) == expected


@given(st.text(alphabet="ab:/?#.%@[]\\ \u00fc\ud800", max_size=20))
def test_what_is_resolved_is_in_normal_form(reference: str) -> None:
    resolved = resolve_url(reference, base="http://a/b/c/d;p?q")
    assert strict_url(resolved) == resolved
    url = fetch_url(resolved)
    assert url is None or (fetch_url(url) == url and "#" not in url)
