"""Lines that the fine tier's Markdown marks as code or as formulas, and that are never cut.

A fence protects all up to the one that closes it, or the rest of the text; two dollars all up to
the next two. A line with one dollar or a backtick is protected alone.
"""

import re
from collections.abc import Iterable

MARKS = b"$`~"

_FENCE = re.compile(rb"[ \t>]*(`{3,}|~{3,})")


def marked_ranges(lines: Iterable[tuple[int, bytes]], num_lines: int) -> list[tuple[int, int]]:
    """Return the ranges of lines, half open, that marks of a text protect.

    Args:
        lines: the number and the bytes, without spaces around them, of the text's lines that hold
            one of MARKS, in order.
        num_lines: one past the last line of the text.
    """
    ranges: list[tuple[int, int]] = []
    fence, formula = b"", -1
    start = 0
    for number, line in lines:
        mark = _FENCE.match(line)
        if fence:
            if mark is not None and mark[1].startswith(fence) and mark.end() == len(line):
                ranges.append((start, number + 1))
                fence = b""
        elif mark is not None:
            fence, start = mark[1], number
        elif line.count(b"$$") % 2:
            ranges.append((number if formula < 0 else formula, number + 1))
            formula = number if formula < 0 else -1
        elif b"$" in line or b"`" in line:
            ranges.append((number, number + 1))
    return [*ranges, (start, num_lines)] if fence else ranges
