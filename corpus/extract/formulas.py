"""Where pages keep the source of a formula: scripts, annotations, attributes, MathML, images.

A formula often stands twice in a page, as its source and as the picture that a library drew of it.
The source is taken. The picture is dropped only where its source is in it or beside it.
"""

import re
from collections.abc import Iterable
from itertools import islice
from typing import Final

import msgspec

from .asciimath import asciimath_to_tex
from .images import image_formula
from .mathml import mathml_to_tex
from .parse import parse
from .tex import Formula, bare_formula, looks_like_tex
from .tree import Node

MAX_CONTAINED: Final = 3000  # elements of one formula; wrappers in wrappers are each searched
# A library's picture of a formula, or a wrapper around its source and its picture.
_CONTAINERS: Final = frozenset(
    (
        *("katex", "katex-display", "katex-mathml"),
        *("MathJax", "MathJax_Display", "MathJax_CHTML"),
        *("MathJax_SVG", "MathJax_SVG_Display"),
        *("MathJax_MathML", "MJXc-display", "MathJax_Preview"),
        *("mwe-math-element", "mjx-chtml", "MathJax_MathContainer", "MathJax_Processed"),
    )
)
_DISPLAY: Final = frozenset(
    (
        *("katex-display", "MathJax_Display"),
        *("MJXc-display", "MathJax_SVG_Display", "math-display"),
        *("mwe-math-element-block", "display-math", "katex-block", "displaymath", "display"),
    )
)
_TEX_CLASSES: Final = frozenset(
    (
        *("math", "math-tex", "arithmatex"),
        *("wp-katex-eq", "katex-eq", "latex-formula", "mathtex"),
        *("math-inline", "math-display", "inline-math", "display-math", "tex-math", "texmath"),
        *("math-block", "katex-inline", "katex-block", "MathEquation", "displaymath"),
    )
)
# Around text in which single dollars are delimiters, whatever the page says.
DOLLAR_CLASSES: Final = frozenset(("math-container", "mathjax_process", "tex2jax_process"))
_ATTRIBUTES: Final = ("data-expr", "data-katex", "data-latex", "data-tex", "data-formula")
_MORE_ATTRIBUTES: Final = ("data-math", "data-equation", "data-mathml", "data-original-mathml")
_SCRIPT_TYPE = re.compile(r"math/(tex|latex|asciimath|mml)\b\s*(;\s*mode\s*=\s*display)?", re.I)
_HINTS = re.compile("[Mm]ath|[Kk]a[Tt]e[Xx]|tex|mwe-|mjx|MJX|data-(?:expr|formula|equation)")


class Scripts(msgspec.Struct, frozen=True):
    """Which siblings of an element are sources that libraries left behind their pictures."""

    positions: frozenset[int] = frozenset()

    def covers(self, index: int) -> bool:
        """Tell whether a source follows close behind the sibling at this position."""
        return not self.positions.isdisjoint((index + 1, index + 2, index + 3))


def source_scripts(children: Iterable["Node | str"]) -> Scripts:
    """Return the formula sources among an element's children; white space is no sibling."""
    positions = set()
    index = 0
    for child in children:
        if isinstance(child, Node):
            if child.tag == "script" and _SCRIPT_TYPE.match(child.get("type").strip()):
                positions.add(index)
            index += 1
    return Scripts(frozenset(positions))


def element_formula(node: Node) -> Formula | None:
    """Return the formula that an element is, or None if it is something else."""
    if node.tag == "math":
        return math_formula(node)
    if node.tag == "img":
        return image_formula(node)
    if node.tag == "script":
        return _script_formula(node)
    if node.tag == "mjx-container":
        return _contained(node, display=node.get("display") in ("true", "block"))
    if not node.raw or not _HINTS.search(node.raw):
        return None
    if "data-" in node.raw and (formula := _attribute_formula(node)):
        return formula
    classes = node.classes
    if not _CONTAINERS.isdisjoint(classes):
        return _contained(node, display=is_display(node))
    if not _TEX_CLASSES.isdisjoint(classes):
        return _text_formula(node)
    return None


