"""The C kernels; where they were not built, their numpy twins are used instead."""

from functools import cache
from types import ModuleType

from ...corpus.characters import character_table
from ...corpus.native import load_kernel

_SLOWER = "numpy finds near-duplicates, many times slower"


@cache
def kernel() -> ModuleType | None:
    """Return the extension of sketches, ready for use; None where it was not built."""
    sketch = load_kernel(__name__, "_sketch", slower=_SLOWER)
    if sketch is not None:
        sketch.set_characters(character_table().astype("<u4").tobytes())
    return sketch


@cache
def graph_kernel() -> ModuleType | None:
    """Return the extension of sorting, pairs and components; None where it was not built."""
    return load_kernel(__name__, "_graph", slower=_SLOWER)


@cache
def scanner() -> ModuleType | None:
    """Return the extension that finds n-grams; None where it was not built."""
    return load_kernel(__name__, "_decontam", slower=_SLOWER)
