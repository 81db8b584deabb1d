"""The slow, exact twin of described.py: one pass over the characters, without a pattern."""

from ..comments import FRAME, LICENCE, comment_signs
from .described import (
    CJK,
    DOCSTRINGS,
    FENCED,
    FENCES,
    LINE_LETTERS,
    LINE_WORDS,
    MARKS,
    Description,
)

_QUOTES = ('"""', "'''")


def describe_slow(text: str, language: str | None) -> Description:
    """Return what `describe` does."""
    if language in FENCED:
        prose, code = _fenced(text)
    else:
        prose, code = _commented(text, language)
    found = [line for line in prose if _is_prose(line)]
    return Description(
        prose_words=sum(map(_num_words, found)),
        prose_chars=sum(map(len, found)),
        num_code_lines=sum(not (line == "" or line.isspace()) for line in code),
    )


def _is_prose(line: str) -> bool:
    num_letters = sum(_is_letter(char) or char in " \t" for char in line)
    return num_letters >= LINE_LETTERS * len(line) and _num_words(line) >= LINE_WORDS


def _num_words(line: str) -> int:
    count, inside = 0, False
    for char in line:
        if _is_cjk(char):
            count, inside = count + 1, False
        elif _is_letter(char):
            count, inside = count + (not inside), True
        else:
            inside = False
    return count


def _is_letter(char: str) -> bool:
    return char.isalnum() and not char.isdecimal()


def _is_cjk(char: str) -> bool:
    bounds = CJK.split("-")  # a-bc-de-f: each inner part ends one range and begins the next
    firsts, lasts = [part[-1] for part in bounds[:-1]], [part[0] for part in bounds[1:]]
    return any(first <= char <= last for first, last in zip(firsts, lasts, strict=True))


def _fenced(text: str) -> tuple[list[str], list[str]]:
    prose, code, fence = [], [], None
    for line in text.split("\n"):
        mark = next((one for one in FENCES if line.strip().startswith(one)), None)
        if fence is None and mark is not None:
            fence = mark
        elif fence is not None and mark == fence:
            fence = None
        elif fence is not None:
            code.append(line)
        else:
            prose.append(line.strip(MARKS))
    return prose, code


def _commented(text: str, language: str | None) -> tuple[list[str], list[str]]:
    """Walk over a text; a run ends where code or an empty line stands between two comments."""
    runs: list[list[str]] = []
    code, gap, i = "", "code", 0
    while i < len(text):
        opened = _open(text, i, language)
        if opened is None:
            code, gap, i = code + text[i], gap + text[i], i + 1
            continue
        start, end, stop, is_code = opened
        if is_code:
            code, gap = code + text[i:stop], gap + text[i:stop]
        else:
            if (not gap.isspace() and gap) or gap.count("\n") > 1:
                runs.append([])
            runs[-1].append(text[start:end])
            gap = ""
        i = stop
    said = ["\n".join(run) for run in runs]
    prose = [
        line.strip(FRAME) for run in said if not LICENCE.search(run) for line in run.split("\n")
    ]
    return prose, code.split("\n")


def _open(text: str, i: int, language: str | None) -> tuple[int, int, int, bool] | None:
    """Return start and end of what is said, where it stops, and whether that is code."""
    if language is None:
        return None
    line, block = comment_signs(language) or (None, None)
    begins_line = i == 0 or text[i - 1] == "\n"
    if language in DOCSTRINGS:
        quote = _docstring(text, i) if begins_line else None
        at = i if quote is None else quote
        for mark in _QUOTES:
            if text.startswith(mark, at):
                return *_until(text, at + 3, mark), quote is None
    if line is not None:
        after = _after_sign(text, i, line, begins_line=begins_line)
        if after is not None:
            end = text.find("\n", after)
            end = len(text) if end < 0 else end
            return after, end, end, False
    if block is not None and text.startswith(block[0], i):
        return *_until(text, i + len(block[0]), block[1]), False
    return None


def _docstring(text: str, i: int) -> int | None:
    """Return where the quotes of a docstring stand in a line that begins at i."""
    while text[i : i + 1] in (" ", "\t"):
        i += 1
    if text.startswith("@", i):
        end = i + 1
        while text[end : end + 1].isalnum() or text[end : end + 1] == "_":
            end += 1
        rest = end
        while text[rest : rest + 1] in (" ", "\t"):
            rest += 1
        if not text[i:end].endswith("doc") or rest == end:
            return None
        i = rest
    if text[i : i + 1] in ("r", "R", "u", "U"):
        i += 1
    return i if text.startswith(_QUOTES, i) else None


def _after_sign(text: str, i: int, opening: str, *, begins_line: bool) -> int | None:
    sign = opening.strip()
    for start in [*([i] if begins_line else []), *([i + 1] if text[i] in " \t" else [])]:
        after = start + len(sign)
        following = text[after : after + 1]
        is_word = opening[-1].isalpha() and (following.isalnum() or following == "_")
        if text.startswith(sign, start) and not is_word:
            return after
    return None


def _until(text: str, start: int, closing: str) -> tuple[int, int, int]:
    end = text.find(closing, start)
    return (start, len(text), len(text)) if end < 0 else (start, end, end + len(closing))
