"""Code of a page stays as it was written, to the byte, in every layout of every highlighter."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gristmill.corpus.extract import ExtractedPage, extract_page

PROSE = "<p>A paragraph of plain words, long enough to be what this page is about, stands here.</p>"
CODE = "def f(x):\n\n    return x + 1\n"
SPANS = "<span>def</span> f(x):\n\n    <span>return</span> x + <span>1</span>\n"


def extract(body: str) -> ExtractedPage:
    html = f"<html><head><title>T</title></head><body><main>{PROSE}{body}</main></body></html>"
    return extract_page(html.encode(), mime="text/html", charset="utf-8")


def rows(cells: str) -> str:
    lines = CODE.splitlines()
    return "".join(cells.format(index + 1, line) for index, line in enumerate(lines))


LAYOUTS = {
    "pre": (f"<pre>{SPANS}</pre>", ""),
    "pre code": (f'<pre><code class="language-python">{SPANS}</code></pre>', "python"),
    "sphinx": (
        f'<div class="highlight-python3"><div class="highlight"><pre><span></span>{SPANS}</pre>'
        "</div></div>",
        "python3",
    ),
    "sphinx table": (
        '<table class="highlighttable"><tr><td class="linenos"><div><pre>1\n2\n3</pre></div></td>'
        f'<td class="code"><div class="highlight"><pre>{SPANS}</pre></div></td></tr></table>',
        "",
    ),
    "github": (
        '<div class="highlight highlight-source-python"><pre>' + SPANS + "</pre></div>",
        "python",
    ),
    "github blob": (
        '<table class="js-file-line-container">'
        + rows(
            '<tr><td class="blob-num" data-line-number="{}"></td><td class="blob-code">{}</td></tr>'
        )
        + "</table>",
        "",
    ),
    "highlight.js lines": (
        '<pre><code class="hljs python"><table class="hljs-ln">'
        + rows('<tr><td class="hljs-ln-numbers">{}</td><td class="hljs-ln-code">{}</td></tr>')
        + "</table></code></pre>",
        "python",
    ),
    "syntaxhighlighter": (
        '<div class="syntaxhighlighter python"><table><tr><td class="gutter"><div>1</div></td>'
        '<td class="code"><div class="container">'
        + "".join(f'<div class="line">{line or "&nbsp;"}</div>' for line in CODE.splitlines())
        + "</div></td></tr></table></div>",
        "",
    ),
    "rouge": (
        '<div class="language-ruby highlighter-rouge"><pre><code><table class="rouge-table"><tr>'
        f'<td class="rouge-gutter"><pre>1\n2\n3</pre></td><td class="rouge-code"><pre>{SPANS}</pre>'
        "</td></tr></table></code></pre></div>",
        "ruby",
    ),
    "brush": (f'<pre class="brush: python; toolbar: false">{SPANS}</pre>', "python"),
    "breaks": ("<pre>" + SPANS.replace("\n", "<br>") + "</pre>", ""),
    "numbers in spans": (
        "<pre>" + rows('<span class="lineno">{}</span>{}\n') + "</pre>",
        "",
    ),
    "copy button": (f"<pre><button>Copy</button>{SPANS}</pre>", ""),
    "no-break spaces": ("<pre>" + SPANS.replace("    ", "&nbsp;" * 4) + "</pre>", ""),
    "data-lang": (f'<pre><code data-lang="go">{SPANS}</code></pre>', "go"),
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_every_layout_gives_the_same_lines(name: str) -> None:
    body, language = LAYOUTS[name]
    page = extract(body)
    expected = CODE.replace("\n\n", "\n \n") if name == "syntaxhighlighter" else CODE
    assert f"```{language}\n{expected}```" in (page.text or "")
    assert page.code_languages == ((language,) if language else ())
    assert (page.code_lines_found, page.code_lines_kept) == (2, 2)


def test_a_fence_is_longer_than_the_backticks_in_the_code() -> None:
    assert "````\n```\nx\n```\n````" in (extract("<pre>```\nx\n```</pre>").text or "")


def test_inline_code_stands_between_more_backticks_than_it_has() -> None:
    text = extract("<p>Say <code>a`b</code> or <tt>c</tt> or <kbd>`d`</kbd>.</p>").text or ""
    assert "Say ``a`b`` or `c` or `` `d` ``." in text


def test_code_in_a_list_keeps_its_columns() -> None:
    text = extract(f"<ul><li>First:<pre>{SPANS}</pre></li><li>Second</li></ul>").text or ""
    assert f"- First:\n\n```\n{CODE}```\n\n- Second" in text


LINES = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\xa0\u200b\ufdd0\ufdd1"),
    max_size=20,
)


@given(st.lists(LINES, min_size=1, max_size=6), st.sampled_from(["p", "div", "li", "td", "center"]))
def test_code_survives_whatever_surrounds_it(lines: list[str], around: str) -> None:
    code = "\n".join(["x", *lines, "y"])
    quoted = code.replace("&", "&amp;").replace("<", "&lt;")
    page = extract(
        f"<{around}>A formula \\(a\\), a `tick`, $5 and <pre>{quoted}</pre>$6</{around}>"
    )
    assert f"\n{code}\n```" in (page.text or "")
    assert page.code_lines_found == page.code_lines_kept


@given(st.text(st.sampled_from("\ufdd0\ufdd1\ue000\ue00101$`&#xFDD0;"), max_size=30))
def test_what_looks_like_a_placeholder_replaces_nothing(noise: str) -> None:
    page = extract(f"<p>Noise {noise}</p><p>is \\(a\\) so</p><pre>code</pre>")
    text = page.text or ""
    assert text.count("$a$") == text.count("```\ncode\n```") == 1
    assert "\ufdd0" not in text
    assert "\ufdd1" not in text
