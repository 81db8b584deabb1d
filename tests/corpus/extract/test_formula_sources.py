"""One page for every place where pages keep the source of a formula."""

import pytest

from gristmill.corpus.extract import ExtractedPage, extract_page

PROSE = "<p>A paragraph of plain words, long enough to be what this page is about, stands here.</p>"


def extract(body: str, head: str = "") -> ExtractedPage:
    html = (
        f"<html><head><title>T</title>{head}</head><body><main>{PROSE}{body}</main></body></html>"
    )
    return extract_page(html.encode(), mime="text/html", charset="utf-8")


KATEX = (
    '<span class="katex"><span class="katex-mathml"><math><semantics><mrow><mi>c</mi></mrow>'
    '<annotation encoding="application/x-tex">c^2 = a^2</annotation></semantics></math></span>'
    '<span class="katex-html" aria-hidden="true"><span>c</span><span>2</span></span></span>'
)
MATHJAX_2 = (
    '<span class="MathJax_Preview">drawn</span><span class="MathJax" id="M-1"><nobr>drawn</nobr>'
    '</span><script type="math/tex" id="M-1">x &lt; y</script>'
)
WIKIPEDIA = (
    '<span class="mwe-math-element"><span style="display: none;"><math '
    'alttext="{\\displaystyle E}">'
    '<semantics><mi>E</mi><annotation encoding="application/x-tex">{\\displaystyle E=mc^{2}}'
    '</annotation></semantics></math></span><img class="mwe-math-fallback-image-inline" '
    'src="https://wikimedia.org/api/rest_v1/media/math/render/svg/9f" '
    'alt="{\\displaystyle E}"></span>'
)
ASSISTIVE = (
    '<mjx-container display="true"><mjx-math><mjx-mi></mjx-mi></mjx-math><mjx-assistive-mml>'
    "<math><mfrac><mn>1</mn><mi>x</mi></mfrac></math></mjx-assistive-mml></mjx-container>"
)
SOURCES = {
    "mathjax 2 script": (f"<p>Let {MATHJAX_2} be</p>", "Let $x &lt; y$ be"),
    "mathjax 2 display": ('<script type="math/tex; mode=display">\\int f</script>', "$$\\int f$$"),
    "mathjax 3 assistive": (f"<p>So {ASSISTIVE}</p>", "$$\\frac{1}{x}$$"),
    "data-mathml": (
        '<p>So <span class="MathJax_CHTML" data-mathml="<math><mi>a</mi><mo>+</mo><mi>b</mi>'
        '</math>">a+b</span>.</p>',
        "So $a+b$.",
    ),
    "katex": (f"<p>So {KATEX}.</p>", "So $c^2 = a^2$."),
    "katex display": (f'<span class="katex-display">{KATEX}</span>', "$$c^2 = a^2$$"),
    "wikipedia": (f"<p>Then {WIKIPEDIA} holds</p>", "Then $E=mc^{2}$ holds"),
    "alttext": ('<p><math alttext="\\alpha_1"><mi>a</mi></math></p>', "$\\alpha_1$"),
    "mathml": ("<p>is <math><msup><mi>x</mi><mn>2</mn></msup></math>.</p>", "is $x^2$."),
    "asciimath script": ('<p><script type="math/asciimath">sum_i x/2</script></p>', "$\\sum_i"),
    "wordpress image": (
        '<p>is <img src="/latex.php?latex=x%5E2+y&bg=fff" alt="">.</p>',
        "$x^2 y$.",
    ),
    "codecogs": (
        '<p>is <img src="//latex.codecogs.com/gif.latex?\\inline&space;a_b">.</p>',
        "a_b$",
    ),
    "mimetex": ('<p>is <img src="/cgi-bin/mimetex.cgi?\\frac{1}{2}">.</p>', "$\\frac{1}{2}$."),
    "google chart": ('<p>is <img src="/chart?cht=tx&chl=%5Cpi">.</p>', "$\\pi$."),
    "zhihu": (
        '<p>is <img src="https://www.zhihu.com/equation?tex=k_i" alt="k_i" eeimg="1"></p>',
        "$k_i$",
    ),
    "sphinx image": ('<p>is <img class="math" src="a.png" alt="n &lt; 5">.</p>', "is $n < 5$."),
    "sphinx displayed image": (
        '<div class="math"><p><img src="_images/math/0.png" alt="x = 1"></p></div>',
        "$$x = 1$$",
    ),
    "doxygen image": ('<p>is <img class="formulaInl" alt="$ n^2 $" src="f.png">.</p>', "$n^2$."),
    "data attribute": ('<p>is <span data-katex="f\\circ g">?</span>.</p>', "is $f\\circ g$."),
    "pandoc": ('<p>is <span class="math inline">\\(z\\)</span>.</p>', "is $z$."),
    "arithmatex": ('<div class="arithmatex">\\[z\\]</div>', "$$z$$"),
    "stack exchange": ('<p>is <span class="math-container">$n$</span>.</p>', "is $n$."),
    "parentheses": ("<p>is \\(a+b\\).</p>", "is $a+b$."),
    "brackets across lines": ("<p>is \\[a<br>+b\\]</p>", "$$a\n+b$$"),
    "double dollars": ("<p>is $$a$$</p>", "is $$a$$"),
    "sure dollars": ("<p>is $\\alpha$ here.</p>", "is $\\alpha$ here."),
    "wordpress text": ("<p>is $latex x+1$ here.</p>", "is $x+1$ here."),
    "itex": ("<p>is [itex]q[/itex] here.</p>", "is $q$ here."),
    "tex": ("<p>is [tex]q[/tex]</p>", "$$q$$"),
    "environment": (
        "<p>So \\begin{align} a &amp;= b \\end{align} holds</p>",
        "$$\\begin{align} a &= b \\end{align}$$",
    ),
    "across emphasis": ("<p>is \\(a<em>b</em>c\\).</p>", "is $abc$."),
}


