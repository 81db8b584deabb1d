"""The nodes of a draw: which pages may be drawn, their hashes, and at last their words."""

from collections.abc import Mapping

from ...filters.recall.sampling import SampleSettings, host_cap
from ..engine import Node, NodeId
from ..stage import Stage
from ..stages.exchange import shard_slice
from ..stages.recall_crowd import Caps, CountHosts, Crowd, Crowded
from ..stages.recall_draw import NEGATIVE, POSITIVE, CountGroups, Drawn, DrawRule
from ..stages.recall_lines import Lines, OrderedLines
from .graph import LoopGraph, Source, at, whole


class DrawGraph:
    """Makes the nodes of the draw of one iteration."""

    def __init__(self, graph: LoopGraph, iteration: int, least_logit: float | None) -> None:
        draw = graph.target.draw
        self.target = graph.target
        self.rule = DrawRule(
            iteration=iteration,
            seed=draw.seed,
            least_logit=least_logit,
            evidence=graph.target.evidence,
        )
        self.samples = {
            kind: SampleSettings(size=size, host_pages=draw.host_pages, host_share=draw.host_share)
            for kind, size in ((POSITIVE, draw.positives), (NEGATIVE, draw.negatives))
        }
        self.made: list[NodeId] = []  # what can be removed once the model is there
        self._graph = graph
        self._caps = {kind: host_cap(sample) for kind, sample in self.samples.items()}
        self._has_caps = False

    def crowded(self) -> list[Node]:
        """Return what finds the hosts that have too many pages."""
        count = CountHosts(rule=self.rule, partitions=self.target.partitions)
        return [
            *self._over_shards(count),
            *self._over_parts(Crowded(caps=self._caps), "recall_candidates"),
        ]

    def caps(self) -> list[Node]:
        """Return what finds the last hash of each such host that is within the cap."""
        crowd = Crowd(rule=self.rule, partitions=self.target.partitions)
        nodes = self._over_shards(crowd, crowded="recall_crowded")
        caps = Caps(caps=self._caps, **self._graph.bounds)
        self._has_caps = True
        return [*nodes, *self._over_parts(caps, "recall_crowd")]

    def drawable(self) -> list[Node]:
        """Return what counts the pages of each kind and language."""
        return self._over_shards(CountGroups(rule=self.rule), **self._told())

    def drawn(self, kind: str, bounds: Mapping[str, int]) -> list[Node]:
        """Return what lists the hashes of a kind below bounds."""
        stage = Drawn(rule=self.rule, bounds=dict(bounds))
        return self._over_shards(stage, suffix=f".{kind}", **self._told())

    def lines(self, bounds: Mapping[str, int]) -> list[Node]:
        """Return what brings the words of the pages below bounds into their order."""
        target = self.target
        lines = Lines(
            rule=self.rule,
            bounds=dict(bounds),
            train_words=target.train_words,
            partitions=target.partitions,
        )
        ordered = OrderedLines(train_words=target.train_words, **self._graph.bounds)
        nodes = self._over_shards(lines, **self._told())
        return [*nodes, *self._over_parts(ordered, "recall_lines")]

    def ids(self, stage: str, suffix: str = "") -> list[NodeId]:
        """Return the nodes of a stage over all shards."""
        return [(stage, f"{at(name, self.rule.iteration)}{suffix}") for name in self._graph.names]

    def known_ids(self) -> list[NodeId]:
        """Return the nodes that know what people have said of the pages."""
        return self._graph.of("recall_known")

    def ids_of_parts(self, stage: str) -> list[NodeId]:
        """Return the nodes of a stage over all partitions."""
        return self._graph.of_parts(stage, self.rule.iteration)

    def _told(self) -> dict[str, str]:
        """Return the stages that tell a shard what the caps of its hosts are."""
        caps = {"caps": "recall_caps"} if self._has_caps else {}
        return {"crowded": "recall_crowded", **caps}

    def _over_shards(self, stage: Stage, suffix: str = "", **told: str) -> list[Node]:
        nodes = []
        for name in self._graph.names:
            shard = at(name, self.rule.iteration)
            slices = {
                role: (self.ids_of_parts(producer), shard_slice(shard))
                for role, producer in told.items()
            }
            sources = {**self._pages(name), **slices}
            nodes.append(self._graph.node(stage, f"{shard}{suffix}", **sources))
        return self._noted(nodes)

    def _over_parts(self, stage: Stage, producer: str) -> list[Node]:
        slices = self.ids(producer)
        return self._noted(
            [
                self._graph.node(stage, at(part, self.rule.iteration), slices=(slices, part))
                for part in self._graph.parts
            ]
        )

    def _pages(self, name: str) -> dict[str, Source]:
        """Return a shard's pages, what is known of them, and what the last iteration said."""
        known = {"pool": whole("recall_pool", name), "known": whole("recall_known", name)}
        before = self.rule.iteration - 1
        if not before:
            return known
        verdicts = whole("recall_verdicts", at(name, before))
        return {**known, **self._graph.scored(name, before), "before": verdicts}

    def _noted(self, nodes: list[Node]) -> list[Node]:
        self.made += [node.id for node in nodes]
        return nodes
