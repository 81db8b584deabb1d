"""The TeX of formulas that a page shows as images: in their address, or in the text beside it."""

import re
from typing import Final
from urllib.parse import unquote, unquote_plus

from .tex import Formula, bare_formula, looks_like_tex
from .tree import Node

# Services that draw the TeX in a parameter, and those that draw all behind the question mark.
_WITH_PARAMETER = re.compile(r"latex|tex2?img|equation|math/svg|svgtex", re.IGNORECASE)
_PARAMETERS: Final = ("latex=", "tex=", "formula=", "eq=", "math=")
_WHOLE_QUERY = re.compile(
    r"codecogs\.com/|mimetex|mathtex|texify\.com/|latex\.numberempire\.com/render|forkosh"
    r"|\.latex$|tex\.cgi",
    re.IGNORECASE,
)
_CODECOGS_STYLE = re.compile(
    r"^(?:\\(?:dpi\{\d+\}|inline|bg_\w+|fg_\w+|large|small|huge|tiny)\s*)+"
)
_SOURCES: Final = ("src", "data-src", "data-original", "data-lazy-src", "data-actualsrc")
_ATTRIBUTES: Final = ("data-formula", "data-latex", "data-tex", "data-eeimg-tex", "data-equation")
_FORMULA_CLASSES: Final = frozenset(
    (
        *("latex", "math", "tex"),
        *("ql-img-inline-formula", "ql-img-displayed-equation", "mathtex"),
        *("mwe-math-fallback-image-inline", "mwe-math-fallback-image-display"),
        *("equation", "formula"),
        *("mwe-math-fallback-image-png", "mathImg", "Wirisformula", "formulaInl", "formulaDsp"),
    )
)
_DISPLAY_CLASSES: Final = frozenset(
    (
        *("ql-img-displayed-equation", "mwe-math-fallback-image-display"),
        *("formulaDsp", "equation"),
        *("displaymath",),
    )
)


def image_formula(node: Node) -> Formula | None:
    """Return the formula that an image shows, or None for a picture."""
    classes = node.classes
    display = not _DISPLAY_CLASSES.isdisjoint(classes) or _stands_alone(node)
    for name in _ATTRIBUTES:
        if value := node.get(name).strip():
            return _formula(value, display=display)
    alternative = node.get("alt").strip() or node.get("title").strip()
    is_formula_class = not _FORMULA_CLASSES.isdisjoint(classes) or node.has("eeimg")
    is_formula_class = is_formula_class or _is_drawn_by_sphinx(node)
    if alternative and (
        (is_formula_class and not _is_file_name(alternative))
        or alternative.startswith(("$", "\\(", "\\[", "{\\displaystyle"))
        or (alternative.startswith("\\") and looks_like_tex(alternative))
    ):
        return _formula(alternative, display=display)
    for name in _SOURCES:
        if "?" in (address := node.get(name)) and (tex := _address_tex(address)):
            return _formula(tex, display=display)
    return None


def _address_tex(address: str) -> str:
    place, _, query = address.partition("?")
    query = query.partition("#")[0] if "#" in query and "chart" in place else query
    parameters = query.split("&")
    if "cht=tx" in parameters:
        chart = [value[4:] for value in parameters if value.startswith("chl=")]
        return unquote_plus(chart[0]) if chart else ""
    if _WITH_PARAMETER.search(place):
        for name in _PARAMETERS:
            for value in parameters:
                if value.startswith(name):
                    return unquote_plus(value[len(name) :])
    if _WHOLE_QUERY.search(place):
        return _CODECOGS_STYLE.sub("", unquote(query))
    return ""


def _formula(source: str, *, display: bool) -> Formula | None:
    formula = bare_formula(source)
    return Formula(formula.tex, formula.display or display) if formula.tex else None


def _is_drawn_by_sphinx(node: Node) -> bool:
    """Tell whether an image is a displayed formula of Sphinx, whose box has the class instead."""
    box = node.parent and node.parent.parent
    is_in_box = box is not None and "math" in box.classes
    return is_in_box and "_images/math/" in node.get("src")


def _stands_alone(node: Node) -> bool:
    """Tell whether an image is all that its paragraph holds."""
    around = node.parent
    if around is None or around.tag not in ("p", "div", "center", "dd"):
        return False
    return all(
        child is node or (isinstance(child, str) and not child.strip(" \n\t\xa0().0123456789"))
        for child in around.children
    )


def _is_file_name(text: str) -> bool:
    return re.fullmatch(r"[\w.-]+\.(?:png|gif|svg|jpe?g)", text, re.IGNORECASE) is not None
