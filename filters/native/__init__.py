"""The C kernel of the recall loop; where it was not built, its Python twin is used instead."""

from functools import cache
from types import ModuleType

from ...corpus.characters import character_table
from ...corpus.native import load_kernel


@cache
def kernel() -> ModuleType | None:
    """Return the extension of words and scores, ready for use; None where it was not built."""
    recall = load_kernel(__name__, "_recall", slower="Python scores pages, many times slower")
    if recall is not None:
        recall.set_characters(character_table().astype("<u4").tobytes())
    return recall
