"""The scan of markup in C is its twin in Python, and its cuts are none that a text depends on."""

import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest
from fastwarc import ArchiveIterator, WarcRecordType
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.corpus.extract.cheap import html_text
from gristmill.corpus.extract.kernel import markup_kernel
from gristmill.corpus.extract.markup import scan_markup
from gristmill.corpus.extract.markup_scan import Scanned, scan
from gristmill.corpus.extract.utf8 import is_plain_utf8, is_plain_utf8_twin

FIXTURES = Path(__file__).parents[3] / "fixtures/web"
TAGS = re.findall(
    r"\S+",
    "html head /head body meta link base title /title script /script style /style noscript"
    " /noscript svg /svg math /math select /select option template /template col table tr td"
    " /table frameset plaintext textarea /textarea iframe /iframe xmp /xmp foreignObject"
    " /foreignobject desc annotation-xml mi /mi pre /pre code /code br p /p div /div ul li a"
    " /a b /b font img SCRIPT IMG verylongelementnamexx",
)
ATTRIBUTES = (
    "href=x",
    "src='/latex.php?x'",
    'content="a > b"',
    "data-x=1",
    "data-ad=1",
    "data-tex='x'",
    'onclick="f(<p>)"',
    "type='math/tex'",
    "type=hidden",
    "alt='$x$'",
    'alt="\\alpha"',
    "class='tex a'",
    "CLASS=b",
    "encoding='text/html'",
    "x",
    "=",
    "/",
    '"',
    "'",
    "verylongattributename=1",
)
TEXTS = re.findall(
    "[^ ]+",
    "words and more words \\( \\) \\[ \\] $$ $ x_1 ^{2} \\begin{align*} \\end{align*} 5 \n \xe9 < >"
    " </ <!-- --> --!> <!--> <![CDATA[ ]]> <!doctype? <? &lt; &nbsp; \\ $1 \0",
)
PIECES = st.one_of(
    st.sampled_from([f"<{tag}>" for tag in TAGS]),
    st.sampled_from(TEXTS),
    st.builds(
        lambda tag, attributes, end: f"<{tag} {' '.join(attributes)}{end}",
        st.sampled_from(TAGS),
        st.lists(st.sampled_from(ATTRIBUTES), max_size=3),
        st.sampled_from((">", "/>", "")),
    ),
)
PAGES = st.builds(
    lambda head, pieces: head + "".join(pieces),
    st.sampled_from(("", "<!doctype html><html><head>", "<!doctype html><body><p>words</p>")),
    st.lists(PIECES, max_size=40),
)


def native_scan(page: bytes) -> Scanned:
    kernel = markup_kernel()
    assert kernel is not None, "the C extension was not built: is there a compiler?"
    return Scanned(*kernel.scan(page))


def real_pages() -> Iterator[bytes]:
    for path in sorted(FIXTURES.rglob("*.warc.gz")):
        with path.open("rb") as stream:
            for record in ArchiveIterator(stream, record_types=WarcRecordType.response):
                yield record.reader.read()


@given(PAGES)
@settings(max_examples=200, deadline=None)
def test_the_kernel_is_its_twin_on_any_markup(page: str) -> None:
    assert native_scan(page.encode()) == scan(page.encode())


@given(st.binary(max_size=60), PAGES)
@settings(max_examples=50, deadline=None)
def test_the_kernel_is_its_twin_on_bytes_that_are_no_text(garbage: bytes, page: str) -> None:
    assert native_scan(garbage + page.encode()) == scan(garbage + page.encode())


def test_the_kernel_is_its_twin_on_real_pages_and_where_they_are_torn() -> None:
    for number, page in enumerate(real_pages()):
        if number % 12 == 0:
            half = page[: len(page) * 2 // 3]
            assert native_scan(page) == scan(page)
            assert native_scan(half) == scan(half)


@given(PAGES.filter(lambda page: "\0" not in page))
@settings(max_examples=150, deadline=None)
def test_the_text_of_any_markup_is_the_same_after_the_cuts(page: str) -> None:
    assert html_text(scan_markup(page.encode()).html) == html_text(page)


def test_the_text_of_real_pages_is_the_same_after_the_cuts() -> None:
    num_cut = 0
    for page in islice(real_pages(), 0, None, 3):
        html = page.decode("utf-8", "replace")
        cut = scan_markup(page).html
        num_cut += len(html) - len(cut)
        assert html_text(cut) == html_text(html)
    assert num_cut > 50_000


@given(st.one_of(st.binary(), st.text().map(str.encode), st.binary().map(b"a\xf0\x9f".__add__)))
@settings(max_examples=150)
def test_utf8_is_told_as_by_a_decoder(data: bytes) -> None:
    assert is_plain_utf8(data) == is_plain_utf8_twin(data)


@pytest.mark.parametrize(
    "data",
    [b"\xed\xa0\x80", b"\xe0\x9f\xbf", b"\xf0\x8f\xbf\xbf", b"\xf4\x90\x80\x80", b"\xc1\xbf"],
)
def test_surrogates_and_overlong_forms_are_no_utf8(data: bytes) -> None:
    assert not is_plain_utf8(b"a" * 20 + data)
