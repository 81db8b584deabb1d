"""A file of repositories: `owner/name`, a numeric id, or an address of github.com a line."""

import re
from collections.abc import Iterator
from pathlib import Path

from ...errors import GristmillError
from ..list_file import read_lines
from .intake import Seen

_NAME = re.compile(r"(?:https?://github\.com/)?([A-Za-z0-9_-]+/[A-Za-z0-9._-]+?)(?:\.git)?/?")


def read_repositories(path: Path) -> Iterator[Seen]:
    """Yield what each line names; what stands behind # is a comment.

    Raises:
        GristmillError: for a line that names nothing, or a file that cannot be read.
    """
    todo = "Give a text file with an owner/name or a numeric id a line."
    lines = read_lines(path, name="the list of repositories", todo=todo)
    for number, line in enumerate(lines, 1):
        entry = line.partition("#")[0].strip()
        match = _NAME.fullmatch(entry)
        if entry.isascii() and entry.isdigit():
            yield Seen(id=int(entry))
        elif match is not None:
            yield Seen(full_name=match[1])
        elif entry:
            raise GristmillError(
                f"{entry!r} is no owner/name and no id",
                where=f"{path}, line {number}",
                todo="Correct the line, or put # before it.",
            )
