"""The C kernel of the sketches; where it was not built, its numpy twin is used instead."""

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
        print(
            "gristmill: numpy makes the signatures, many times slower: the C extension was not"
            " built. Install a C compiler and Python's headers, then gristmill again.",
            file=sys.stderr,
        )
        return None
    _sketch.set_characters(character_table().astype("<u4").tobytes())
    return _sketch
