"""Formulas and code are taken out of a page, each for a placeholder, and put back at the end.

What lies between, from white space to the choice of the main content, can then not touch them; and
as many as came out must have gone in, which is counted. The marks are two of Unicode's
noncharacters, which are reserved for such internal use: no font has a sign there, and an HTML
reference to one is an error.
"""

import re
from typing import Final, Literal

import msgspec

OPEN: Final = "\ufdd0"
CLOSE: Final = "\ufdd1"
PLACEHOLDER: Final = re.compile(f"{OPEN}([0-9]+){CLOSE}")

Kind = Literal["formula", "code_block", "code"]


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """How many formulas and lines of code blocks (blank lines aside) there are."""

    formulas: int = 0
    code_lines: int = 0


class _Kept(msgspec.Struct, frozen=True):
    kind: Kind
    text: str
    num_code_lines: int


class Placeholders:
    """The texts of a page that stay as they are, in the order in which they were taken out."""

    def __init__(self) -> None:
        self._kept: list[_Kept] = []
        self.languages: list[str] = []  # of the code blocks that name one, in order

    def add_formula(self, tex: str, *, display: bool) -> str:
        """Return the placeholder of a formula; "" for one without anything to see."""
        tex = _one_paragraph(tex) if display else " ".join(tex.split())
        if not tex:
            return ""
        return self._add("formula", f"$${tex}$$" if display else f"${tex}$")

    def add_code_block(self, code: str, language: str = "") -> str:
        """Return the placeholder of a fenced block; the code is kept to the byte."""
        if not code.strip():
            return ""
        if language:
            self.languages.append(language)
        fence = "`" * max(3, 1 + _longest_run(code))
        end = "" if code.endswith("\n") else "\n"
        num_lines = sum(not line.isspace() for line in code.split("\n") if line)
        return self._add("code_block", f"{fence}{language}\n{code}{end}{fence}", num_lines)

    def add_code(self, code: str) -> str:
        """Return the placeholder of code inside a line."""
        code = code.replace("\n", " ")
        if not code.strip():
            return code
        ticks = "`" * (1 + _longest_run(code) if "`" in code else 1)
        pad = " " if code.startswith("`") or code.endswith("`") else ""
        return self._add("code", f"{ticks}{pad}{code}{pad}{ticks}")

    def expand(self, text: str) -> str:
        """Return the text with every placeholder replaced by what it stands for."""
        return PLACEHOLDER.sub(lambda found: self._kept[int(found[1])].text, text)

    def count(self, text: str) -> Counts:
        """Return what the placeholders of a text stand for, each once."""
        return self._counts({int(number) for number in PLACEHOLDER.findall(text)})

    def count_all(self) -> Counts:
        """Return what was taken out."""
        return self._counts(set(range(len(self._kept))))

    def weigh(self, text: str) -> tuple[int, int]:
        """Return how many characters of formulas and code blocks a text stands for, and of code."""
        kept = [self._kept[int(number)] for number in PLACEHOLDER.findall(text)]
        num_inline = sum(len(one.text) for one in kept if one.kind == "code")
        return sum(len(one.text) for one in kept) - num_inline, num_inline

    def _add(self, kind: Kind, text: str, num_code_lines: int = 0) -> str:
        self._kept.append(_Kept(kind, text, num_code_lines))
        return f"{OPEN}{len(self._kept) - 1}{CLOSE}"

    def _counts(self, numbers: set[int]) -> Counts:
        kept = [self._kept[number] for number in numbers]
        return Counts(
            formulas=sum(one.kind == "formula" for one in kept),
            code_lines=sum(one.num_code_lines for one in kept),
        )


def without_marks(html: str) -> str:
    """Return a page in which nothing looks like a placeholder."""
    if OPEN in html or CLOSE in html:
        html = html.replace(OPEN, "\ufffd").replace(CLOSE, "\ufffd")
    return html


def _one_paragraph(tex: str) -> str:
    """Return TeX without blank lines, which would end the formula."""
    return "\n".join(line.strip() for line in tex.splitlines() if line.strip())


def _longest_run(code: str) -> int:
    return max(map(len, re.findall("`+", code)), default=0)
