"""The C kernels; where one was not built, its numpy twin is used instead."""

import sys
from functools import cache
from types import ModuleType

from ..characters import character_table


@cache
def kernel() -> ModuleType | None:
    """Return the extension, ready for use; None where it was not built, said once on stderr."""
    try:
        from . import _sketch
    except ImportError:
        _say_missing("makes the signatures")
        return None
    _sketch.set_characters(character_table().astype("<u4").tobytes())
    return _sketch


@cache
def scanner() -> ModuleType | None:
    """Return the extension that finds n-grams; None where it was not built, said once on stderr."""
    try:
        from . import _decontam
    except ImportError:
        _say_missing("looks for benchmarks")
        return None
    return _decontam


def _say_missing(what: str) -> None:
    print(
        f"gristmill: numpy {what}, many times slower: the C extension was not built. "
        "Install a C compiler and Python's headers, then gristmill again.",
        file=sys.stderr,
    )
