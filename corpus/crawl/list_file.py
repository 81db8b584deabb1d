"""A text file that a person writes, one entry a line."""

from pathlib import Path

from ..errors import GristmillError


def read_lines(path: Path, *, name: str, todo: str) -> list[str]:
    """Return the lines of a UTF-8 file, with or without a byte order mark.

    Raises:
        GristmillError: if it cannot be read; `name` says what it is and `todo` what helps.
    """
    try:
        return path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise GristmillError(
            f"{name} cannot be read: {error}", where=str(path), todo=todo
        ) from None