def is_picture(node: Node) -> bool:
    """Tell whether a library drew this element: worth dropping where the source is beside it."""
    if node.tag in ("mjx-container", "mjx-assistive-mml"):
        return True
    if "MathJax" not in node.raw and "katex" not in node.raw and "MJX" not in node.raw:
        return False
    return not _CONTAINERS.isdisjoint(node.classes)


def is_display(node: Node) -> bool:
    """Tell whether a formula stands in a paragraph of its own."""
    for place in (node, node.parent):
        if place is not None and not _DISPLAY.isdisjoint(place.classes):
            return True
    return False


def math_formula(node: Node) -> Formula | None:
    """Return the TeX of a <math> element: its annotation, its text for readers, or converted."""
    display = node.get("display") == "block" or node.get("mode") == "display" or is_display(node)
    for child in node.nodes():
        if child.tag == "annotation" and "tex" in child.get("encoding").lower():
            return Formula(child.text(), display)
    alternative = node.get("alttext")
    if alternative.strip() and looks_like_tex(alternative):
        return Formula(alternative, display)
    tex = mathml_to_tex(node)
    return Formula(tex, display) if tex.strip() else None


def _script_formula(node: Node) -> Formula | None:
    kind = _SCRIPT_TYPE.match(node.get("type").strip())
    if kind is None:
        return None
    display = kind[2] is not None
    source = node.text().removeprefix("% <![CDATA[").removesuffix("%]]>").strip()
    if kind[1].lower() == "mml":
        return _embedded_mathml(source, display=display)
    if kind[1].lower() == "asciimath":
        return Formula(asciimath_to_tex(source), display)
    return Formula(source, display)


def _contained(node: Node, *, display: bool) -> Formula | None:
    """Return the first source inside a wrapper; a wrapper without one is no formula."""
    image = None
    for child in islice(node.nodes(), MAX_CONTAINED):
        if child.tag in ("math", "script"):
            formula = element_formula(child)
            if formula is not None:
                return Formula(formula.tex, display or formula.display or is_display(child))
        elif child.tag == "annotation" and "tex" in child.get("encoding").lower():
            return Formula(child.text(), display)
        elif child.tag == "img" and image is None:
            image = image_formula(child)
        elif "data-mathml" in child.raw and (found := _attribute_formula(child)):
            return Formula(found.tex, display or found.display)
    return image


def _attribute_formula(node: Node) -> Formula | None:
    for name in (*_ATTRIBUTES, *_MORE_ATTRIBUTES):
        value = node.get(name).strip()
        if not value:
            continue
        if name.endswith("mathml"):
            return _embedded_mathml(value, display=is_display(node))
        if (name in _ATTRIBUTES and len(value) < 8) or looks_like_tex(value):
            formula = bare_formula(value)
            display = formula.display or is_display(node) or node.get("data-display") == "true"
            return Formula(formula.tex, display)
    return None


def _embedded_mathml(source: str, *, display: bool) -> Formula | None:
    for child in parse(source).nodes():
        if child.tag == "math":
            formula = math_formula(child)
            return Formula(formula.tex, display or formula.display) if formula else None
    return None


def _text_formula(node: Node) -> Formula | None:
    """Return the formula of an element whose whole text is TeX; delimiters are read elsewhere."""
    text = node.text().strip()
    if not text or any(child.tag not in ("br", "span", "em") for child in node.nodes()):
        return None
    bare = bare_formula(text)
    if bare.tex == text and not looks_like_tex(text):
        return None
    if any(mark in bare.tex for mark in ("\\(", "\\[", "$$")):
        return None  # several formulas
    display = bare.display or is_display(node) or node.tag == "div"
    return Formula(bare.tex, display if bare.tex == text or bare.display else False)
