"""A notebook as one text of prose, code and output in turn, as Markdown (StarCoder, section 3.2).

Neighbours of a kind are joined, so that the text is a sequence of triplets: what is to be done,
how, and what came of it. Images, HTML and encoded data are left out.
"""

import re
from collections.abc import Iterator
from itertools import groupby
from typing import Literal

from .notebook import Notebook

Part = tuple[Literal["markdown", "code", "output"], str]

# Of an image inside the text, what comes after "data:image/png;base64,".
_DATA = re.compile(r"data:[a-z]+/[a-z0-9.+-]+(?:;[a-z0-9=-]+)*,[A-Za-z0-9+/=%_.~-]*", re.IGNORECASE)
_BACKTICKS = re.compile(r"`{3,}")


def notebook_cells(notebook: Notebook) -> str:
    """Return the notebook's cells and their text outputs; code is fenced with its language."""
    blocks = []
    for kind, parts in groupby(_parts(notebook), key=lambda part: part[0]):
        text = "\n\n".join(text for _, text in parts)
        if kind == "markdown":
            blocks.append(text)
        else:
            name = notebook.language.replace(" ", "-") if kind == "code" else "output"
            blocks.append(_fenced(text, name))
    return "\n\n".join(blocks) + "\n"


def _parts(notebook: Notebook) -> Iterator[Part]:
    for cell in notebook.cells:
        source = _DATA.sub("data:", cell.source) if cell.kind == "markdown" else cell.source
        yield cell.kind, source
        if cell.output:
            yield "output", cell.output


def _fenced(text: str, name: str) -> str:
    """Return a fenced block whose fence is longer than any run of backticks in the text."""
    longest = max((len(run) for run in _BACKTICKS.findall(text)), default=2)
    fence = "`" * (longest + 1)
    return f"{fence}{name}\n{text}\n{fence}"
