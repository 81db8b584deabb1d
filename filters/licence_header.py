"""Where the licence comment at the head of a file lies, so that a rule or a cleaner can use it.

The comment syntax is guessed from the text alone, since the head of a file looks alike in most
languages: a block between known delimiters, or lines that open with the same mark.
"""

import re
from typing import NamedTuple

MAX_HEADER_CHARS = 16_384
MAX_BLOCKS = 4  # comments at the head that are looked at: a title, an encoding, the licence

BLOCKS = (
    ("/*", "*/"),
    ("<!--", "-->"),
    ("(*", "*)"),
    ("{-", "-}"),
    ('"""', '"""'),
    ("'''", "'''"),
    ("#|", "|#"),
    ("<#", "#>"),
    ("--[[", "]]"),
    ("%{", "%}"),
    ("{#", "#}"),
    ("=begin", "=end"),
)
LINES = ("///", "//", "#", "--", ";", "%", "!", "'", "*", "dnl ", "REM ", "rem ", "..", '"', "C ")

_LICENCE = re.compile(
    r"copyright|licen[cs]e|permission is hereby granted|redistribution and use|public domain"
    r"|all rights reserved",
    re.IGNORECASE,
)
# What may stand before the first comment. Each ends with its line.
_PREAMBLE = re.compile(r"#![^\n]*\n|<\?xml[^\n]*\n|<\?php[^\n]*\n|<!doctype[^\n]*\n", re.IGNORECASE)


class Span(NamedTuple):
    """Characters start..end-1 of a text, the last line's end included."""

    start: int
    end: int


def licence_header(text: str) -> Span | None:
    """Return where the comments at the head of a text speak of a licence or a copyright.

    The span runs from the first such comment to the end of the last one, among the first
    MAX_BLOCKS comments and MAX_HEADER_CHARS characters. A comment that does not end there is none.
    """
    head = text[:MAX_HEADER_CHARS]
    preamble = _PREAMBLE.match(head)
    position = preamble.end() if preamble else 0
    start = end = -1
    for _ in range(MAX_BLOCKS):
        position = _skip_blank_lines(head, position)
        stop = _comment_end(head, position)
        if stop is None:
            break
        if _LICENCE.search(head, position, stop):
            start = position if start < 0 else start
            end = stop
        position = stop
    return None if start < 0 else Span(start, end)


def licence_header_chars(text: str) -> int:
    """Return how many characters a file's leading licence comment has, 0 without one."""
    span = licence_header(text)
    return 0 if span is None else span.end - span.start


def _skip_blank_lines(head: str, position: int) -> int:
    while (newline := head.find("\n", position)) >= 0 and not head[position:newline].strip():
        position = newline + 1
    return position


def _comment_end(head: str, position: int) -> int | None:
    """Return where the comment that starts a line ends, line end included; None: no comment."""
    line_end = _line_end(head, position)
    indent = len(head[position:line_end]) - len(head[position:line_end].lstrip(" \t"))
    opening = position + indent
    for opener, closer in BLOCKS:
        if head.startswith(opener, opening):
            closing = head.find(closer, opening + len(opener))
            return None if closing < 0 else _line_end(head, closing + len(closer))
    for mark in LINES:
        if head.startswith(mark, opening):
            return _marked_lines_end(head, position, mark)
    return None


def _marked_lines_end(head: str, position: int, mark: str) -> int | None:
    while position < len(head):
        stop = _line_end(head, position)
        if not head[position:stop].lstrip(" \t").startswith(mark.rstrip()):
            return position
        position = stop
    return position if len(head) < MAX_HEADER_CHARS else None


def _line_end(head: str, position: int) -> int:
    newline = head.find("\n", position)
    return len(head) if newline < 0 else newline + 1
