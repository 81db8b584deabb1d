"""Which generator wrote a file, by its path, its head and its last lines; null: nothing says so.

The order is: what the path says, lock files, minified scripts, source maps, a generator's own mark,
and then the words that generators agree on. Only the first HEAD_CHARS and the last TAIL_CHARS of a
text are read, whatever its size.
"""

import re
from collections.abc import Sequence
from functools import cache

import pyarrow as pa
import pyarrow.compute as pc
import re2

from .generated_markers import (
    COMMENT_LINES,
    HTML_GENERATORS,
    MARKERS,
    MAX_LINES,
    WORD_LINES,
    WORDS,
    Marker,
)

HEAD_CHARS = 8192
TAIL_CHARS = 1024
MINIFIED_MEAN_LINE = 110  # linguist's
_MINIFIED = frozenset((".js", ".css", ".mjs", ".cjs"))
_MINIFIED_NAME = r"[-.]min\.(?:[cm]?js|css)$"
_MINIFIED_EXTENSION = r"(?i)\.(?:[cm]?js|css)$"
_HTML = frozenset((".html", ".htm", ".xhtml"))
_POSTSCRIPT = frozenset((".ps", ".eps", ".pfa"))
_READ_ROWS = 256  # heads turned into Python strings at a time

_source_map_reference = re2.compile(r"^/[*/][#@] source(?:Mapping)?URL|sourceURL=")
_creator = re2.compile(
    r"^%%Creator: .*(?:[0-9]|draw|mpage|ImageMagick|inkscape|MATLAB|PCBNEW|pnmtops|\(Unknown\)"
    r"|Serif Affinity|Filterimage -tops|EAGLE)"
)
# A comment, so that Julia's macro @generated and a linter's own strings are none.
_comment = r"(?i)^\s*(?:[/#*;%'!]|--|<!--|\(\*|\{-|\.\.|rem\s|dnl\s|\"\"\")"
_at_generated = re2.compile(_comment + r".*@generated\b")
_do_not_edit = re2.compile(
    _comment
    + r".*(?:\bgenerated\b.*\bdo not (?:edit|modify|change)"
    + r"|\bdo not (?:edit|modify|change)\b.*\bgenerated\b)"
)
_meta = re2.compile(r"(?i)<meta\s[^>]*>")
_attribute = re2.compile(r"(?i)\s(name|content|value)\s*=\s*(\"[^\"]+\"|'[^']+'|[^\s\"'>]+)")
_coffee_temporary = re.compile("_fn|_i|_len|_ref|_results")
_coffee_helper = re.compile("__bind|__extends|__hasProp|__indexOf|__slice")


def minified_column(paths: pa.Array, mean_line_lengths: pa.Array) -> pa.Array:
    """Return whether a script or style sheet is minified: by its name, or its mean line length."""
    named = pc.match_substring_regex(paths, _MINIFIED_NAME, ignore_case=True)
    kind = pc.match_substring_regex(paths, _MINIFIED_EXTENSION)
    return pc.or_(named, pc.and_(kind, pc.greater(mean_line_lengths, MINIFIED_MEAN_LINE)))


def is_minified(path: str, mean_line_length: float) -> bool:
    """Return one row of `minified_column`: the exact twin."""
    name = path.lower()
    return re.search(_MINIFIED_NAME, name) is not None or (
        name.endswith(tuple(_MINIFIED)) and mean_line_length > MINIFIED_MEAN_LINE
    )


def marked_generators(paths: Sequence[str | None], texts: pa.LargeStringArray) -> pa.Array:
    """Return what the head or the end of each text says of its generator, or null.

    Args:
        paths: of the files; None for what is no file, which has no generator.
    """
    found: list[str | None] = []
    for first in range(0, len(texts), _READ_ROWS):
        part = texts.slice(first, _READ_ROWS)
        heads = pc.utf8_slice_codeunits(part, 0, HEAD_CHARS).to_pylist()
        for row, head in enumerate(heads):
            path = paths[first + row]
            if path is None or head is None:
                found.append(None)
                continue
            tail = _tail(part, row, head) if _extension(path) in _with_tail() else ""
            found.append(_marked(_extension(path), head, tail))
    return pa.array(found, pa.string())


