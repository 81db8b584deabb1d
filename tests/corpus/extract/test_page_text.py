"""A page becomes Markdown that reads as the page does, without its furniture."""

import pytest

from gristmill.corpus.extract import ExtractedPage, extract_page

PROSE = "A paragraph of plain words, long enough to be what this page is about, stands here."


def extract(body: str, head: str = "<title>A title</title>", tag: str = "html") -> ExtractedPage:
    html = f"<{tag}><head>{head}</head><body>{body}</body></html>"
    return extract_page(html.encode(), mime="text/html", charset="utf-8")


BLOCKS = {
    "headings": ("<h2>Part  one</h2><p>Text.</p><h3>Sub</h3>", "## Part one\n\nText.\n\n### Sub"),
    "list": ("<ul><li>a</li><li>b<li>c</ul>", "- a\n- b\n- c"),
    "numbers": ("<ol start=3><li>a<li>b</ol>", "3. a\n4. b"),
    "nested list": ("<ul><li>a<ul><li>b</ul><li>c</ul>", "- a\n  - b\n- c"),
    "line break": ("<p>one<br>two</p>", "one\ntwo"),
    "white space": ("<p>  one\n   <b>two</b>\tthree&nbsp;four </p>", "one two three four"),
    "table": (
        "<table><tr><th>a<th>b<tr><td>1<td>2|3</table>",
        "| a | b |\n| --- | --- |\n| 1 | 2\\|3 |",
    ),
    "table with a span": (
        "<table><tr><th colspan=2>a</th></tr><tr><td>1</td><td>\\(x\\)</td></tr></table>",
        "| a |  |\n| --- | --- |\n| 1 | $x$ |",
    ),
    "layout table": (f"<table><tr><td><p>{PROSE}</p><h2>A</h2></td></tr></table>", "## A"),
    "definitions": ("<dl><dt>term</dt><dd>meaning</dd></dl>", "term\nmeaning"),
    "references": ("<p>a &lt; b &amp;&amp; &#99; &eacute;</p>", "a < b && c \u00e9"),
}


@pytest.mark.parametrize("name", BLOCKS)
def test_a_block_reads_as_on_the_page(name: str) -> None:
    body, expected = BLOCKS[name]
    assert expected in (extract(f"<main><p>{PROSE}</p>{body}</main>").text or "")


def test_the_title_stands_first_and_once() -> None:
    assert (extract(f"<p>{PROSE}</p>").text or "").startswith("# A title\n\nA paragraph")
    page = extract(f"<main><h1>The heading</h1><p>{PROSE}</p></main>")
    assert (page.text or "").startswith("# The heading\n\nA paragraph")
    assert page.title == "A title"
    page = extract(f"<main><h2>A title</h2><p>{PROSE}</p></main>")
    assert (page.text or "").startswith("## A title\n\nA paragraph")


FURNITURE = {
    "navigation": "<nav><a href=/>Home</a> <a href=/x>Words</a></nav>",
    "sidebar": f"<div class='sidebar'><p>Words. {PROSE[:50]}</p></div>",
    "share buttons": "<ul class='share-buttons'><li>Words</li></ul>",
    "related": "<div id=related-posts><p>Words, and more words to read.</p></div>",
    "comments": f"<div id=comments><p>Words. {PROSE}</p></div>",
    "links": "<ul><li><a href=/1>Words</a></li><li><a href=/2>More words</a></li></ul>",
    "hidden": f"<div style='display:none'><p>Words. {PROSE}</p></div>",
    "script": "<script>document.write('<p>Words</p>')</script>",
    "noscript": "<noscript>Words</noscript>",
    "footer": "<footer>Words</footer>",
    "caption": "<figure><img src=a.png><figcaption>Words</figcaption></figure>",
}


@pytest.mark.parametrize("name", FURNITURE)
def test_the_furniture_of_a_page_is_left_out(name: str) -> None:
    text = extract(f"<div>{f'<p>{PROSE}</p>' * 5}{FURNITURE[name]}</div>").text or ""
    assert text.count(PROSE) == 5
    assert "ords" not in text.replace("plain words", "")


def test_the_language_of_the_page_is_a_hint() -> None:
    assert extract(f"<p>{PROSE}</p>", tag="html lang='zh-CN'").language_hint == "zh-CN"


def test_a_link_into_the_page_itself_is_no_link_away() -> None:
    items = "".join(f"<li><a href='http://h.org/p#{i}'>part {i}</a></li>" for i in range(9))
    html = f"<body><main><p>{PROSE}</p><ul>{items}</ul></main></body>".encode()
    page = extract_page(html, mime="text/html", charset=None, url="http://h.org/p")
    assert "- part 8" in (page.text or "")
    assert "- part 8" not in (extract_page(html, mime="text/html", charset=None).text or "")


@pytest.mark.parametrize(
    "mime", ["text/plain", "text/x-python", "application/x-tex", "application/x-ipynb+json"]
)
def test_a_source_is_passed_as_it_is(mime: str) -> None:
    source = b"\\section{A} $x$\n\tif a < b:\n"
    page = extract_page(source, mime=mime, charset=None)
    assert (page.text, page.tier) == (source.decode(), "raw")


def test_a_page_without_text_is_dropped_with_its_reason() -> None:
    page = extract("<script>1</script>", head="")
    assert (page.text, page.read_drop) == (None, "empty")
    assert page.reason == "the fine text is empty"


def test_the_cheap_tier_is_plain_text() -> None:
    html = f"<main><h1>A</h1><p>{PROSE}</p></main>".encode()
    page = extract_page(html, mime="text/html", charset=None, tier="cheap")
    assert (page.tier, page.text) == ("cheap", f"A\n\n{PROSE}")


def test_a_broken_page_reads_as_in_a_browser() -> None:
    text = extract(f"<p>{PROSE}<p><a href=x><div>in</a> the <b>block</div></i> after").text or ""
    assert "in the block\n\nafter" in text
