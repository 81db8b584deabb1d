"""A Jupyter notebook as cells: read from nbformat 2 to 4, outputs reduced to their plain text.

Reading is lenient where nbformat is strict (a missing identifier or version says nothing about the
code), and nothing of a cell but its kind, its source and its text outputs is kept.
"""

import json
import re
from typing import Literal

import msgspec

from .notebook_languages import notebook_language

MAX_OUTPUT_CHARS = 2000  # of one cell; a longer output ends with OMITTED
OMITTED = "[...]"
MAX_ENCODED_RUN = 256  # a line with a longer one is an image or a blob, not text

CellKind = Literal["markdown", "code"]

_ANSI = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b[@-_]?")
_ENCODED = re.compile(rf"[A-Za-z0-9+/=]{{{MAX_ENCODED_RUN}}}")
# What an object without a text says of itself: the name of its class, or an address.
_OBJECT = re.compile(r"<[^<>\n]*(?:\bat 0x[0-9a-fA-F]+|\bobject|Figure size [^<>\n]*)>\s*")
MAX_OBJECT_CHARS = 300


class Cell(msgspec.Struct, frozen=True, kw_only=True):
    """One cell; `output` is empty where it printed nothing that is text."""

    kind: CellKind
    source: str
    output: str = ""


class Notebook(msgspec.Struct, frozen=True, kw_only=True):
    """The cells of a notebook, without empty ones, and its kernel's language in lower case."""

    language: str
    cells: tuple[Cell, ...]


class NotANotebookError(ValueError):
    """Why a text is no notebook."""


def read_notebook(text: str) -> Notebook:
    """Return the cells of a notebook file.

    Raises:
        NotANotebookError: it is not JSON, or JSON without a list of cells.
    """
    try:
        # The standard library's parser takes NaN, which plotting libraries write into outputs.
        # Its messages and its limit for integers differ from version to version.
        document = json.loads(text, parse_int=float)
    except (ValueError, RecursionError):
        raise NotANotebookError("it is not JSON") from None
    if not isinstance(document, dict):
        raise NotANotebookError("it is JSON, but no object")
    raw_cells = _raw_cells(document)
    cells = [cell for raw in raw_cells if (cell := _cell(raw)) is not None]
    return Notebook(language=notebook_language(document, raw_cells), cells=tuple(cells))


def _raw_cells(document: dict[str, object]) -> list[dict[str, object]]:
    """Return the cells of format 4, or those of format 2 and 3's worksheets."""
    found = document.get("cells")
    if not isinstance(found, list):
        worksheets = document.get("worksheets")
        if not isinstance(worksheets, list):
            raise NotANotebookError("it has neither cells nor worksheets")
        lists = [sheet.get("cells") for sheet in worksheets if isinstance(sheet, dict)]
        found = [cell for cells in lists if isinstance(cells, list) for cell in cells]
    return [cell for cell in found if isinstance(cell, dict)]


def _cell(raw: dict[str, object]) -> Cell | None:
    kind = raw.get("cell_type")
    source = _joined(raw.get("source", raw.get("input"))).strip("\n")
    if not source.strip():
        return None
    if kind == "code":
        return Cell(kind="code", source=source, output=_output(raw.get("outputs")))
    if kind == "heading":
        level = raw.get("level")
        marks = "#" * (int(level) if isinstance(level, float) and 1 <= level <= 6 else 1)
        return Cell(kind="markdown", source=f"{marks} {' '.join(source.split())}")
    if kind in ("markdown", "html"):
        return Cell(kind="markdown", source=source)
    return None  # raw cells are for a converter, not for readers


def _joined(value: object) -> str:
    """Return a text that may be stored as a list of its lines; what JSON allows beyond is cut."""
    if isinstance(value, list):
        value = "".join(part for part in value if isinstance(part, str))
    if not isinstance(value, str):
        return ""
    text = value.replace("\r\n", "\n").replace("\0", "")
    return text.encode("utf-8", "replace").decode("utf-8")  # a lone surrogate is no text


def _output(outputs: object) -> str:
    """Return the text of a cell's outputs, at most MAX_OUTPUT_CHARS of it, whole lines."""
    if not isinstance(outputs, list):
        return ""
    texts = (_output_text(output) for output in outputs if isinstance(output, dict))
    text = "\n".join(part for raw in texts if (part := _plain(raw)))
    if len(text) <= MAX_OUTPUT_CHARS:
        return text
    cut = text.rfind("\n", 0, MAX_OUTPUT_CHARS)
    return text[: cut if cut > 0 else MAX_OUTPUT_CHARS] + f"\n{OMITTED}"


def _output_text(output: dict[str, object]) -> str:
    kind = output.get("output_type")
    if kind == "stream":
        return _joined(output.get("text"))
    if kind in ("error", "pyerr"):
        return f"{_joined(output.get('ename'))}: {_joined(output.get('evalue'))}"
    data = output.get("data")  # format 4; in format 3 the texts lie in the output itself
    return _joined(data.get("text/plain") if isinstance(data, dict) else output.get("text"))


def _plain(text: str) -> str:
    """Return a text without colours, overwritten progress, bare objects and encoded blobs."""
    text = text[: 50 * MAX_OUTPUT_CHARS]  # more is never shown, and a log may have megabytes
    text = _ANSI.sub("", text).strip("\n")
    if len(text) <= MAX_OBJECT_CHARS and _OBJECT.fullmatch(text):
        return ""
    # A progress bar goes back to the line's start: its last state is what stays.
    lines = (line.rstrip().rpartition("\r")[2] for line in text.split("\n"))
    return "\n".join(line for line in lines if not _ENCODED.search(line))