def marked_generator(path: str, text: str) -> str | None:
    """Return one row of `marked_generators`."""
    return _marked(_extension(path), text[:HEAD_CHARS], text[-TAIL_CHARS:])


def _tail(texts: pa.LargeStringArray, row: int, head: str) -> str:
    if len(head) < HEAD_CHARS:
        return head[-TAIL_CHARS:]
    text: str = texts[row].as_py()
    return text[-TAIL_CHARS:]


def _with_tail() -> frozenset[str]:
    return _MINIFIED | {".xml", ".yml"}


def _extension(path: str) -> str:
    """Return the extension in lower case, dot included, or nothing."""
    name = path[path.rfind("/") + 1 :]
    dot = name.rfind(".")
    return name[dot:].lower() if dot >= 0 else ""


def _marked(extension: str, head: str, tail: str) -> str | None:
    lines = head.replace("\r\n", "\n").split("\n", MAX_LINES)[:MAX_LINES]
    for marker in _markers(extension):
        if marker.is_in(lines):
            return marker.name
    special = _special(extension, lines, head, tail)
    return special or _worded(lines)


@cache
def _markers(extension: str) -> tuple[Marker, ...]:
    return tuple(marker for marker in MARKERS if extension in marker.extensions)


def _special(extension: str, lines: list[str], head: str, tail: str) -> str | None:
    """Return the generators whose mark is no text in a window of the first lines."""
    last = tail.replace("\r\n", "\n").split("\n")[-2:]
    if extension in _MINIFIED:
        if any(_source_map_reference.search(line) for line in last):
            return "source_map_reference"
        if extension == ".js" and _is_coffeescript(lines, last):
            return "coffeescript"
    elif extension in _HTML:
        return "html_generator" if _html_generator(" ".join(lines[:31])) else None
    elif extension in _POSTSCRIPT:
        drawn = any(_creator.search(line) for line in lines[:10])
        return "postscript" if drawn or "currentfile eexec" in head else None
    elif extension == ".yml":
        return "vcr_cassette" if any("recorded_with: VCR" in line for line in last) else None
    elif extension == ".xml" and len(lines) > 3:
        opened = "<doc>" in lines[1] and "<assembly>" in lines[2]
        return "net_documentation" if opened and any("</doc>" in x for x in last) else None
    return None


def _is_coffeescript(lines: list[str], last: list[str]) -> bool:
    """Say whether a script has the closure and, in its head, the helpers of CoffeeScript's."""
    if lines[0] != "(function() {" or last != ["}).call(this);", ""]:
        return False
    declared = [line for line in lines if "var " in line]
    score = sum(
        len(_coffee_temporary.findall(line)) + 3 * len(_coffee_helper.findall(line))
        for line in declared
    )
    return score >= 3


def _html_generator(head: str) -> bool:
    for tag in _meta.finditer(head):
        values = {
            match.group(1).lower(): match.group(2).strip("\"'").lower()
            for match in _attribute.finditer(tag.group())
        }
        tool = values.get("content", values.get("value", ""))
        if values.get("name") == "generator" and tool.startswith(HTML_GENERATORS):
            return True
    return False


def _worded(lines: list[str]) -> str | None:
    head = "\n".join(lines[:COMMENT_LINES]).lower()
    if "generated" not in head:
        return None
    if any(word in line.lower() for line in lines[:WORD_LINES] for word in WORDS):
        return "words"
    for line in lines[:COMMENT_LINES]:
        if _do_not_edit.search(line):
            return "do_not_edit"
        if _at_generated.search(line):
            return "at_generated"
    return None
