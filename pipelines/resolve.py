"""Which files of a repository a file depends on: import statements looked up among its paths.

The papers name only keywords (`import`, `using`, `include`); how a name becomes a file is ours,
and follows what the language's own tools do where that needs no configuration. Every look-up goes
through an index, so a repository costs what its files and imports cost, never files x files.
"""

from collections.abc import Callable, Sequence
from typing import Protocol

from .resolve_index import RepositoryIndex
from .resolve_more import go_resolver, javascript_resolver, rust_resolver
from .resolve_paper import c_resolver, csharp_resolver, java_resolver, python_resolver

# An import that stands for more files than this (a package, a namespace) says little about order,
# and many such imports would make the graph quadratic: it gives no edge.
MAX_FAN_OUT = 256


class SourceFile(Protocol):
    """What resolving needs of a file."""

    @property
    def path(self) -> str:
        """Path in the repository, with slashes."""

    @property
    def language(self) -> str:
        """A name of the language table."""

    @property
    def imports(self) -> tuple[str, ...]:
        """As filters.imports spells them."""


# Returns, for a file's index and one of its imports, the indices of the files it means.
Resolver = Callable[[int, str], Sequence[int]]

_FAMILIES: dict[str, Callable[[RepositoryIndex], Resolver]] = {
    "python": python_resolver,
    "java": java_resolver,
    "csharp": csharp_resolver,
    "c": c_resolver,
    "go": go_resolver,
    "rust": rust_resolver,
    "javascript": javascript_resolver,
}

_FAMILY_OF: dict[str, str] = {
    "Python": "python",
    "Java": "java",
    "C#": "csharp",
    "C": "c",
    "C++": "c",
    "Go": "go",
    "Rust": "rust",
    "JavaScript": "javascript",
    "JSX": "javascript",
    "TypeScript": "javascript",
    "TSX": "javascript",
}

RESOLVED_LANGUAGES = frozenset(_FAMILY_OF)


def dependencies(
    files: Sequence[SourceFile], context: Sequence[SourceFile] = ()
) -> list[list[int]]:
    """Return for each file the sorted indices of the others it depends on.

    Files of languages that import each other's files (C and C++; JavaScript and TypeScript) may be
    given together. A file of a language outside RESOLVED_LANGUAGES depends on nothing.

    Args:
        files: the files of one repository; no two have the same path.
        context: further files of it, which are never depended on; see `order_files`.
    """
    needs: list[set[int]] = [set() for _ in files]
    for family, make in _FAMILIES.items():
        members = [i for i, file in enumerate(files) if _FAMILY_OF.get(file.language) == family]
        if not members:
            continue
        index = RepositoryIndex(
            paths={files[i].path: i for i in members},
            imports={i: files[i].imports for i in members},
            context={file.path: file.imports for file in context},
        )
        resolve = make(index)
        for i in members:
            for spelled in files[i].imports:
                targets = resolve(i, spelled)
                if len(targets) <= MAX_FAN_OUT:
                    needs[i].update(targets)
            needs[i].discard(i)
    return [sorted(needed) for needed in needs]
