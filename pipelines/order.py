"""The order of a repository's files inside its training samples.

DeepSeek-Coder (v1) orders by dependency, Algorithm 1 of section 2.2; DeepSeek-Coder-V2 went over to
random order, because every language needs a dependency parser of its own. Both are here.
"""

import heapq
from collections.abc import Sequence
from typing import Literal

import msgspec

from ..corpus.ids import seeded_hash
from .resolve import dependencies

OrderMethod = Literal["random", "dependency", "path"]

SMALL_REPOSITORY_BYTES = 32_768  # DeepSeek-Coder kept larger repositories at file level


class OrderFile(msgspec.Struct, frozen=True, kw_only=True):
    """One file of a repository, as ordering needs it; imports as filters.imports spells them."""

    doc_id: bytes
    path: str
    language: str
    imports: tuple[str, ...]
    num_bytes: int


def order_files(
    files: Sequence[OrderFile],
    *,
    method: OrderMethod,
    seed: int,
    context: Sequence[OrderFile] = (),
) -> list[list[int]]:
    """Return sequences of indices into `files`; each sequence is to be concatenated to one sample.

    The result depends on the files and the seed, not on the order in which the files are given.

    Args:
        method: `random` and `path` give one sequence; `dependency` gives one per weakly connected
            component, and in it a file after those it depends on. In a cycle, the file with the
            fewest unmet dependencies comes first. Ties and components are in seeded random order.
        context: further files of the repository, not to be ordered, that tell where modules begin
            (go.mod, pyproject.toml, setup.py, setup.cfg).
    """
    if method == "path":
        return _non_empty(sorted(range(len(files)), key=lambda i: (files[i].path, files[i].doc_id)))
    ties = [(seeded_hash("order", seed, file.doc_id), file.doc_id) for file in files]
    if method == "random":
        return _non_empty(sorted(range(len(files)), key=ties.__getitem__))
    ranks = [0] * len(files)
    for rank, i in enumerate(sorted(range(len(files)), key=ties.__getitem__)):
        ranks[i] = rank
    return order_by_dependency(dependencies(files, context), ranks)


def order_by_dependency(needs: Sequence[Sequence[int]], ranks: Sequence[int]) -> list[list[int]]:
    """Return Algorithm 1's sequences for a graph, in O((files + edges) log files).

    Args:
        needs: for each file the distinct others that it depends on.
        ranks: for each file a distinct number; the lowest wins a tie, and the component with the
            lowest comes first.
    """
    users: list[list[int]] = [[] for _ in needs]
    for i, needed in enumerate(needs):
        for other in needed:
            users[other].append(i)
    return [_place(component, needs, users, ranks) for component in _components(needs, ranks)]


def split_groups(
    groups: Sequence[Sequence[int]], sizes: Sequence[int], *, max_bytes: int
) -> list[list[int]]:
    """Return the groups cut between files into parts of at most max_bytes each.

    A file that is larger alone is a part of its own. DeepSeek-Coder's author says that it kept
    repositories above 32 KB at file level (issue 43); cutting keeps neighbours together instead,
    and max_bytes=1 gives the file level.
    """
    parts: list[list[int]] = []
    for group in groups:
        part: list[int] = []
        part_bytes = 0
        for i in group:
            if part and part_bytes + sizes[i] > max_bytes:
                parts.append(part)
                part, part_bytes = [], 0
            part.append(i)
            part_bytes += sizes[i]
        parts += _non_empty(part)
    return parts


def _non_empty(sequence: list[int]) -> list[list[int]]:
    return [sequence] if sequence else []


def _components(needs: Sequence[Sequence[int]], ranks: Sequence[int]) -> list[list[int]]:
    """Return the weakly connected components, that of the lowest rank first."""
    parents = list(range(len(needs)))

    def root(i: int) -> int:
        while parents[i] != i:
            parents[i] = parents[parents[i]]
            i = parents[i]
        return i

    for i, needed in enumerate(needs):
        for other in needed:
            parents[root(i)] = root(other)
    components: dict[int, list[int]] = {}
    for i in sorted(range(len(needs)), key=ranks.__getitem__):
        components.setdefault(root(i), []).append(i)
    return list(components.values())


def _place(
    component: Sequence[int],
    needs: Sequence[Sequence[int]],
    users: Sequence[Sequence[int]],
    ranks: Sequence[int],
) -> list[int]:
    """Place the file with the fewest unplaced dependencies, again and again.

    The heap is lazy: a file whose count falls is pushed again, and an outdated entry is one whose
    file is placed already, since the entry with the lowest count comes out first.
    """
    unmet = {i: len(needs[i]) for i in component}
    heap = [(unmet[i], ranks[i], i) for i in component]
    heapq.heapify(heap)
    placed: list[int] = []
    done: set[int] = set()
    while heap:
        _, _, i = heapq.heappop(heap)
        if i in done:
            continue
        done.add(i)
        placed.append(i)
        for user in users[i]:
            unmet[user] -= 1
            if user not in done:
                heapq.heappush(heap, (unmet[user], ranks[user], user))
    return placed
