"""A notebook as a script in its kernel's language: prose and magics become comments.

A line that IPython reads before Python does (a magic, a shell command, a question mark) is no
Python, so it is commented out, and a cell in another language (`%%bash`) wholly. What is such a
line is told from the text alone: a line that starts within a string or a bracket is none.
"""

import re
from collections.abc import Iterator

from .notebook import Cell, Notebook
from .notebook_languages import script_syntax

# Cell magics whose body is still the kernel's language.
SAME_LANGUAGE = frozenset(
    (
        *("capture", "debug", "memit", "mprun", "prun", "px", "python", "python2", "python3"),
        *("time", "timeit"),
    )
)

_CELL_MAGIC = re.compile(r"%%\s*([A-Za-z_][\w.]*)")
_SHELL_OR_MAGIC = re.compile(
    r"\s*(?:%{1,2}[A-Za-z_]|!{1,2}\s*[^=\s]|\?{1,2}\s*[A-Za-z_%]|[\w.%]+\?{1,2}\s*$"
    r"|[A-Za-z_][\w.,\[\] \t]*=\s*(?:%[A-Za-z_]|!\s*[^=\s]))"
)
_TOKEN = re.compile(r"#.*|\"\"\"|'''|\"(?:[^\"\\]|\\.)*\"?|'(?:[^'\\]|\\.)*'?|[()\[\]{}]")
_JULIA_MODE = re.compile(r"[\];?](?!=)")  # package, shell and help modes of the REPL


def notebook_script(notebook: Notebook) -> str:
    """Return the code cells in their order; prose stands between them if comments are known."""
    comment = script_syntax(notebook.language).comment
    parts = []
    for cell in notebook.cells:
        if cell.kind == "code":
            parts.append(_code(cell, notebook.language, comment))
        elif comment:
            parts.append("\n".join(_commented(line, comment) for line in cell.source.split("\n")))
    return "\n\n".join(parts) + "\n"


def _code(cell: Cell, language: str, comment: str) -> str:
    lines = cell.source.split("\n")
    if language == "python":
        return "\n".join(_python_lines(lines, comment))
    if language == "julia":
        return "\n".join(
            _commented(line, comment) if _JULIA_MODE.match(line) else line for line in lines
        )
    return cell.source


def _python_lines(lines: list[str], comment: str) -> Iterator[str]:
    first = next(i for i, line in enumerate(lines) if line.strip())
    magic = _CELL_MAGIC.match(lines[first])
    if magic is not None and magic.group(1) not in SAME_LANGUAGE:
        yield from (_commented(line, comment) for line in lines)
        return
    state = _Statement()
    is_shell = False  # a command that a backslash continues
    for line in lines:
        is_shell = is_shell or (state.is_closed and _SHELL_OR_MAGIC.match(line) is not None)
        if is_shell:
            yield _commented(line, comment)
            is_shell = line.endswith("\\")
        else:
            state.read(line)
            yield line


def _commented(line: str, comment: str) -> str:
    return f"{comment} {line}".rstrip()


class _Statement:
    """Follows Python's lines as far as to know whether the next one starts a statement."""

    def __init__(self) -> None:
        self._quote = ""
        self._depth = 0
        self._is_continued = False

    @property
    def is_closed(self) -> bool:
        return not self._quote and not self._depth and not self._is_continued

    def read(self, line: str) -> None:
        position = 0
        while position < len(line):
            if self._quote:
                end = _end_of_string(line, position, self._quote)
                if end < 0:
                    return
                self._quote, position = "", end
            found = _TOKEN.search(line, position)
            if found is None:
                break
            position = found.end()
            self._take(found.group())
        self._is_continued = line.endswith("\\")

    def _take(self, piece: str) -> None:
        if piece in ('"""', "'''"):
            self._quote = piece
        elif piece in "([{":
            self._depth += 1
        elif piece in ")]}":
            self._depth = max(0, self._depth - 1)


def _end_of_string(line: str, position: int, quote: str) -> int:
    """Return where a triple-quoted string ends on a line, -1 if it goes on."""
    while True:
        end = line.find(quote, position)
        escape = line.find("\\", position)
        if end < 0 or escape < 0 or escape > end:
            return end + len(quote) if end >= 0 else -1
        position = escape + 2
