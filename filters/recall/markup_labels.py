"""Labels of pages whose markup is known, such as documentation: whether they bear formulas or code.

They judge a recall loop, which sees the text alone. That a page loads MathJax is no evidence: all
pages of a site do. What counts is a formula in the page itself, outside scripts and code.
Meant for pages of one's own; parsing hostile ones may take long.
"""

import re
from typing import Final

import msgspec
from selectolax.lexbor import LexborHTMLParser

LEAST_FORMULAS: Final = 3
LEAST_CODE_LINES: Final = 5

_SOURCES: Final = 'script[type^="math/"]'
_ELEMENTS: Final = "math, mjx-container, span.katex, img.formulaInl, img.formulaDsp"
_NOT_TEXT: Final = ("script", "style", "pre", "code", "textarea", "tt", "math", "noscript")
_IMAGE_SOURCE: Final = re.compile(r"latex\.php\?|codecogs\.com/|mathtex\.cgi|mimetex\.cgi|/math/")
_DELIMITED: Final = re.compile(
    r"\\\((?:[^\\]|\\[^()])+\\\)|\\\[(?:[^\\]|\\[^\[\]])+\\\]"
    r"|\\begin\{(equation|align|gather|eqnarray)\*?\}"
)
_DISPLAYED: Final = re.compile(r"\$\$[^$]+\$\$")  # a shell's process id too, so only with MathJax
_LOADS_TEX: Final = re.compile(r"mathjax|katex", re.IGNORECASE)


class MarkupFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What a page's markup holds."""

    num_formulas: int
    num_code_lines: int  # of <pre>, blank ones left out
    loads_tex: bool  # MathJax or KaTeX is loaded, with or without formulas

    @property
    def bears_formulas(self) -> bool:
        """Whether the page is one on mathematics."""
        return self.num_formulas >= LEAST_FORMULAS

    @property
    def bears_code(self) -> bool:
        """Whether the page shows code."""
        return self.num_code_lines >= LEAST_CODE_LINES


def markup_facts(html: str) -> MarkupFacts:
    """Return what the markup of a page holds."""
    tree = LexborHTMLParser(html)
    scripts = [f"{node.attributes.get('src')} {node.text()}" for node in tree.css("script")]
    loads_tex = any(_LOADS_TEX.search(script) for script in scripts)
    num_formulas = len(tree.css(_SOURCES)) + len(tree.css(_ELEMENTS))
    num_formulas += sum(_is_formula(node.attributes) for node in tree.css("img"))
    num_code_lines = sum(
        sum(bool(line.strip()) for line in node.text().split("\n")) for node in tree.css("pre")
    )
    tree.strip_tags(list(_NOT_TEXT))
    text = tree.root.text() if tree.root is not None else ""
    num_formulas += sum(1 for _ in _DELIMITED.finditer(text))
    if loads_tex:
        num_formulas += sum(1 for _ in _DISPLAYED.finditer(text))
    return MarkupFacts(
        num_formulas=num_formulas, num_code_lines=num_code_lines, loads_tex=loads_tex
    )


def _is_formula(image: dict[str, str | None]) -> bool:
    """Tell whether an image shows a formula: by its alternative text, its class or its source."""
    alt, kinds = (image.get("alt") or "").strip(), (image.get("class") or "").split()
    if "formulaInl" in kinds or "formulaDsp" in kinds:
        return False  # counted as an element
    is_tex = alt.startswith(("$", "\\")) and len(alt) > 1
    return is_tex or "math" in kinds or bool(_IMAGE_SOURCE.search(image.get("src") or ""))
