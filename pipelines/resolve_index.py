"""Indexes over one repository's paths that the resolvers share."""

import posixpath
from bisect import bisect_left
from collections.abc import Iterable, Mapping

Parts = tuple[str, ...]


class RepositoryIndex:
    """The files of one language family, by path; `context` holds other files' paths and imports."""

    def __init__(
        self,
        *,
        paths: Mapping[str, int],
        imports: Mapping[int, tuple[str, ...]],
        context: Mapping[str, tuple[str, ...]],
    ) -> None:
        self.paths = paths
        self.imports = imports
        self.context = context
        self.path_of = {i: path for path, i in paths.items()}

    def find(self, *candidates: str) -> list[int]:
        """Return the file of the first candidate path that is one, or nothing."""
        for candidate in candidates:
            found = self.paths.get(posixpath.normpath(candidate))
            if found is not None:
                return [found]
        return []

    def folder_of(self, i: int) -> str:
        """Return the folder a file lies in, "" for the repository's root."""
        return posixpath.dirname(self.path_of[i])

    def declared(self, keyword: str) -> dict[str, list[int]]:
        """Return the files that declare each name by an import string of this keyword."""
        names: dict[str, list[int]] = {}
        for i in self.paths.values():
            for spelled in self.imports[i]:
                if spelled.startswith(f"{keyword} "):
                    names.setdefault(spelled[len(keyword) + 1 :], []).append(i)
        return names


class NearestIndex:
    """Files under keys that several can share; of those the nearest to an asking file is found.

    Nearest is the longest common run of leading folders. In sorted order a path's best match
    stands next to where it would be inserted, so a look-up is one bisection.
    """

    def __init__(self, entries: Iterable[tuple[str, str, int]]) -> None:
        """Take (key, path, file) entries."""
        self._by_key: dict[str, list[tuple[Parts, int]]] = {}
        for key, path, i in entries:
            self._by_key.setdefault(key, []).append((tuple(path.split("/")), i))
        for candidates in self._by_key.values():
            candidates.sort()

    def find(self, key: str, path: str) -> list[int]:
        """Return the file under the key that lies nearest to the path, or nothing."""
        candidates = self._by_key.get(key)
        if not candidates:
            return []
        parts = tuple(path.split("/"))
        at = bisect_left(candidates, (parts, -1))
        neighbours = candidates[max(at - 1, 0) : at + 1]
        _, best = max(neighbours, key=lambda item: (_num_common(item[0], parts), item[1] >= 0))
        return [best]


def _num_common(left: Parts, right: Parts) -> int:
    pairs = zip(left[:-1], right[:-1], strict=False)
    return next((i for i, (a, b) in enumerate(pairs) if a != b), min(len(left), len(right)) - 1)
