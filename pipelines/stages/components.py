"""Connected components out of core: no task holds more than a partition of the edges.

Nodes are the first 8 bytes of item ids. Edges are first contracted file by file, then the rounds
of large-star and small-star (Kiveris et al., 2014) turn them into stars around the least node of
each component, whatever the partitions are. Two items whose ids begin alike would share a node:
components say which edges are looked at together, not who is a duplicate, so that does no harm.
"""

from collections.abc import Iterator
from typing import ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ...dedup.cluster import DROPPED, EDGE, FATE, choose_keepers, subject_prefixes
from ...dedup.columns import id_prefixes, run_starts
from ...dedup.components import connected_components
from ...dedup.pairs import left_prefixes
from ...dedup.sorting import argsort_u64
from ...dedup.stars import Edges, Nodes, distinct_edges, large_star, small_star
from ..artifact import InputFile
from ..output import Output
from ..stage import Inputs
from .exchange import Exchange, key_of_number, write_partitions

LINK = pa.schema([("node", pa.uint64()), ("neighbour", pa.uint64())])
COMPONENT = pa.field("component", pa.uint64())
PLACED_EDGE = EDGE.append(COMPONENT)
LINK_BYTES = 128  # of memory that an edge takes while a file is contracted


class Forest(Exchange, frozen=True, kw_only=True):
    """Contracts the edges of one partition: each item points to the least it is connected to."""

    name: ClassVar[str] = "forest"

    threshold: float

    def run(self, inputs: Inputs, output: Output) -> None:
        """Write LINKs under both ends, one slice a partition of the first."""
        batch_rows = max(1, self.memory_bytes // 2 // LINK_BYTES)
        with _Links(self, output, both_ways=True) as links:
            for edges in edges_above(inputs.one("near"), self.threshold, batch_rows):
                left, right = (id_prefixes(edges[side]) for side in ("left", "right"))
                forest = connected_components(left, right)
                apart = forest.nodes != forest.roots
                links.add(forest.nodes[apart], forest.roots[apart])
            links.write()


class Star(Exchange, frozen=True, kw_only=True):
    """A step of a round: moves the links of the nodes of one partition."""

    both_ways: ClassVar[bool]  # whether the next step needs a link under both ends

    def run(self, inputs: Inputs, output: Output) -> None:
        """Write LINKs under their larger end, or under both, and count what changed."""
        key = key_of_number("node")
        output.count("links", {"changed": 0})
        with _Links(self, output, both_ways=self.both_ways) as links:
            for block in self.merged(inputs.all("slices"), LINK.names, key, output):
                edges = self.step(*(block.table[name].to_numpy() for name in LINK.names))
                links.add(edges.larger, edges.smaller)
                output.count("links", {"changed": edges.changed})
            links.write()

    def step(self, nodes: Nodes, neighbours: Nodes) -> Edges:
        """Return the new edges of nodes, of each of which all rows are given."""
        raise NotImplementedError


class LargeStar(Star, frozen=True, kw_only=True):
    """Links every larger neighbour of a node to its least neighbour."""

    name: ClassVar[str] = "large_star"
    both_ways: ClassVar[bool] = False

    def step(self, nodes: Nodes, neighbours: Nodes) -> Edges:
        """Return the edges of a large-star."""
        return large_star(nodes, neighbours)


class SmallStar(Star, frozen=True, kw_only=True):
    """Links a node and its smaller neighbours to the least of them."""

    name: ClassVar[str] = "small_star"
    both_ways: ClassVar[bool] = True

    def step(self, nodes: Nodes, neighbours: Nodes) -> Edges:
        """Return the edges of a small-star."""
        return small_star(nodes, neighbours)


class _Links:
    """The edges that a task of a round sends, sorted, each once."""

    def __init__(self, stage: Exchange, output: Output, *, both_ways: bool) -> None:
        self._stage = stage
        self._output = output
        self._both_ways = both_ways
        self._sorter = stage.sorter(key_of_number("node"), output, _distinct_links)

    def __enter__(self) -> "_Links":
        return self

    def __exit__(self, *error: object) -> None:
        self._sorter.__exit__(*error)

    def add(self, nodes: np.ndarray, neighbours: np.ndarray) -> None:
        self._sorter.add(pa.table([nodes, neighbours], schema=LINK))
        if self._both_ways:
            self._sorter.add(pa.table([neighbours, nodes], schema=LINK))

    def write(self) -> None:
        key = key_of_number("node")
        write_partitions(self._sorter.blocks(), key, self._stage.partitions, self._output, LINK)


class Label(Exchange, frozen=True, kw_only=True):
    """Says which component each edge of one partition belongs to."""

    name: ClassVar[str] = "label"

    threshold: float

    def run(self, inputs: Inputs, output: Output) -> None:
        """Write PLACED_EDGEs, one slice a partition of the components.

        The labels of the partition lie in memory: 16 bytes for each item that resembles another.
        """
        nodes, labels = _labels(inputs)
        key = key_of_number("component")
        with self.sorter(key, output, _in_order) as sorter:
            batch_rows = max(1, self.memory_bytes // 4 // 128)
            for edges in edges_above(inputs.one("near"), self.threshold, batch_rows):
                places = np.searchsorted(nodes, left_prefixes(edges))
                sorter.add(edges.append_column(COMPONENT, pa.array(labels[places])))
            write_partitions(sorter.blocks(), key, self.partitions, output, PLACED_EDGE)


def _labels(inputs: Inputs) -> tuple[np.ndarray, np.ndarray]:
    """Return the nodes of a partition, sorted, and the least node of each one's component."""
    tables = [file.read(LINK.names) for file in inputs.all("stars")]
    table = pa.concat_tables([LINK.empty_table(), *tables])
    nodes, neighbours = (table[name].to_numpy() for name in LINK.names)
    order = argsort_u64(nodes)
    nodes, least = nodes[order], np.minimum(nodes, neighbours)[order]
    if not len(nodes):
        return nodes, least
    starts = run_starts(nodes)
    return nodes[starts], np.minimum.reduceat(least, starts)


class Cluster(Exchange, frozen=True, kw_only=True):
    """Chooses who is kept in the components of one partition, a component whole in memory."""

    name: ClassVar[str] = "cluster"
    version: ClassVar[int] = 2

    def run(self, inputs: Inputs, output: Output) -> None:
        """Write the FATE of near duplicates, one slice a partition of their ids."""
        key = key_of_number("component")
        with self.sorter(subject_prefixes, output, _by_subject) as sorter:
            for block in self.merged(inputs.all("slices"), PLACED_EDGE.names, key, output):
                dropped = choose_keepers(block.table.select(EDGE.names))
                components = len(np.unique(block.keys))
                output.count("components", {"all": components})
                sorter.add(_fates(dropped))
            write_partitions(sorter.blocks(), subject_prefixes, self.partitions, output, FATE)


def _fates(dropped: pa.Table) -> pa.Table:
    copies = pa.repeat(pa.scalar(value=False), dropped.num_rows)
    columns = [dropped["item_id"], *(dropped[name] for name in DROPPED.names), copies]
    return pa.table(columns, schema=FATE)


def edges_above(file: InputFile, threshold: float, batch_rows: int) -> Iterator[pa.Table]:
    """Yield the edges of a file that reach the threshold."""
    for table in file.batches(EDGE.names, batch_rows):
        found = table.filter(pc.greater_equal(table["similarity"], threshold))
        if found.num_rows:
            yield found


def _by_subject(fates: pa.Table) -> pa.Table:
    return fates.sort_by([("subject", "ascending"), ("item_id", "ascending")])


def _in_order(edges: pa.Table) -> pa.Table:
    keys = ("component", "left", "right")
    return edges.sort_by([(name, "ascending") for name in keys])


def _distinct_links(links: pa.Table) -> pa.Table:
    nodes, neighbours = (links[name].to_numpy() for name in LINK.names)
    return pa.table(distinct_edges(nodes, neighbours), schema=LINK)
