"""The C kernel of the recall loop; where it was not built, its Python twin is used instead."""

import sys
from functools import cache
from types import ModuleType

from ...corpus.characters import character_table


@cache
def kernel() -> ModuleType | None:
    """Return the extension of words and scores, ready for use; None where it was not built."""
    try:
        from . import _recall
    except ImportError:
        _say_once()
        return None
    _recall.set_characters(character_table().astype("<u4").tobytes())
    return _recall


@cache
def _say_once() -> None:
    print(
        "gristmill: Python scores pages, many times slower: the C extension was not built."
        " Install a C compiler and Python's headers, then gristmill again.",
        file=sys.stderr,
    )
