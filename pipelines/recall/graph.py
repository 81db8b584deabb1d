"""The nodes of an iteration, from scores to verdicts, over the shards and partitions of a pool.

score -> (ranks -> bin) -> ranked -> domains -> topic -> prefixes -> decisions -> verdicts
          `-> where the budget ends
"""

from collections.abc import Sequence

from ..dedup_graph import sliced_node
from ..engine import Node, NodeId
from ..recall_settings import RecallTarget
from ..stage import Stage
from ..stages.exchange import partition_name, shard_slice
from ..stages.recall_bars import Bar
from ..stages.recall_kept import Kept, PoolIds, Said
from ..stages.recall_known import AskedPages, KnownPages
from ..stages.recall_prefixes import Decisions, People, Prefixes, TopicPages
from ..stages.recall_ranks import BinScores, Ranks
from ..stages.recall_shown import ShownOfMany, ShownPages
from ..stages.recall_sites import Domains, Hosts, RankedHosts
from ..stages.recall_verdicts import Audited, CollectedPages, FoundPages, Verdicts
from ..store import Store
from .asked import Asked
from .state import Rank

Source = tuple[Sequence[NodeId], str]  # nodes, and the slice that is taken of each; all of it
ASKED: NodeId = ("recall_asked", "all")
PEOPLE: NodeId = ("recall_people", "all")


