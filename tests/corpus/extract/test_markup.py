"""One scan of a page says what it holds, and what of it the text does not depend on."""

import pytest

from gristmill.corpus.extract import extract_page
from gristmill.corpus.extract.markup import Markup, scan_markup

PROSE = "<p>A paragraph of plain words, long enough to be what this page is about, stands here.</p>"


def markup(body: str, head: str = "") -> Markup:
    return scan_markup(f"<!doctype html><html><head>{head}</head><body>{body}".encode())


HEAD = (
    "<title>T</title><meta name=a content=b><link rel=stylesheet href=x><style>p > a {}</style>"
    "<script>if (a < b) document.write('<p>')</script>"
)


def test_the_head_is_cut_and_attributes_that_nobody_reads() -> None:
    body = '<div class=c data-id=1><a href="/x" rel=next onclick="go(\'>\')">w</a></div>'
    expected = "<div class=c ><a  rel=next >w</a></div>"
    html = markup(body, HEAD).html
    assert html == f"<!doctype html><html><head></head><body>{expected}"


KEPT = {
    "a script in the body": "<div><script>var a = '<p>'</script></div>",
    "attributes that the parser compares": "<font data-x=1><font data-x=2><font data-x=3>w",
    "an attribute between others": "<p x href=y =z>",
    "an attribute that marks advertising": "<p data-ad=1 data-text-ad=2>",
    "a value that a tag never closes": "<a href='x>",
    "a style that a list has no place for": "<select><style><a href=x></a></style></select>",
    "a style of a drawing": "<svg><style><a href=x></a></style></svg>",
    "a script in a commented script": "<script><!-- <script> </script> <a href=x> --></script>",
    "what follows a section of a drawing": "<svg><![CDATA[ > ]]></svg><a href=x>",
}


@pytest.mark.parametrize("name", KEPT)
def test_what_the_parser_may_see_otherwise_is_kept(name: str) -> None:
    assert markup(KEPT[name]).html.endswith(f"<body>{KEPT[name]}")


FORMULAS = {
    "scripts": '<script type="math/tex">x</script>' * 2,
    "mathml": "<math><mi>x</mi></math>" * 2,
    "images by their text": "<img alt='$x$'><img alt='\\alpha'>",
    "images by their class": "<img class='math a' alt=x><img class=formulaInl alt=y>",
    "images by their address": "<img src='/latex.php?latex=x'><img src='//codecogs.com/a?x'>",
    "attributes": "<i data-tex='a+b'></i><span data-mathml='&lt;math>'></span>",
    "parentheses and brackets": "\\(a < b\\) and \\[a <b>b</b>\\]",
    "environments": "\\begin{align}a\\end{align} \\begin{equation*}\n\\[a\\]\\end{equation*}",
    "dollars around what is TeX": "for $x_1$ and $\\alpha$",
    "dollars in a container": "<span class=math-container>$n$</span> <span>$m$</span>",
    "sources beside pictures": "<math></math><img class=tex alt=x>" * 2,
}


@pytest.mark.parametrize("name", FORMULAS)
def test_formulas_are_counted_by_their_signs(name: str) -> None:
    assert markup(FORMULAS[name]).num_formulas == 2


NO_FORMULAS = {
    "a library": "<script src=MathJax.js></script><script>var a = '\\(x\\)'</script>",
    "code": "<code>\\(x\\)</code><pre>\\[x\\] $x_1$</pre><textarea>\\(x\\)</textarea>",
    "comments": "<!-- \\(x\\) <math> -->",
    "money": "From $5 to $10, or US$ 3 and $4, $A.",
    "variables of a shell": "echo $$ and $$, $HOME and $PATH",
    "what no block closes": "<p>\\(x</p><p>y\\)</p>",
    "line ends of TeX": "a \\\\(b\\\\) c",
    "pictures": "<img src=a.png alt='a picture' class=b>",
}


@pytest.mark.parametrize("name", NO_FORMULAS)
def test_other_signs_are_no_formulas(name: str) -> None:
    assert markup(NO_FORMULAS[name]).num_formulas == 0


def test_dollars_count_where_the_page_says_what_they_mean() -> None:
    body = "$$a$$ and $b$"
    config = "<script>MathJax = {tex: {inlineMath: [['$', '$']]}}</script>"
    assert markup(body).num_formulas == 0
    assert markup(body, "<script src=katex.js></script>").num_formulas == 1
    assert markup(body, config).num_formulas == 2


def test_lines_of_code_are_those_that_are_not_blank() -> None:
    body = "<pre><b>a</b>\n\n  b<br>&lt;\n</pre>c\n<pre>d</pre><code>e</code>"
    assert markup(body).num_code_lines == 4


def test_the_depth_is_that_of_tags_and_not_of_what_looks_like_them() -> None:
    assert markup("<div>" * 600).depth == 600
    assert markup("<div></div>" * 600).depth == 1
    assert markup("</div>" * 600 + "<div>" * 600).depth == 600
    assert markup(f"<script>'{'<div>' * 600}'</script>").depth == 1


def test_a_page_that_confuses_the_scan_has_all_its_tags_counted() -> None:
    assert markup(f"<svg><style>{'<div>' * 600}").depth >= 600
    assert markup(f"<svg><title><p><style>{'<div>' * 600}").depth >= 600


def test_the_cheap_tier_says_what_it_found() -> None:
    html = f"{PROSE}<p>\\(x\\)</p><pre>a\nb</pre>".encode()
    page = extract_page(html, mime="text/html", charset=None, tier="cheap")
    assert (page.formulas_found, page.formulas_kept) == (1, 0)
    assert (page.code_lines_found, page.code_lines_kept) == (2, 0)
