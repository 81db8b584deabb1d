"""The C kernels; where they were not built, their numpy twins are used instead."""

import sys
from functools import cache
from types import ModuleType

from ...corpus.characters import character_table


@cache
def kernel() -> ModuleType | None:
    """Return the extension of sketches, ready for use; None where it was not built."""
    try:
        from . import _sketch
    except ImportError:
        _say_once()
        return None
    _sketch.set_characters(character_table().astype("<u4").tobytes())
    return _sketch


@cache
def graph_kernel() -> ModuleType | None:
    """Return the extension of sorting, pairs and components; None where it was not built."""
    try:
        from . import _graph
    except ImportError:
        _say_once()
        return None
    return _graph


@cache
def scanner() -> ModuleType | None:
    """Return the extension that finds n-grams; None where it was not built."""
    try:
        from . import _decontam
    except ImportError:
        _say_once()
        return None
    return _decontam


@cache
def _say_once() -> None:
    print(
        "gristmill: numpy finds near-duplicates, many times slower: the C extension was not"
        " built. Install a C compiler and Python's headers, then gristmill again.",
        file=sys.stderr,
    )
