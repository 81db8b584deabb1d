"""Connected components: every node is told the least node that it is connected to, in memory."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from .native import graph_kernel
from .sorting import rank_u64


class Forest(NamedTuple):
    """The components of a graph; both arrays [num_nodes]."""

    nodes: npt.NDArray[np.uint64]  # every end of an edge, sorted, distinct
    roots: npt.NDArray[np.uint64]  # the least node of the node's component


def connected_components(left: npt.NDArray[np.uint64], right: npt.NDArray[np.uint64]) -> Forest:
    """Return the components of a graph of edges (left, right) [num_edges], at most 2^30 edges.

    Direction, order and repeats have no influence, and an edge from a node to itself makes the
    node occur. Memory while it runs is up to 100 bytes an edge.
    """
    nodes, ranks = rank_u64(np.concatenate([left, right]))
    num_edges = len(left)
    return Forest(nodes, nodes[least_ranks(ranks[:num_edges], ranks[num_edges:], len(nodes))])


def least_ranks(
    left: npt.NDArray[np.uint32], right: npt.NDArray[np.uint32], num_nodes: int
) -> npt.NDArray[np.uint32]:
    """Return for nodes 0 to num_nodes - 1 the least node of their components."""
    native = graph_kernel()
    if native is None:
        return numpy_least_ranks(left, right, num_nodes)
    parents = np.arange(num_nodes, dtype=np.uint32)
    native.unite(np.ascontiguousarray(left), np.ascontiguousarray(right), parents)
    return parents


def numpy_least_ranks(
    left: npt.NDArray[np.uint32], right: npt.NDArray[np.uint32], num_nodes: int
) -> npt.NDArray[np.uint32]:
    """Return what `least_ranks` does, without the C extension.

    Each turn hangs every root beside a lesser one under the least of those, which at least halves
    the roots that are left in a component, and then leads every node to its root.
    """
    parents = np.arange(num_nodes, dtype=np.uint32)
    while True:
        ends = parents[left], parents[right]
        lesser, greater = np.minimum(*ends), np.maximum(*ends)
        apart = lesser != greater
        if not apart.any():
            return parents
        np.minimum.at(parents, greater[apart], lesser[apart])
        grand = parents[parents]
        while not np.array_equal(parents, grand):
            parents, grand = grand, grand[grand]
