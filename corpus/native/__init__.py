"""How a package finds its C kernel; where one was not built, its twin is used, and says so."""

import sys
from functools import cache
from importlib import import_module
from types import ModuleType


def load_kernel(package: str, name: str, *, slower: str) -> ModuleType | None:
    """Return an extension of a package, None where it was not built, which is said once.

    Args:
        slower: who does the work in its place, and how much slower.
    """
    try:
        return import_module(f"{package}.{name}")
    except ImportError:
        _say_once(slower)
        return None


@cache
def _say_once(slower: str) -> None:
    print(
        f"gristmill: {slower}: the C extension was not built."
        " Install a C compiler and Python's headers, then gristmill again.",
        file=sys.stderr,
    )
