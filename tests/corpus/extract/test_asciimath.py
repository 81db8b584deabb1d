"""AsciiMath becomes the TeX that its own page shows for it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gristmill.corpus.extract.asciimath import asciimath_to_tex

FORMULAS = {
    "x/2": "\\frac{x}{2}",
    "(a+b)/(c-d)": "\\frac{a + b}{c - d}",
    "sqrt x": "\\sqrt{x}",
    "sqrt(x+1)": "\\sqrt{x + 1}",
    "root(3)(x)": "\\sqrt[3]{x}",
    "x_1^2": "x_1^2",
    "x^(n+1)": "x^{n + 1}",
    "e^(i pi)": "e^{i \\pi}",
    "sum_(i=1)^n i^3": "\\sum_{i = 1}^n i^3",
    "int_0^1 f(x) dx": "\\int_0^1 f (x) dx",
    "alpha != beta": "\\alpha \\ne \\beta",
    "a <= b": "a \\le b",
    "lim_(x->oo)": "\\lim_{x \\to \\infty}",
    "frac a b": "\\frac{a}{b}",
    "vec v": "\\vec{v}",
    "[[a,b],[c,d]]": "\\left[ \\begin{matrix} a & b \\\\ c & d \\end{matrix} \\right]",
    "text(if )x": "\\text{if} x",
    '"for all" x': "\\text{for all} x",
    "RR": "\\mathbb{R}",
    "abs(x)": "\\left|x\\right|",
    "{x : x > 0}": "\\{x : x > 0\\}",
    "f: A -> B": "f : A \\to B",
}


@pytest.mark.parametrize("source", FORMULAS)
def test_a_formula_becomes_tex(source: str) -> None:
    assert asciimath_to_tex(source) == FORMULAS[source]


def test_a_formula_nested_too_deep_is_a_text() -> None:
    assert asciimath_to_tex("(" * 99) == "\\text{" + "(" * 99 + "}"


@given(st.text(st.sampled_from("ab12()[]{},/^_|\"' sqrtfrac->=<"), max_size=60))
def test_any_text_gives_balanced_groups(source: str) -> None:
    tex = asciimath_to_tex(source).replace("\\{", "").replace("\\}", "")
    assert tex.count("{") == tex.count("}")
