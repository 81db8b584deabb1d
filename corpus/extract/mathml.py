"""From presentation MathML to TeX, by a rule for every element and a table of signs."""

from typing import Final

from .mathml_signs import ACCENTS, FUNCTIONS, SIGNS, UNDER_ACCENTS
from .tree import Node

_LIMITS: Final = frozenset(("\\sum", "\\prod", "\\lim", "\\max", "\\min", "\\sup", "\\inf"))
_BIG: Final = _LIMITS | {"\\bigcup", "\\bigcap", "\\coprod", "\\bigoplus", "\\bigotimes", "\\int"}
_VARIANTS: Final = {
    "bold": "\\mathbf",
    "normal": "\\mathrm",
    "double-struck": "\\mathbb",
    "script": "\\mathcal",
    "fraktur": "\\mathfrak",
    "sans-serif": "\\mathsf",
    "monospace": "\\mathtt",
    "bold-italic": "\\boldsymbol",
}
_SKIPPED: Final = frozenset(
    ("annotation", "annotation-xml", "maligngroup", "malignmark", "mphantom")
)
_WITH_PARTS: Final = frozenset(
    ("mfrac", "mroot", "mfenced", "msub", "msup", "msubsup", "munder", "mover", "munderover")
)
_ROMAN: Final = "\\mathrm"


def mathml_to_tex(node: Node) -> str:
    """Return the TeX of a <math> element or of anything below one."""
    return " ".join(_row(node).split())


def _row(node: Node) -> str:
    """Return an element's children side by side; a bare text in between counts, too."""
    pieces = []
    for child in node.children:
        if isinstance(child, str):
            pieces.append(_signs(child.strip()))
        else:
            pieces.append(_convert(child))
    return _join(pieces)


def _convert(node: Node) -> str:
    tag = node.tag.rpartition(":")[2]
    if tag in _SKIPPED:
        return ""
    if tag in ("mi", "mn", "mo", "mtext", "ms"):
        return _token(tag, node)
    if tag == "mspace":
        return "\\quad" if node.get("width").startswith(("1em", "2em")) else "\\,"
    # Each child is converted once: twice at every level would be a power of the depth.
    if tag == "msqrt":
        return f"\\sqrt{{{_row(node)}}}"
    if tag == "mtable":
        return _table(node)
    if tag == "mmultiscripts":
        return _multiscripts(node)
    if tag == "semantics":
        return _convert(first) if (first := next(iter(_elements(node)), None)) else ""
    if tag in _WITH_PARTS:
        return _with_parts(tag, node, [_convert(child) for child in _elements(node)])
    return _row(node)


def _with_parts(tag: str, node: Node, parts: list[str]) -> str:
    if tag == "mfrac":
        return _fraction(node, parts)
    if tag == "mroot":
        return f"\\sqrt[{parts[1]}]{{{parts[0]}}}" if len(parts) == 2 else _join(parts)
    if tag == "mfenced":
        return _fenced(node, parts)
    return _scripts(tag, parts)


def _token(tag: str, node: Node) -> str:
    text = " ".join(node.text().split())
    if tag in ("mtext", "ms"):
        plain = text.replace("\xa0", " ")
        return f"\\text{{{plain}}}" if plain.strip() else ("\\ " if node.text() else "")
    if tag == "mi" and text in FUNCTIONS:
        return f"\\{text}"
    signs = _signs(text)
    variant = _VARIANTS.get(node.get("mathvariant"), "")
    if tag == "mi" and len(text) > 1 and text.isalpha() and text.isascii():
        return f"{variant or _ROMAN}{{{text}}}"
    if variant and signs and (variant != "\\mathrm" or text.isascii()) and tag != "mo":
        return f"{variant}{{{signs}}}"
    return signs


def _signs(text: str) -> str:
    return _join([SIGNS.get(character, character) for character in text])


def _scripts(tag: str, parts: list[str]) -> str:
    parts += [""] * (3 - len(parts))
    base, first, second = parts[:3]
    if tag == "mover" and first in ACCENTS:
        return f"{ACCENTS[first]}{{{base}}}"
    if tag == "munder" and first in UNDER_ACCENTS:
        return f"{UNDER_ACCENTS[first]}{{{base}}}"
    if tag in ("munder", "mover") and base not in _BIG and base.strip("\\").isalpha() is False:
        return f"\\{'under' if tag == 'munder' else 'over'}set{{{first}}}{{{base}}}"
    if not base:
        base = "{}"
    if tag in ("msub", "munder"):
        return f"{_base(base)}_{_braced(first)}"
    if tag in ("msup", "mover"):
        return f"{_base(base)}^{_braced(first)}"
    return f"{_base(base)}_{_braced(first)}^{_braced(second)}"


def _multiscripts(node: Node) -> str:
    """Return a base with pairs of scripts behind and, after <mprescripts>, before it."""
    base, before, behind = "", "", ""
    is_before = False
    pending: list[str] = []
    for index, child in enumerate(_elements(node)):
        if index == 0:
            base = _convert(child)
        elif child.tag == "mprescripts":
            is_before = True
        else:
            pending.append("" if child.tag == "none" else _convert(child))
            if len(pending) == 2:
                scripts = "".join(
                    f"{mark}{_braced(part)}"
                    for mark, part in zip("_^", pending, strict=True)
                    if part
                )
                before, behind = (
                    (before + scripts, behind) if is_before else (before, behind + scripts)
                )
                pending = []
    return ("{}" + before if before else "") + _base(base) + behind


def _fraction(node: Node, parts: list[str]) -> str:
    if len(parts) != 2:
        return _join(parts)
    if node.get("linethickness") in ("0", "0pt", "0px"):
        return f"\\binom{{{parts[0]}}}{{{parts[1]}}}"
    return f"\\frac{{{parts[0]}}}{{{parts[1]}}}"


def _fenced(node: Node, parts: list[str]) -> str:
    opening = node.get("open") if node.has("open") else "("
    closing = node.get("close") if node.has("close") else ")"
    separators = node.get("separators").replace(" ", "") if node.has("separators") else ","
    pieces = []
    for index, part in enumerate(parts):
        pieces.append(part)
        if index < len(parts) - 1 and separators:
            pieces.append(separators[min(index, len(separators) - 1)])
    left, right = _signs(opening) or ".", _signs(closing) or "."
    return f"\\left{left} {_join(pieces)} \\right{right}"


def _table(node: Node) -> str:
    rows = []
    for row in _elements(node):
        cells = [cell for cell in _elements(row) if cell.tag.rpartition(":")[2] == "mtd"]
        rows.append(" & ".join(_row(cell) for cell in cells))
    return "\\begin{matrix} " + " \\\\ ".join(rows) + " \\end{matrix}"


def _elements(node: Node) -> list[Node]:
    return [child for child in node.children if isinstance(child, Node)]


def _braced(part: str) -> str:
    return part if len(part) == 1 and part.isalnum() else f"{{{part}}}"


def _base(part: str) -> str:
    is_one = len(part) == 1 or (part.startswith("\\") and part[1:].isalpha())
    is_group = part.startswith("\\math") and part.endswith("}") and part.count("{") == 1
    return part if is_one or is_group else f"{{{part}}}"


def _join(pieces: list[str]) -> str:
    """Return pieces side by side, a blank where a command would run into a letter."""
    text = ""
    for piece in pieces:
        if not piece:
            continue
        tail = text.rpartition("\\")[2] if "\\" in text else ""
        runs_on = bool(tail) and tail.isalpha() and tail.isascii() and piece[0].isalpha()
        text += f" {piece}" if runs_on else piece
    return text
