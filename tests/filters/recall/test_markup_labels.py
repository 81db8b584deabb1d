"""Labels from markup: formulas and code count, MathJax alone does not."""

from pathlib import Path

import pytest
from fastwarc import ArchiveIterator
from fastwarc.warc import WarcRecordType

from gristmill.filters.recall.markup_labels import MarkupFacts, markup_facts

WEB = Path(__file__).parents[3] / "fixtures/web"
MATHJAX = r'<script src="MathJax.js"></script><script>x = "\(a\) \(b\) \(c\)";</script>'


def facts_of(name: str) -> list[MarkupFacts]:
    records = ArchiveIterator(str(WEB / name), record_types=WarcRecordType.response)
    return [
        markup_facts(record.reader.read().decode("utf-8", "replace"))
        for record in records
        if record.http_headers is not None and record.http_headers.status_code == 200
    ]


@pytest.mark.parametrize(
    "html",
    [
        r"<p>\(x^2\) and \[y\] and \begin{align*}z\end{align*}</p>",
        r'<script type="math/tex">x</script>' * 3,
        "<math><mi>x</mi></math>" * 3,
        '<span class="katex">x</span>' * 3,
        r'<img class="math" alt="\sqrt{x}" src="x.png">' * 3,
        '<img alt="$x$">' * 3,
        '<img class="formulaInl" alt="$x$">' * 3,
        '<img src="https://latex.codecogs.com/gif.latex?x">' * 3,
        MATHJAX + "$$x$$ $$y$$ $$z$$",
    ],
)
def test_each_spelling_of_a_formula_counts_once(html: str) -> None:
    facts = markup_facts(f"<body>{html}</body>")
    assert facts.num_formulas == 3
    assert facts.bears_formulas


@pytest.mark.parametrize(
    "html",
    [
        MATHJAX,
        MATHJAX + r"<p>\(x\) and \(y\)</p>",
        r"<pre>\(a\) \(b\) \(c\)</pre>",
        r"<code>\(a\)</code><code>\(b\)</code><code>\(c\)</code>",
        "<p>the shell's $$ and $$ and $$ and $$ and $$ and $$</p>",
        '<img alt="$">' * 3,
    ],
)
def test_what_is_no_formula_does_not_count(html: str) -> None:
    assert not markup_facts(f"<body>{html}</body>").bears_formulas


def test_loading_mathjax_is_reported_apart() -> None:
    assert markup_facts(MATHJAX).loads_tex
    assert not markup_facts("<p>MathJax</p>").loads_tex


def test_lines_of_code_are_those_of_pre() -> None:
    facts = markup_facts("<pre>a\n\n<b>b</b>\nc\n</pre><code>d</code><pre>e\nf</pre>")
    assert (facts.num_code_lines, facts.bears_code) == (5, True)


def test_documentation_of_mathematics_bears_formulas_and_other_does_not() -> None:
    mathematics = facts_of("math/mpmath.warc.gz")
    assert sum(one.bears_formulas for one in mathematics) > len(mathematics) / 2
    assert not any(one.bears_formulas for one in facts_of("code/nodejs.warc.gz"))
    assert all(one.loads_tex for one in mathematics if one.bears_formulas)
