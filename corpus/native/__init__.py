"""The C tokenizer; where it was not built, two engines of fastokens do the same, line by line."""

import sys
from functools import cache
from types import ModuleType


@cache
def kernel() -> ModuleType | None:
    """Return the extension of the tokenizer; None where it was not built."""
    try:
        from . import _tokenizer
    except ImportError:
        _say_once()
        return None
    return _tokenizer


@cache
def _say_once() -> None:
    print(
        "gristmill: texts are tokenized by fastokens, many times slower: the C extension was not"
        " built. Install a C compiler and Python's headers, then gristmill again.",
        file=sys.stderr,
    )
