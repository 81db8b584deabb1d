"""Put placeholders in the place of findings, beside what else is cut of a text."""

from collections.abc import Iterator, Sequence

from ...corpus.placeholders import PLACEHOLDERS
from .kinds import CLASSES, Finding


def redact(text: str, findings: Sequence[Finding], cuts: Sequence[int] = ()) -> str:
    """Return a text with a placeholder for each finding, and without what is cut.

    Args:
        text: as it was read.
        findings: in order, without overlaps, in code points.
        cuts: first, end, first, end, ... in code points, in order. Of a finding that is cut in
            part, the rest becomes the placeholder; one that is cut whole leaves none.
    """
    parts, position = [], 0
    for start, stop, placeholder in _edits(findings, cuts):
        parts += [text[position:start], placeholder]
        position = stop
    return "".join([*parts, text[position:]])


def original_span(
    start: int, stop: int, findings: Sequence[Finding], cuts: Sequence[int] = ()
) -> tuple[int, int]:
    """Return which characters of the text as it was read stand behind those of `redact`'s.

    A character of a placeholder stands for the whole of what it replaced.
    """
    return _origin(start, findings, cuts)[0], _origin(stop - 1, findings, cuts)[1]


def _origin(position: int, findings: Sequence[Finding], cuts: Sequence[int]) -> tuple[int, int]:
    shift = 0  # of a character of the result to the original
    for start, stop, placeholder in _edits(findings, cuts):
        if position + shift < start:
            break
        if position + shift < start + len(placeholder):
            return start, stop
        shift += stop - start - len(placeholder)
    return position + shift, position + shift + 1


def _edits(findings: Sequence[Finding], cuts: Sequence[int]) -> Iterator[tuple[int, int, str]]:
    """Yield what is replaced, in order: start, stop, and what takes its place."""
    cut = list(zip(cuts[::2], cuts[1::2], strict=True))
    edits: list[tuple[int, int, str]] = [(start, stop, "") for start, stop in cut]
    first = 0
    for kind, start, stop in findings:
        while first < len(cut) and cut[first][1] <= start:
            first += 1
        placeholder = PLACEHOLDERS[CLASSES[kind]]
        for begin, end in cut[first:]:
            if begin >= stop:
                break
            if start < begin:
                edits.append((start, begin, placeholder))
                placeholder = ""
            start = max(start, end)
        if start < stop:
            edits.append((start, stop, placeholder))
    yield from sorted(edits)
