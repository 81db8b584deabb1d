"""Connected components by partitions: one round of large-star or small-star over some nodes.

The alternating algorithm of Kiveris et al., Connected Components in MapReduce and Beyond (SoCC
2014). A graph is edges (larger, smaller). Large-star runs on partitions of all nodes, small-star on
partitions of the edges' larger ends, in turn, and the edges that the partitions of one step return
are the graph of the next. When a step of both kinds changes nothing in any partition, every node
has one edge, to the least node of its component. Any partitioning gives the same edges.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from .columns import run_starts
from .sorting import argsort_u64

Nodes = npt.NDArray[np.uint64]


class Edges(NamedTuple):
    """Distinct edges sorted by (larger, smaller), and how much a step changed."""

    larger: Nodes  # [num_edges]
    smaller: Nodes  # [num_edges], less than `larger`
    changed: int  # 0 when the step found nothing to do


def large_star(nodes: Nodes, neighbours: Nodes) -> Edges:
    """Connect the larger neighbours of each node with the least of the node and its neighbours.

    A row [num_rows] says that a node has a neighbour; all rows of a node are present, so over all
    partitions each edge has a row for each of its ends. Rows of a node with itself make no edge.
    `changed` counts rows whose edge went to another node than their own. Memory is up to 100
    bytes a row.
    """
    nodes, neighbours, starts = _grouped(nodes, neighbours)
    least = _least(neighbours, starts)
    least = np.minimum(least, nodes[starts])
    least = np.repeat(least, np.diff(starts, append=len(nodes)))
    larger = neighbours > nodes
    moved = int(np.count_nonzero(least[larger] != nodes[larger]))
    return Edges(*distinct_edges(neighbours[larger], least[larger]), moved)


def small_star(larger: Nodes, smaller: Nodes) -> Edges:
    """Connect each larger end and its smaller neighbours with the least of these.

    A row [num_rows] is an edge; all rows of a larger end are present. `changed` counts nodes with
    more than one smaller neighbour. Memory is up to 100 bytes a row.
    """
    assert bool((smaller < larger).all()), "an edge is (larger, smaller)"
    larger, smaller, starts = _grouped(larger, smaller)
    least = _least(smaller, starts)
    greatest = np.maximum.reduceat(smaller, starts) if len(starts) else least
    centres = np.repeat(least, np.diff(starts, append=len(larger)))
    others = smaller != centres
    ends = np.concatenate([larger[starts], smaller[others]])
    edges = distinct_edges(ends, np.concatenate([least, centres[others]]))
    return Edges(*edges, int(np.count_nonzero(greatest != least)))


def both_ends(larger: Nodes, smaller: Nodes) -> tuple[Nodes, Nodes]:
    """Return the rows (node, neighbour) that large-star takes, one for each end of each edge."""
    return np.concatenate([larger, smaller]), np.concatenate([smaller, larger])


def distinct_edges(larger: Nodes, smaller: Nodes) -> tuple[Nodes, Nodes]:
    """Return the distinct edges, sorted by (larger, smaller)."""
    order = argsort_u64(smaller)
    order = order[argsort_u64(larger[order])]
    larger, smaller = larger[order], smaller[order]
    fresh = np.ones(len(order), dtype=np.bool_)
    fresh[1:] = (larger[1:] != larger[:-1]) | (smaller[1:] != smaller[:-1])
    return larger[fresh], smaller[fresh]


def _grouped(nodes: Nodes, neighbours: Nodes) -> tuple[Nodes, Nodes, npt.NDArray[np.int64]]:
    """Return the rows in the order of their nodes, and where the rows of a node start."""
    order = argsort_u64(nodes)
    nodes = nodes[order]
    return nodes, neighbours[order], run_starts(nodes)


def _least(values: Nodes, starts: npt.NDArray[np.int64]) -> Nodes:
    return np.minimum.reduceat(values, starts) if len(starts) else values[:0]
