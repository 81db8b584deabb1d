"""Which URL prefixes of a host hold the topic: the exact cut of its tree of directories.

Pages lie in a tree of directories; a cut gives every page to one prefix. The cut chosen makes
sum (negative log likelihood of k collected among n pages, n ln 2 at most) + (ln(n_host) / 2 + 1) a
prefix least, so a directory is split only where its parts differ enough to pay for themselves. A
bottom-up pass finds it exactly, in time linear in the nodes.
"""

import math
from typing import Final, Literal, NamedTuple, TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt

from .intervals import wilson

Proposal: TypeAlias = Literal["accept", "reject", "review"]
Scope: TypeAlias = Literal["prefix", "page"]

_TIE: Final = 1e-9  # rounding must not decide a cut


class PrefixSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What bounds a tree, and what a prefix's interval means."""

    max_depth: int = 8  # directories below the root
    max_nodes: int = 200_000  # of a host; a deeper tree is cut to the depth that fits
    accept_share: float = 0.5  # accept from this lower bound on, reject below this upper bound


class Prefix(NamedTuple):
    """A prefix of the cut with its evidence.

    Scope `prefix` is every page whose directory begins so, `page` only those right in it.
    """

    prefix: str
    scope: Scope
    num_pages: int
    num_collected: int
    lower: float
    upper: float
    proposal: Proposal


class Node:
    """A directory: what lies right in it, and what lies below it too."""

    __slots__ = ("children", "here_collected", "here_pages", "num_collected", "num_pages", "parent")

    def __init__(self, parent: "Node | None") -> None:
        self.parent = parent
        self.children: dict[str, Node] = {}
        self.here_pages = self.here_collected = 0
        self.num_pages = self.num_collected = 0


def directories(path: str, *, has_query: bool = False) -> list[str]:
    """Return the names of the directories that a page lies in, outermost first.

    A script with a query is one, named with its question mark: its pages differ by the query alone.
    """
    *names, last = path.split("/")[1:]
    return [*(f"{name}/" for name in names), *([f"{last}?"] if has_query else ())]


def host_prefixes(
    paths: list[str],
    has_query: npt.NDArray[np.bool_],
    collected: npt.NDArray[np.bool_],
    settings: PrefixSettings,
) -> list[Prefix]:
    """Return the best cut of one host's pages, sorted by prefix; the order of pages is no matter.

    Args:
        paths: of every page, each beginning with a slash.
    """
    places = [
        directories(path, has_query=bool(q)) for path, q in zip(paths, has_query, strict=True)
    ]
    root, nodes = _tree(places, collected, _depth(places, settings))
    penalty = 0.5 * math.log(max(len(paths), 1)) + 1
    groups = _cut(root, nodes, penalty)
    return sorted(_prefix(node, name, scope, settings) for node, name, scope in groups)


def _depth(places: list[list[str]], settings: PrefixSettings) -> int:
    """Return the greatest depth at which the tree has no more nodes than are allowed.

    Counted level by level by hashes, so that a hostile host costs no more memory than its paths.
    """
    num_nodes, level = 1, [0] * len(places)
    for depth in range(settings.max_depth):
        names: dict[tuple[int, str], int] = {}
        level = [
            names.setdefault((node, place[depth]), len(names)) if len(place) > depth else -1
            for node, place in zip(level, places, strict=True)
        ]
        num_nodes += len(names)
        if num_nodes > settings.max_nodes:
            return depth
        if not names:
            return depth
    return settings.max_depth


def _tree(
    places: list[list[str]], collected: npt.NDArray[np.bool_], depth: int
) -> tuple[Node, list[Node]]:
    """Return the root, and all nodes with parents before their children."""
    root = Node(None)
    nodes = [root]
    for place, is_collected in zip(places, collected.tolist(), strict=True):
        node = root
        for name in place[:depth]:
            child = node.children.get(name)
            if child is None:
                child = node.children[name] = Node(node)
                nodes.append(child)
            node = child
        node.here_pages += 1
        node.here_collected += is_collected
    for node in reversed(nodes):
        node.num_pages += node.here_pages
        node.num_collected += node.here_collected
        if node.parent is not None:
            node.parent.num_pages += node.num_pages
            node.parent.num_collected += node.num_collected
    return root, nodes


def likelihood_cost(collected: int, pages: int) -> float:
    """Return the negative log likelihood of a group of pages at its own share, in nats."""
    missed = pages - collected
    if not collected or not missed:
        return 0.0
    return -(collected * math.log(collected / pages) + missed * math.log(missed / pages))


def _cut(root: Node, nodes: list[Node], penalty: float) -> list[tuple[Node, str, Scope]]:
    """Return the nodes of the cheapest cut, each with its prefix; of equal cuts the shallowest."""
    best: dict[int, float] = {}
    is_split: set[int] = set()
    for node in reversed(nodes):
        whole = likelihood_cost(node.num_collected, node.num_pages) + penalty
        # An exact sum does not depend on the order in which pages came.
        parts = [best[id(child)] for child in node.children.values()]
        if node.here_pages:
            parts.append(likelihood_cost(node.here_collected, node.here_pages) + penalty)
        split = math.fsum(parts) if node.children else math.inf
        best[id(node)] = min(whole, split)
        if split < whole - _TIE:
            is_split.add(id(node))
    groups: list[tuple[Node, str, Scope]] = []
    open_nodes = [(root, "/")]
    while open_nodes:
        node, prefix = open_nodes.pop()
        if id(node) not in is_split:
            groups.append((*_narrowed(node, prefix), "prefix"))
            continue
        if node.here_pages:
            groups.append((node, prefix, "page"))
        open_nodes += [(child, prefix + name) for name, child in node.children.items()]
    return groups


def _narrowed(node: Node, prefix: str) -> tuple[Node, str]:
    """Return the deepest directory with the same pages: nothing is known of what lies beside it."""
    while not node.here_pages and len(node.children) == 1:
        ((name, node),) = node.children.items()
        prefix += name
    return node, prefix


def _prefix(node: Node, prefix: str, scope: Scope, settings: PrefixSettings) -> Prefix:
    is_page = scope == "page"
    pages = node.here_pages if is_page else node.num_pages
    collected = node.here_collected if is_page else node.num_collected
    lower, upper = wilson(collected, pages)
    return Prefix(prefix, scope, pages, collected, lower, upper, propose(lower, upper, settings))


def propose(lower: float, upper: float, settings: PrefixSettings) -> Proposal:
    """Return what an interval says; where it holds the bar, a person decides."""
    if lower >= settings.accept_share:
        return "accept"
    return "reject" if upper < settings.accept_share else "review"
