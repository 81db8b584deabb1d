"""The prose in a file's comments, found by the language table's comment signs, without a parser.

A sign inside a string literal is taken for a comment if a blank stands before it: the text is for
naming its natural language, where a few such lines do no harm. Comments that speak of copyright or
licence are left out, as they are English in every country.
"""

import re
from collections.abc import Iterator
from functools import cache

from .languages import language_table

# What a language of one comment sign has besides, where the table holds the line form only.
BLOCKS = {"//": ("/*", "*/"), "//-": ("/*", "*/")}
LICENCE = re.compile(r"copyright|licen[cs]e|warrant|\(c\)|spdx", re.IGNORECASE)
FRAME = " \t\r*/#!;%=-+~|<>\\"  # what a box around a comment is drawn with


def comment_text(text: str, language: str | None) -> str:
    """Return the comments of a text without their signs, a line each; "" if none are known."""
    signs = _signs(language) if language is not None else None
    if signs is None:
        return ""
    line, block = signs
    found = [*(_line_comments(text, line) if line is not None else ())]
    found += _block_comments(text, *block) if block is not None else ()
    return "\n".join(comment for comment in found if not LICENCE.search(comment))


@cache
def _signs(language: str) -> tuple[re.Pattern[str] | None, tuple[str, str] | None] | None:
    signs = comment_signs(language)
    if signs is None:
        return None
    line, block = signs
    return None if line is None else re.compile(line_pattern(line), re.MULTILINE), block


def comment_signs(language: str) -> tuple[str | None, tuple[str, str] | None] | None:
    """Return what opens a line comment and the ends of a block, None where neither is known."""
    comment = language_table().comment(language)
    if comment is None:
        return None
    if comment.close:
        return None, (comment.open, comment.close)
    return comment.open, BLOCKS.get(comment.open)


def line_pattern(opening: str) -> str:
    """Return the pattern of a line comment; its one group is what stands behind the sign."""
    sign = re.escape(opening.strip())
    if opening[-1].isalpha():
        sign += r"\b"
    return rf"(?:^|[ \t]){sign}(.*)$"


def _line_comments(text: str, line: re.Pattern[str]) -> Iterator[str]:
    """Yield runs of line comments that follow each other, so that a header is one."""
    run: list[str] = []
    end = -1
    for match in line.finditer(text):
        if run and text.count("\n", end, match.start(1)) > 1:
            yield "\n".join(run)
            run = []
        run.append(match[1].strip(FRAME))
        end = match.end()
    if run:
        yield "\n".join(run)


def _block_comments(text: str, opening: str, closing: str) -> Iterator[str]:
    start = text.find(opening)
    while start >= 0:
        start += len(opening)
        end = text.find(closing, start)
        inside = text[start : end if end >= 0 else len(text)]
        yield "\n".join(line.strip(FRAME) for line in inside.split("\n"))
        start = text.find(opening, end + len(closing)) if end >= 0 else -1