class LoopGraph:
    """Makes the nodes of a target's loop, once those of its pool are there."""

    def __init__(self, store: Store, target: RecallTarget, names: Sequence[str]) -> None:
        self.names = list(names)
        self.parts = [partition_name(i) for i in range(target.partitions)]
        self.bounds = {"partitions": target.partitions, "memory_bytes": target.memory_bytes}
        self.target = target
        self._store = store

    def node(self, stage: Stage, shard: str, **sources: Source) -> Node:
        """Return the node of a stage that takes, for each role, a slice of artifacts."""
        return sliced_node(self._store, stage, shard, sources)

    def of(self, stage: str, iteration: int = 0) -> list[NodeId]:
        """Return the nodes of a stage over all shards."""
        return [(stage, at(name, iteration)) for name in self.names]

    def of_parts(self, stage: str, iteration: int = 0) -> list[NodeId]:
        """Return the nodes of a stage over all partitions."""
        return [(stage, at(part, iteration)) for part in self.parts]

    def known(self, asked: Asked) -> list[Node]:
        """Return what joins the pool with what people wrote down, and counts its hosts."""
        pages = AskedPages(
            sites=asked.sites, places=asked.places, labels=asked.labels, audit=asked.audit
        )
        people = People(decisions=tuple(asked.decisions), partitions=self.target.partitions)
        nodes = [self.node(pages, ASKED[1]), self.node(people, PEOPLE[1])]
        nodes += self._said() if self.target.near.threshold else []
        has_rule = self.target.seeds_rule is not None
        known = KnownPages(described=self.target.described if has_rule else None)
        hosts = Hosts(partitions=self.target.partitions, evidence=self.target.evidence)
        for name in self.names:
            pool = whole("recall_pool", name)
            sources = {"pool": pool, "asked": ([ASKED], ""), **self._kept(name)}
            if known.described is not None:
                sources["described"] = whole("recall_described", name)
            nodes.append(self.node(known, name, **sources))
            nodes.append(self.node(hosts, name, pool=pool, known=whole("recall_known", name)))
        return nodes

    def _said(self) -> list[Node]:
        """Return what gives to pages that stay what is said of those that gave way to them."""
        ids, said = (stage(partitions=self.target.partitions) for stage in (PoolIds, Said))
        nodes = []
        for name in self.names:
            nodes.append(self.node(ids, name, pool=whole("recall_pool", name)))
            copies = whole("recall_copies", name)
            nodes.append(self.node(said, name, copies=copies, asked=([ASKED], "")))
        roles = {"ids": self.of("recall_ids"), "said": self.of("recall_said")}
        return nodes + [
            self.node(Kept(), part, **{role: (ids, part) for role, ids in roles.items()})
            for part in self.parts
        ]

    def _kept(self, name: str) -> dict[str, Source]:
        if not self.target.near.threshold:
            return {}
        return {"kept": (self.of_parts("recall_kept"), shard_slice(name))}

    def ranks(self, iteration: int) -> list[Node]:
        """Return what counts the tokens of the bins of scores."""
        return [
            self.node(
                Ranks(evidence=self.target.evidence, languages=self.shared_languages()),
                at(name, iteration),
                **self.scored(name, iteration),
                known=whole("recall_known", name),
            )
            for name in self.names
        ]

    def bin_scores(self, iteration: int, number: int) -> list[Node]:
        """Return what counts the tokens of each score of one bin."""
        stage = BinScores(
            bin=number, evidence=self.target.evidence, languages=self.shared_languages()
        )
        return [
            self.node(stage, f"{at(name, iteration)}.{number}", **self.scored(name, iteration))
            for name in self.names
        ]

    def shared_languages(self) -> tuple[str, ...]:
        """Return the languages that have shares of the budget."""
        bars = self.target.languages
        return tuple(sorted(name for name, bar in bars.items() if bar.share))

    def sites(self, iteration: int, rank: Rank) -> list[Node]:
        """Return what follows from thresholds: hosts in topic, their prefixes, the verdicts."""
        partitions = self.target.partitions
        bar = Bar(
            threshold=rank.threshold,
            languages=rank.languages,
            evidence=self.target.evidence,
        )
        ranked = RankedHosts(bar=bar, partitions=partitions)
        topic = TopicPages(bar=bar, partitions=partitions)
        domains = self.of_parts("recall_domains", iteration)
        nodes = []
        for name in self.names:
            scored, shard = self.scored(name, iteration), at(name, iteration)
            nodes.append(self.node(ranked, shard, **scored))
            nodes.append(self.node(topic, shard, **scored, topic=(domains, shard_slice(name))))
            nodes.append(self._verdicts(name, iteration, bar))
        for part in self.parts:
            nodes += self._partition(part, iteration)
        return nodes

    def _partition(self, part: str, iteration: int) -> list[Node]:
        target, shard = self.target, at(part, iteration)
        hosts = (self.of("recall_hosts"), part)
        ranked = (self.of("recall_ranked", iteration), part)
        topic = (self.of("recall_topic", iteration), part)
        prefixes = Prefixes(prefixes=target.prefixes, **self.bounds)
        decisions = Decisions(target=target.name, iteration=iteration)
        return [
            self.node(Domains(domains=target.domains), shard, hosts=hosts, ranked=ranked),
            self.node(prefixes, shard, slices=topic),
            self.node(
                decisions,
                shard,
                hosts=hosts,
                prefixes=whole("recall_prefixes", shard),
                people=([PEOPLE], part),
            ),
        ]

    def _verdicts(self, name: str, iteration: int, bar: Bar) -> Node:
        decisions = self.of_parts("recall_decisions", iteration)
        sources = {
            **self.scored(name, iteration),
            "known": whole("recall_known", name),
            "decisions": (decisions, shard_slice(name)),
        }
        if iteration > 1:
            sources["before"] = whole("recall_verdicts", at(name, iteration - 1))
        stage = Verdicts(iteration=iteration, bar=bar)
        return self.node(stage, at(name, iteration), **sources)

    def audited(self, iteration: int, names: Sequence[str]) -> list[Node]:
        """Return what lists the audited pages of the shards that have any."""
        return [
            self.node(
                Audited(),
                at(name, iteration),
                pool=whole("recall_pool", name),
                known=whole("recall_known", name),
                verdicts=whole("recall_verdicts", at(name, iteration)),
            )
            for name in names
        ]

    def shown(self, iteration: int) -> list[Node]:
        """Return what draws pages of an iteration for a person's eye."""
        stage = ShownPages(iteration=iteration, words=self.target.tokens)
        nodes = [
            self.node(
                stage,
                at(name, iteration),
                **self.scored(name, iteration),
                verdicts=whole("recall_verdicts", at(name, iteration)),
            )
            for name in self.names
        ]
        shown = self.of("recall_shown", iteration)
        for i, part in enumerate(self.parts):
            some = (shown[i :: len(self.parts)], "")
            nodes.append(self.node(ShownOfMany(), at(part, iteration), shown=some))
        return nodes

    def collected(self, iteration: int) -> list[Node]:
        """Return what lists the pages that the last iteration collects."""
        found = FoundPages(partitions=self.target.partitions)
        nodes = [
            self.node(
                found,
                name,
                **self.scored(name, iteration),
                verdicts=whole("recall_verdicts", at(name, iteration)),
            )
            for name in self.names
        ]
        slices = self.of("recall_found")
        return [
            *nodes,
            *(self.node(CollectedPages(), part, slices=(slices, part)) for part in self.parts),
        ]

    def scored(self, name: str, iteration: int) -> dict[str, Source]:
        """Return the sources of a shard's pages and of their scores."""
        return {
            "pool": whole("recall_pool", name),
            "score": whole("recall_score", at(name, iteration)),
        }


def whole(stage: str, shard: str) -> Source:
    """Return the source that is all of one artifact."""
    return [(stage, shard)], ""


def at(shard: str, iteration: int) -> str:
    """Return the name of a shard in an iteration; 0 stands for none."""
    return f"{shard}.{iteration}" if iteration else shard
