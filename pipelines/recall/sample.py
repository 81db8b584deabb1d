"""The sample for people to label, drawn over all shards."""

from collections import Counter

import numpy as np
import pyarrow as pa

from ...filters.recall.audit import score_edges, stratum_takes
from ..engine import Node, NodeId
from ..stages.exchange import shard_slice
from ..stages.recall_sample import SAMPLED, CountStrata, HostSizes, SampledPages
from .graph import LoopGraph, Source, whole
from .hashes import HashCounts
from .ranking import Ranking
from .work import Work

ITERATION = 1  # whose scores the strata are of


def audit_sample(work: Work, graph: LoopGraph, ranking: Ranking) -> str:
    """Return pages for people to label, a line each: URL, a label to be filled in, weight.

    Seeds and labelled pages are not among them.
    """
    settings = graph.target.sample
    edges = score_edges(ranking.unlabelled, settings.score_strata)
    work.run(_sizes(graph))
    work.run(_over_shards(graph, CountStrata(edges=edges)))
    hashes = HashCounts(work.counts(graph.of("recall_strata"), "groups"))
    strata = sorted(hashes.groups(), key=_place)
    sizes = {one: hashes.size([one]) for one in strata}
    takes = stratum_takes(np.array(list(sizes.values()), dtype=np.int64), settings.size)
    wanted = dict(zip(strata, takes.tolist(), strict=True))
    bounds: dict[str, int] | None = {one: hashes.bound([one], wanted[one]) for one in strata}
    while bounds is not None:
        work.run(_over_shards(graph, SampledPages(edges=edges, bounds=bounds)))
        table = pa.concat_tables([SAMPLED.empty_table(), *work.tables(graph.of("recall_sampled"))])
        bounds = hashes.widened(bounds, wanted, Counter(table["group"].to_pylist()))
    lines = _lines(table, sizes, wanted)
    work.discard([*graph.of_parts("recall_sizes"), *_ids(graph)])
    return "# label each page yes or no\n" + "".join(sorted(lines))


def _lines(table: pa.Table, sizes: dict[str, int], wanted: dict[str, int]) -> list[str]:
    """Return a line for each page of the least hashes of its stratum."""
    lines: list[str] = []
    taken: Counter[str] = Counter()
    order = [("group", "ascending"), ("sample", "ascending")]
    for row in table.sort_by(order).to_pylist():
        name = row["group"]
        taken[name] += 1
        if taken[name] <= wanted[name]:
            lines.append(f"{row['url']}\t?\t{sizes[name] / wanted[name]:.4f}\n")
    return lines


def _place(stratum: str) -> tuple[str, int, int]:
    language, score, size = stratum.split("\t")
    return language, int(score), int(size)


def _sizes(graph: LoopGraph) -> list[Node]:
    stage = HostSizes(host_sizes=graph.target.sample.host_sizes)
    hosts = graph.of("recall_hosts")
    return [graph.node(stage, part, hosts=(hosts, part)) for part in graph.parts]


def _over_shards(graph: LoopGraph, stage: CountStrata | SampledPages) -> list[Node]:
    nodes = []
    for name in graph.names:
        sizes: Source = (graph.of_parts("recall_sizes"), shard_slice(name))
        known = whole("recall_known", name)
        sources = {**graph.scored(name, ITERATION), "known": known, "sizes": sizes}
        nodes.append(graph.node(stage, name, **sources))
    return nodes


def _ids(graph: LoopGraph) -> list[NodeId]:
    return [*graph.of("recall_strata"), *graph.of("recall_sampled")]
