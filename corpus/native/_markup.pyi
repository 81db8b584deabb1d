"""The C extension; markup.c says what each function takes."""

from typing_extensions import Buffer

def scan(page: Buffer, /) -> tuple[str | None, int, int, int, int, int, int, int]: ...
def is_utf8(page: Buffer, /) -> bool: ...
def set_names(
    tags: dict[bytes, int],
    attributes: dict[bytes, int],
    environments: dict[bytes, int],
    classes: dict[bytes, int],
    /,
) -> None: ...
