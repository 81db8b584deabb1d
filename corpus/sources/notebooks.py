"""The documents that a notebook becomes: a script, and its cells as Markdown.

One blob gives two rows. Each keeps everything that is known of the blob, and its path names both:
`a.ipynb#script.py` and `a.ipynb#cells.md` were made from `a.ipynb` of the same revision.
"""

from collections.abc import Iterator
from typing import Literal, get_args

import msgspec

from ..notebook import NotANotebookError, read_notebook
from ..notebook_cells import notebook_cells
from ..notebook_languages import script_syntax
from ..notebook_script import notebook_script
from ..record import Record

Notebooks = Literal["both", "script", "cells", "raw"]
NOTEBOOKS: tuple[Notebooks, ...] = get_args(Notebooks)

EXTENSION = ".ipynb"
SCRIPT = "#script"
CELLS = "#cells.md"


def derived_records(record: Record, notebooks: Notebooks) -> Iterator[Record]:
    """Yield the documents made of a notebook, or any other record as it is.

    A file of that name that is no notebook is a row without text (`corrupt`, with the reason), and
    so is one without the cells that are asked for (`empty`). `raw` leaves notebooks as they are.
    """
    if record.text is None or notebooks == "raw" or not record.path.lower().endswith(EXTENSION):
        yield record
        return
    try:
        notebook = read_notebook(record.text)
    except NotANotebookError as error:
        yield _dropped(record, "corrupt", f"not a notebook: {error}")
        return
    has_code = any(cell.kind == "code" for cell in notebook.cells)
    if not notebook.cells or (notebooks == "script" and not has_code):
        kind = "code cells" if notebooks == "script" else "cells with text"
        yield _dropped(record, "empty", f"the notebook has no {kind}")
        return
    if notebooks in ("both", "script") and has_code:
        suffix = SCRIPT + script_syntax(notebook.language).extension
        yield _derived(record, suffix, notebook_script(notebook), notebook.language)
    if notebooks in ("both", "cells"):
        yield _derived(record, CELLS, notebook_cells(notebook), "markdown")


def _derived(record: Record, suffix: str, text: str, language: str) -> Record:
    return msgspec.structs.replace(
        record,
        path=record.path + suffix,
        num_bytes=len(text.encode("utf-8")),
        language_hint=language,
        text=text,
    )


def _dropped(record: Record, reason: Literal["corrupt", "empty"], error: str) -> Record:
    return msgspec.structs.replace(
        record, read_drop=reason, read_error=error, encoding=None, text=None
    )
