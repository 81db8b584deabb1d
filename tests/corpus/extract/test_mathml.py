"""Presentation MathML becomes TeX that sets the same formula."""

import pytest

from gristmill.corpus.extract.mathml import mathml_to_tex
from gristmill.corpus.extract.parse import parse

FORMULAS = {
    "<mi>x</mi><mo>=</mo><mn>5</mn>": "x=5",
    "<mi>sin</mi><mi>x</mi>": "\\sin x",
    "<msub><mi>a</mi><mi>i</mi></msub>": "a_i",
    "<msubsup><mi>a</mi><mn>1</mn><mrow><mi>n</mi><mo>+</mo><mn>1</mn></mrow></msubsup>": (
        "a_1^{n+1}"
    ),
    "<mfrac><mn>1</mn><mi>&#x3B1;</mi></mfrac>": "\\frac{1}{\\alpha}",
    "<mfrac linethickness='0'><mi>n</mi><mi>k</mi></mfrac>": "\\binom{n}{k}",
    "<msqrt><mi>x</mi><mo>+</mo><mi>y</mi></msqrt>": "\\sqrt{x+y}",
    "<mroot><mi>x</mi><mn>3</mn></mroot>": "\\sqrt[3]{x}",
    "<munderover><mo>&#x2211;</mo><mrow><mi>i</mi><mo>=</mo><mn>0</mn></mrow><mi>n</mi>"
    "</munderover>": "\\sum_{i=0}^n",
    "<munder><mi>lim</mi><mrow><mi>x</mi><mo>&rarr;</mo><mn>0</mn></mrow></munder>": (
        "\\lim_{x\\to0}"
    ),
    "<mover><mi>x</mi><mo>&#xAF;</mo></mover>": "\\overline{x}",
    "<mover accent='true'><mi>v</mi><mo>&rarr;</mo></mover>": "\\vec{v}",
    "<mfenced open='[' close=')'><mi>a</mi><mi>b</mi></mfenced>": "\\left[ a,b \\right)",
    "<mtable><mtr><mtd><mi>a</mi></mtd><mtd><mi>b</mi></mtd></mtr><mtr><mtd><mi>c</mi></mtd>"
    "<mtd><mi>d</mi></mtd></mtr></mtable>": "\\begin{matrix} a & b \\\\ c & d \\end{matrix}",
    "<mtext>if and only if</mtext>": "\\text{if and only if}",
    "<mi mathvariant='bold'>v</mi>": "\\mathbf{v}",
    "<mi>&#x211D;</mi>": "\\mathbb{R}",
    "<mi>f</mi><mo>&#x2061;</mo><mo>(</mo><mi>x</mi><mo>)</mo>": "f(x)",
    "<mi>&#x3B1;</mi><mi>x</mi>": "\\alpha x",
    "<mmultiscripts><mi>X</mi><mi>a</mi><mi>b</mi><mprescripts/><mi>c</mi><none/>"
    "</mmultiscripts>": "{}_cX_a^b",
    "<mphantom><mi>x</mi></mphantom><mi>y</mi>": "y",
    "<m:mfrac><m:mn>1</m:mn><m:mn>2</m:mn></m:mfrac>": "\\frac{1}{2}",
}


@pytest.mark.parametrize("source", FORMULAS)
def test_an_expression_becomes_tex(source: str) -> None:
    (math,) = (node for node in parse(f"<math>{source}</math>").nodes() if node.tag == "math")
    assert mathml_to_tex(math) == FORMULAS[source]


def test_tables_in_tables_cost_no_power_of_their_depth() -> None:
    source = "<mtable><mtr><mtd>" * 30 + "<mi>q</mi>"
    assert mathml_to_tex(parse(source)).count("q") == 1