@pytest.mark.parametrize("name", SOURCES)
def test_each_source_of_a_formula_is_kept(name: str) -> None:
    body, expected = SOURCES[name]
    page = extract(body)
    assert expected in (page.text or "")
    assert page.formulas_found == page.formulas_kept == 1


@pytest.mark.parametrize("name", SOURCES)
def test_no_picture_of_a_formula_stays_beside_its_source(name: str) -> None:
    text = extract(SOURCES[name][0]).text or ""
    assert "drawn" not in text
    assert "alt=" not in text


def test_a_picture_without_a_source_is_kept_as_text() -> None:
    page = extract('<p>So <span class="MathJax"><nobr>x + y</nobr></span> is drawn.</p>')
    assert "So x + y is drawn." in (page.text or "")


def test_money_is_no_formula() -> None:
    page = extract("<p>From $5 to $10, or US$ 3 and $4.</p>")
    assert page.formulas_found == 0
    assert "From $5 to $10, or US$ 3 and $4." in (page.text or "")


@pytest.mark.parametrize(
    "text",
    [
        'It is ignored if $GIT_COMMON_DIR is set and "$GIT_COMMON_DIR/hooks" is used.',
        "Put it into $my_dir/bin:$other_dir/bin first.",
        'echo "$file_name", "$other_name"',
    ],
)
def test_variables_of_a_shell_are_no_formulas(text: str) -> None:
    page = extract(f"<p>{text}</p>")
    assert page.formulas_found == 0
    assert text in (page.text or "")


def test_a_picture_in_a_box_named_for_mathematics_is_no_formula() -> None:
    body = '<div class="post math"><p><img src="/me.jpg" alt="A photo of me"></p></div>'
    assert extract(body).formulas_found == 0


def test_money_is_marked_where_there_are_formulas() -> None:
    page = extract("<p>It costs $5, and \\(x\\) costs $6.</p><pre>$7</pre>")
    assert "It costs \\$5, and $x$ costs \\$6.\n\n```\n$7\n```" in (page.text or "")


CONFIG = """<script type="text/x-mathjax-config">MathJax.Hub.Config({tex2jax:
{inlineMath: [['$','$'], ['\\\\(','\\\\)']]}});</script><script src="/MathJax.js"></script>"""
CONFIGS = {
    "mathjax 2": CONFIG,
    "mathjax 3": "<script>MathJax = {tex: {inlineMath: [['$', '$']]}}</script>",
    "katex": "<script>renderMathInElement(document.body, {delimiters: [{left: '$$', right: '$$'},"
    " {left: '$', right: '$'}]}); // katex</script>",
}


@pytest.mark.parametrize("name", CONFIGS)
def test_a_page_says_that_single_dollars_are_delimiters(name: str) -> None:
    body = "<p>For all $n = 1$ it holds.</p>"
    assert extract(body, CONFIGS[name]).formulas_kept == 1
    assert extract(body).formulas_kept == 0


def test_backticks_are_formulas_where_asciimath_is_loaded() -> None:
    body = "<p>So `x/2` it is.</p>"
    page = extract(body, '<script src="MathJax.js?config=AM_HTMLorMML"></script>')
    assert "So $\\frac{x}{2}$ it is." in (page.text or "")
    assert "So `x/2` it is." in (extract(body).text or "")


def test_delimiters_in_code_are_code() -> None:
    page = extract("<p>Write <code>\\(x\\)</code> so:</p><pre>\\[\nx\n\\]</pre>")
    assert page.formulas_found == 0
    assert "Write `\\(x\\)` so:\n\n```\n\\[\nx\n\\]\n```" in (page.text or "")


def test_the_formulas_outside_the_content_are_counted_and_said() -> None:
    page = extract("</main><footer><p>Powered by \\(x\\)</p></footer>")
    assert (page.formulas_found, page.formulas_kept) == (1, 0)
    assert page.reason == "1 formulas are outside the main content"
