"""TeX formulas: what looks like one, and one form for all of them."""

import re
from typing import Final, NamedTuple

_DELIMITERS: Final = (
    ("\\[", "\\]", True),
    ("$$", "$$", True),
    ("\\(", "\\)", False),
    ("[itex]", "[/itex]", False),
    ("[tex]", "[/tex]", True),
    ("[latex]", "[/latex]", True),
    ("[math]", "[/math]", False),
    ("$latex ", "$", False),
    ("$", "$", False),
)
_TEX = re.compile(r"\\[A-Za-z]{2,}|\\[A-Za-z]\{|[A-Za-z0-9)}\]][_^][A-Za-z0-9{\\(]|[_^]\{")
_STYLE = re.compile(r"^\\(?:displaystyle|textstyle)(?![A-Za-z])\s*")


class Formula(NamedTuple):
    """TeX without its delimiters, and whether it stands in a paragraph of its own."""

    tex: str
    display: bool


def looks_like_tex(text: str) -> bool:
    """Tell TeX from prose by commands, and by subscripts and superscripts."""
    return _TEX.search(text) is not None


def bare_formula(text: str) -> Formula:
    """Return a formula without the delimiters around all of it."""
    text = text.strip()
    for start, end, display in _DELIMITERS:
        is_whole = len(text) > len(start) + len(end) and text.endswith(end)
        if is_whole and text.startswith(start) and not text.endswith("\\$"):
            inner = text[len(start) : -len(end)]
            if start not in inner.strip():
                return Formula(inner.strip(), display)
    return Formula(text, display=False)


def normal_tex(tex: str) -> str:
    """Return TeX without what says only how large it is drawn."""
    tex = tex.strip()
    if tex.startswith("{\\displaystyle") and _closes_last(tex):
        tex = tex[1:-1].strip()
    # Sources with references or markup of their own pages are not TeX any more.
    return _STYLE.sub("", tex).strip()


def _closes_last(tex: str) -> bool:
    """Tell whether the first brace is closed by the last character."""
    depth = 0
    escaped = False
    for position, character in enumerate(tex):
        if escaped:
            escaped = False
        elif character == "\\":
            escaped = True
        elif character == "{":
            depth += 1
        elif character == "}":
            depth -= 1
            if depth == 0:
                return position == len(tex) - 1
    return False
