"""Resolvers beyond DeepSeek-Coder's five languages: Go, Rust, JavaScript and TypeScript."""

import posixpath
from collections.abc import Callable, Sequence

from .resolve_index import RepositoryIndex

_Resolver = Callable[[int, str], Sequence[int]]

_HOST_PARTS = 3  # host/owner/repository
_CRATE_ROOTS = ("lib.rs", "main.rs")
_SCRIPT_ENDS = (".ts", ".tsx", ".d.ts", ".js", ".jsx", ".mjs", ".cjs", ".mts", ".cts")
_WRITTEN_ENDS = (".js", ".jsx", ".mjs", ".cjs")  # TypeScript imports x.ts as "x.js"


def go_resolver(index: RepositoryIndex) -> _Resolver:
    """Look packages up as folders below the module that go.mod names; all their files but tests.

    Without a go.mod, `host/owner/repository/rest` is the folder `rest`.
    """
    packages: dict[str, list[int]] = {}
    for path, i in index.paths.items():
        if not path.endswith("_test.go"):
            packages.setdefault(posixpath.dirname(path), []).append(i)
    modules = {
        spelled.removeprefix("module "): posixpath.dirname(path)
        for path, imports in sorted(index.context.items())
        for spelled in imports
        if spelled.startswith("module ")
    }

    def resolve(_i: int, spelled: str) -> Sequence[int]:
        if not spelled.startswith("import "):
            return []
        parts = spelled.removeprefix("import ").split("/")
        for n in range(len(parts), 0, -1):
            root = modules.get("/".join(parts[:n]))
            if root is not None:
                return packages.get(posixpath.join(root, *parts[n:]), [])
        if modules or "." not in parts[0] or len(parts) <= _HOST_PARTS:
            return []
        return packages.get("/".join(parts[_HOST_PARTS:]), [])

    return resolve


def javascript_resolver(index: RepositoryIndex) -> _Resolver:
    """Look relative specifiers up: as written, with each extension, as a folder's index file."""

    def resolve(i: int, spelled: str) -> Sequence[int]:
        if not spelled.startswith(("./", "../")) and spelled not in (".", ".."):
            return []
        stem = posixpath.join(index.folder_of(i), spelled)
        swapped = next((stem[: -len(end)] for end in _WRITTEN_ENDS if stem.endswith(end)), None)
        return index.find(
            stem,
            *(f"{stem}{end}" for end in _SCRIPT_ENDS),
            *(f"{swapped}{end}" for end in _SCRIPT_ENDS[:3] if swapped is not None),
            *(f"{stem}/index{end}" for end in _SCRIPT_ENDS),
        )

    return resolve


class _Crates:
    """Every file's place in the module tree of its crate."""

    def __init__(self, index: RepositoryIndex) -> None:
        roots = {
            posixpath.dirname(path)
            for path in index.paths
            if posixpath.basename(path) in _CRATE_ROOTS
        }
        self.place: dict[int, tuple[str, tuple[str, ...]]] = {}
        self.files: dict[tuple[str, tuple[str, ...]], int] = {}
        self.names: dict[str, str] = {}  # of the crates, by their folders
        for path, i in sorted(index.paths.items()):
            root = posixpath.dirname(path)
            while root and root not in roots:
                root = posixpath.dirname(root)
            if root not in roots:
                root = posixpath.dirname(path)
            self.place[i] = (root, _module_of(path[len(root) :].lstrip("/")))
            self.files.setdefault(self.place[i], i)
        for root in sorted(roots):
            folder = posixpath.dirname(root) if posixpath.basename(root) == "src" else root
            self.names.setdefault(posixpath.basename(folder).replace("-", "_"), root)

    def longest(self, root: str, parts: Sequence[str], *, above: int) -> list[int]:
        """Return the file of the longest module path with more than `above` parts, or nothing."""
        for n in range(len(parts), above, -1):
            found = self.files.get((root, tuple(parts[:n])))
            if found is not None:
                return [found]
        return []


def rust_resolver(index: RepositoryIndex) -> _Resolver:
    """Look modules up by `mod` and by the paths of `use`: crate, self, super, a child, a crate.

    A path that ends at a module around the importing one gives no edge: that module already
    depends on its children through `mod`.
    """
    crates = _Crates(index)

    def resolve(i: int, spelled: str) -> Sequence[int]:
        root, module = crates.place[i]
        keyword, _, name = spelled.partition(" ")
        parts = name.split("::")
        if keyword == "mod":
            return crates.longest(root, [*module, *parts], above=len(module))
        if parts[0] == "crate":
            found = crates.longest(root, parts[1:], above=0)
        elif parts[0] == "self":
            found = crates.longest(root, [*module, *parts[1:]], above=len(module))
        elif parts[0] == "super":
            num_supers = next((n for n, part in enumerate(parts) if part != "super"), len(parts))
            base = module[: max(len(module) - num_supers, 0)]
            found = crates.longest(root, [*base, *parts[num_supers:]], above=len(base))
        else:
            found = crates.longest(root, [*module, *parts], above=len(module))
            other = crates.names.get(parts[0])
            if not found and other is not None and other != root:
                return crates.longest(other, parts[1:], above=-1)
        around = [
            target
            for target in found
            if module[: len(crates.place[target][1])] == crates.place[target][1]
        ]
        return [] if around else found

    return resolve


def _module_of(path: str) -> tuple[str, ...]:
    """Return the module path of a file, given its path below the crate's root."""
    parts = path.removesuffix(".rs").split("/")
    if len(parts) == 1 and path in _CRATE_ROOTS:
        return ()
    return tuple(parts[:-1] if parts[-1] == "mod" else parts)
