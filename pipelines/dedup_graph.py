"""The graph of dedup, phase after phase: what a phase runs may depend on what the last one found.

bands -> candidates -> pairs -> near -> forest -> rounds -> label -> cluster -> fates
                           `-> unknown -> gather ^ (where pairs have not been measured before)
"""

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from itertools import count
from typing import NamedTuple

from .artifact import InputFile, Manifest, as_json
from .dedup_settings import DedupSettings
from .engine import Node, NodeId
from .stage import Stage
from .stages.bands import Bands, Candidates, Pairs
from .stages.components import Cluster, Forest, Label, LargeStar, SmallStar
from .stages.copies import Exact, Fates
from .stages.exchange import partition_name, shard_slice
from .stages.gather import Gather
from .stages.similarity import Near, Unknown
from .store import Store

Done = Mapping[NodeId, Manifest]
Previous = Mapping[str, Mapping[str, str]]  # stage -> shard -> key of the published build


class Texts(NamedTuple):
    """Where the texts of a shard lie."""

    file: Callable[[Done, str], InputFile]  # of a shard, by its name
    field: str  # the column
    needs: tuple[str, ...]  # stages that must have run


class DedupGraph:
    """Makes the nodes between the items and signatures of all shards and the items' fates."""

    def __init__(
        self,
        settings: DedupSettings,
        store: Store,
        names: Sequence[str],
        previous: Previous,
        texts: Texts,
        signer: str = "sign",
    ) -> None:
        self._settings = settings
        self._store = store
        self._texts = texts
        self._signer = signer
        self._names = list(names)
        self._parts = [partition_name(i) for i in range(settings.partitions)]
        self._previous = previous
        self._bounds = {"partitions": settings.partitions, "memory_bytes": settings.memory_bytes}

    def candidates(self) -> list[Node]:
        """Return what finds copies and the pairs worth measuring."""
        bounds, scheme = self._bounds, self._settings.minhash
        nodes = [
            self._exchange(Exact(**bounds), part, "items", self._names) for part in self._parts
        ]
        bands = Bands(scheme=scheme, **bounds)
        nodes += [self._bands(bands, name) for name in self._names]
        for stage, producer, shards in (
            (Candidates(**bounds), "bands", self._names),
            (Pairs(**bounds), "candidates", self._parts),
        ):
            nodes += [self._exchange(stage, part, producer, shards) for part in self._parts]
        return nodes

    def phases(self, done: Done) -> Iterator[list[Node]]:
        """Yield what comes after the pairs; each phase is run before the next is asked for."""
        todo = [part for part in self._parts if not self._is_measured(part, done)]
        gathers: list[Node] = []
        if len(todo) > 1:
            yield [self._unknown(part) for part in todo]
            gathers = [node for name in self._names if (node := self._gather(name, todo, done))]
            yield gathers
        forest = Forest(threshold=self._settings.minhash.threshold, **self._bounds)
        yield [
            *(self._near(part, [node.id for node in gathers]) for part in self._parts),
            *(self._map(forest, part, "near") for part in self._parts),
        ]
        stars = yield from self._rounds(done)
        yield self._fates(stars)

    def fate_inputs(self, name: str) -> tuple[tuple[NodeId, ...], str]:
        """Return the nodes that know the fates of a shard, and the slice that holds them."""
        return tuple(("fates", part) for part in self._parts), shard_slice(name)

    def _bands(self, stage: Bands, name: str) -> Node:
        exact = tuple(("exact", part) for part in self._parts)
        return Node(
            stage=stage,
            shard=name,
            needs=(("items", name), (self._signer, name), *exact),
            inputs=lambda done: {
                "items": [self._store.input(done["items", name])],
                "sign": [self._store.input(done[self._signer, name])],
                "copies": slices(self._store, done, exact, shard_slice(name)),
            },
        )

    def _is_measured(self, part: str, done: Done) -> bool:
        """Whether the similarities of a partition's pairs lie in the work folder."""
        if ("pairs", part) not in done:
            return True  # failed, or not allowed to run: so is what follows
        task = self._near(part, ()).task(self._store, done)
        return self._store.find(task, task.key) is not None

    def _unknown(self, part: str) -> Node:
        return Node(
            stage=Unknown(**self._bounds),
            shard=part,
            needs=(("pairs", part),),
            inputs=lambda done: {
                "pairs": [self._store.input(done["pairs", part])],
                "previous": self._measured_before(part),
            },
        )

    def _gather(self, name: str, parts: Sequence[str], done: Done) -> Node | None:
        ids = [("unknown", part) for part in parts]
        present = [node for node in ids if node in done]
        wanted = slices(self._store, done, present, shard_slice(name))
        if not wanted:
            return None
        texts = self._texts
        return Node(
            stage=Gather(text_field=texts.field, **self._bounds),
            shard=name,
            needs=(*((stage, name) for stage in texts.needs), ("items", name), *ids),
            inputs=lambda done: {
                "read": [texts.file(done, name)],
                "items": [self._store.input(done["items", name])],
                "wanted": wanted,
            },
        )

    def _near(self, part: str, gathers: Sequence[NodeId]) -> Node:
        return Node(
            stage=self._near_stage(),
            shard=part,
            needs=(("pairs", part), *gathers),
            inputs=lambda done: {"pairs": [self._store.input(done["pairs", part])]},
            hints=lambda done: {
                "previous": self._measured_before(part),
                **self._near_texts(part, gathers, done),
            },
        )

    def _near_stage(self) -> Near:
        return Near(
            ngram=self._settings.minhash.ngram, text_field=self._texts.field, **self._bounds
        )

    def _near_texts(
        self, part: str, gathers: Sequence[NodeId], done: Done
    ) -> dict[str, list[InputFile]]:
        """Return the gathered texts, or, where one task alone needs any, all texts."""
        if gathers:
            return {"gathered": slices(self._store, done, gathers, part)}
        return {
            "texts": [self._texts.file(done, name) for name in self._names],
            "members": [self._store.input(done["items", name]) for name in self._names],
        }

    def _measured_before(self, part: str) -> list[InputFile]:
        """Return the similarities of the published build, if they were measured in the same way."""
        stage = self._near_stage()
        key = self._previous.get("near", {}).get(part)
        manifest = self._store.load("near", part, key) if key is not None else None
        if manifest is None or manifest.version != stage.version:
            return []
        if manifest.settings != as_json(stage.key_settings()):
            return []
        return [self._store.input(manifest)]

    def _rounds(self, done: Done) -> Generator[list[Node], None, list[NodeId]]:
        """Yield rounds until nothing changes; return the nodes that hold the stars."""
        producers = [("forest", part) for part in self._parts]
        for number in count(1):
            if any(node not in done for node in producers):
                return producers
            shards = {part: f"{part}.{number}" for part in self._parts}
            large = [
                self._round(LargeStar(**self._bounds), shards[part], part, producers)
                for part in self._parts
            ]
            middle = [node.id for node in large]
            small = [
                self._round(SmallStar(**self._bounds), shards[part], part, middle)
                for part in self._parts
            ]
            yield [*large, *small]
            producers = [node.id for node in small]
            ran = [done[node] for node in (*middle, *producers) if node in done]
            if not any(manifest.counts["links"]["changed"] for manifest in ran):
                return producers
        raise AssertionError("count() ends never")

    def _round(self, stage: Stage, shard: str, part: str, producers: Sequence[NodeId]) -> Node:
        return Node(
            stage=stage,
            shard=shard,
            needs=tuple(producers),
            inputs=lambda done: {"slices": slices(self._store, done, producers, part)},
        )

    def _fates(self, stars: Sequence[NodeId]) -> list[Node]:
        bounds = self._bounds
        label = Label(threshold=self._settings.minhash.threshold, **bounds)
        return [
            *(self._label(label, part, stars) for part in self._parts),
            *(
                self._exchange(Cluster(**bounds), part, "label", self._parts)
                for part in self._parts
            ),
            *(self._fate(part) for part in self._parts),
        ]

    def _label(self, stage: Label, part: str, stars: Sequence[NodeId]) -> Node:
        return Node(
            stage=stage,
            shard=part,
            needs=(("near", part), *stars),
            inputs=lambda done: {
                "near": [self._store.input(done["near", part])],
                "stars": slices(self._store, done, stars, part),
            },
        )

    def _fate(self, part: str) -> Node:
        needs = {stage: [(stage, other) for other in self._parts] for stage in ("exact", "cluster")}
        return Node(
            stage=Fates(**self._bounds),
            shard=part,
            needs=(*needs["exact"], *needs["cluster"]),
            inputs=lambda done: {
                stage: slices(self._store, done, nodes, part) for stage, nodes in needs.items()
            },
        )

    def _map(self, stage: Stage, part: str, producer: str) -> Node:
        return Node(
            stage=stage,
            shard=part,
            needs=((producer, part),),
            inputs=lambda done: {producer: [self._store.input(done[producer, part])]},
        )

    def _exchange(self, stage: Stage, part: str, producer: str, shards: Sequence[str]) -> Node:
        needs = tuple((producer, name) for name in shards)
        return Node(
            stage=stage,
            shard=part,
            needs=needs,
            inputs=lambda done: {"slices": slices(self._store, done, needs, part)},
        )


def slices(store: Store, done: Done, nodes: Sequence[NodeId], name: str) -> list[InputFile]:
    """Return the slice of a name out of the artifacts of nodes, where they have one."""
    return [store.input(done[node], slice_name=name) for node in nodes if name in done[node].slices]


def sliced_node(
    store: Store, stage: Stage, shard: str, sources: Mapping[str, tuple[Sequence[NodeId], str]]
) -> Node:
    """Return a node that takes, for each role, a slice of artifacts, or all of them."""

    def inputs(done: Done) -> Mapping[str, list[InputFile]]:
        return {
            role: slices(store, done, nodes, name)
            if name
            else [store.input(done[node]) for node in nodes]
            for role, (nodes, name) in sources.items()
        }

    needs = tuple(node for nodes, _ in sources.values() for node in nodes)
    return Node(stage=stage, shard=shard, needs=needs, inputs=inputs)
