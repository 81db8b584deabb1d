"""Resolvers of the five languages that DeepSeek-Coder ordered: Python, Java, C#, C and C++."""

import posixpath
from collections.abc import Callable, Iterator, Sequence

from .resolve_index import NearestIndex, RepositoryIndex

_Resolver = Callable[[int, str], Sequence[int]]

_MAX_SUFFIX_PARTS = 8  # an #include of more folders is not looked up by its end
_PYTHON_PROJECTS = ("setup.py", "setup.cfg", "pyproject.toml")


def python_resolver(index: RepositoryIndex) -> _Resolver:
    """Look modules up below the importing file's folder, the root, src/, and every project's root.

    The longest module path that is a file wins; `from a import b` is the module a.b if there is
    one, else a. A package is its __init__.py.
    """
    roots = {
        posixpath.dirname(path)
        for path in (*index.paths, *index.context)
        if posixpath.basename(path) in _PYTHON_PROJECTS
    }
    roots |= {posixpath.join(root, "src") for root in roots}
    projects = NearestIndex(
        (path[len(root) + 1 :], path, i)
        for path, i in index.paths.items()
        for root in _folders_above(path)
        if root in roots and root
    )

    def find(i: int, parts: Sequence[str]) -> list[int]:
        if not parts:
            return []
        names = ("/".join(parts) + ".py", "/".join(parts) + "/__init__.py")
        bases = (index.folder_of(i), "", "src")
        found = index.find(*(posixpath.join(base, name) for base in bases for name in names))
        for name in names:
            found = found or projects.find(name, index.path_of[i])
        return found

    def resolve(i: int, spelled: str) -> Sequence[int]:
        words = spelled.split(" ")
        if words[0] == "import":
            parts = words[1].split(".")
            lengths = range(len(parts), 0, -1)
            return next((found for n in lengths if (found := find(i, parts[:n]))), [])
        module, name = words[1], [] if words[3] == "*" else [words[3]]
        num_dots = len(module) - len(module.lstrip("."))
        parts = [part for part in module[num_dots:].split(".") if part]
        if not num_dots:
            return find(i, [*parts, *name]) or find(i, parts)
        base = index.folder_of(i)
        for _ in range(num_dots - 1):
            base = posixpath.join(base, "..")
        stem = posixpath.join(base, *parts)
        deeper = [posixpath.join(stem, *name)] if name else []
        return index.find(
            *(path + end for path in (*deeper, stem) for end in (".py", "/__init__.py"))
        )

    return resolve


def java_resolver(index: RepositoryIndex) -> _Resolver:
    """Look classes up by package and file stem; a nested class or static member by its class."""
    packages = index.declared("package")
    classes = NearestIndex(
        (f"{package}.{_stem(index.path_of[i])}", index.path_of[i], i)
        for package, members in packages.items()
        for i in members
    )

    def resolve(i: int, spelled: str) -> Sequence[int]:
        name = spelled.removeprefix("import ").removeprefix("static ")
        if not spelled.startswith("import "):
            return []
        if name.endswith(".*"):
            name = name[:-2]
            if name in packages:
                return packages[name]
        while "." in name:
            if found := classes.find(name, index.path_of[i]):
                return found
            name = name.rpartition(".")[0]
        return []

    return resolve


def csharp_resolver(index: RepositoryIndex) -> _Resolver:
    """Look namespaces up; a static using or an alias of a type by the file named like the type."""
    namespaces = index.declared("namespace")
    types = NearestIndex(
        (f"{namespace}.{_stem(index.path_of[i])}", index.path_of[i], i)
        for namespace, members in namespaces.items()
        for i in members
    )

    def resolve(i: int, spelled: str) -> Sequence[int]:
        if not spelled.startswith("using "):
            return []
        name = spelled.removeprefix("using ")
        if not name.startswith(("static ", "= ")):
            return namespaces.get(name, [])
        name = name.split(" ", 1)[1]
        if name in namespaces:
            return namespaces[name]
        while "." in name:
            if found := types.find(name, index.path_of[i]):
                return found
            name = name.rpartition(".")[0]
        return []

    return resolve


def c_resolver(index: RepositoryIndex) -> _Resolver:
    """Look headers up beside the including file (in quotes), at the root, in include/ and src/.

    Else by the end of their path: in quotes any file, in angles one of an include folder; of
    several the nearest.
    """
    suffixes = NearestIndex(
        ("/".join(parts[-n:]), path, i)
        for path, i in index.paths.items()
        for parts in [path.split("/")]
        for n in range(1, min(len(parts), _MAX_SUFFIX_PARTS) + 1)
    )

    def resolve(i: int, spelled: str) -> Sequence[int]:
        quoted = spelled.removeprefix("include ")
        header = posixpath.normpath(quoted[1:-1])
        bases = ["", "include", "src"]
        if quoted.startswith('"'):
            bases.insert(0, index.folder_of(i))
        found = index.find(*(posixpath.join(base, quoted[1:-1]) for base in bases))
        suffix = header if quoted.startswith('"') else f"include/{header}"
        return found or suffixes.find(suffix, index.path_of[i])

    return resolve


def _folders_above(path: str) -> Iterator[str]:
    while path:
        path = posixpath.dirname(path)
        yield path


def _stem(path: str) -> str:
    """Return a file's name up to its first dot, so that Form.Designer.cs belongs to Form."""
    return posixpath.basename(path).partition(".")[0]
