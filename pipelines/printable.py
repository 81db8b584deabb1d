"""Names from hostile input, made safe to print on a terminal, and tables of a fixed width."""

import io

from rich.console import Console
from rich.table import Table

WIDTH = 100


def printable(text: str) -> str:
    """Return a text without control, bidirectional or other invisible characters."""
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in text
    )


def render(table: Table) -> str:
    """Return a table as text of a fixed width, so that output does not depend on the terminal."""
    stream = io.StringIO()
    console = Console(file=stream, width=WIDTH, color_system=None, markup=False, emoji=False)
    console.print(table)
    return "\n".join(line.rstrip() for line in stream.getvalue().splitlines())
