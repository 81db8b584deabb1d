"""The pool of a target: which tasks make it, and which score it by a model."""

from pathlib import Path

from ..artifact import InputFile
from ..dedup_graph import sliced_node
from ..engine import Node
from ..inputs import Shard, list_shards, shard_removals
from ..recall_settings import RecallTarget
from ..recipe import Recipe
from ..removals import TakeDown
from ..stages.exchange import partition_name, shard_slice
from ..stages.read import Read
from ..stages.recall import BY_TEXT, BY_URL, PageNames, Pool, SameNames, Score
from ..store import Store
from .graph import at


class PoolGraph:
    """Makes the nodes of one target's pool and of its scores."""

    def __init__(
        self, recipe: Recipe, target: RecallTarget, store: Store, take_down: TakeDown
    ) -> None:
        self._recipe, self._target = recipe, target
        self._store, self._take_down = store, take_down
        shards = [one for one in list_shards(recipe, store) if one.source in target.sources]
        self._shards = sorted(shards, key=lambda shard: shard.name)
        self.names = [shard.name for shard in self._shards]

    def pool(self) -> list[Node]:
        """Return the nodes that make the pool."""
        target, partitions = self._target, self._recipe.raw.dedup.partitions
        pool = Pool(
            words=target.words,
            least_characters=target.least_characters,
            natural=self._recipe.raw.languages.natural,
        )
        names = [("recall_names", name) for name in self.names]
        same = {
            kind: [f"{kind}-{partition_name(i)}" for i in range(partitions)]
            for kind in (BY_URL, BY_TEXT)
        }
        nodes = []
        for shard in self._shards:
            whole = {"read": ([("read", shard.name)], "")}
            nodes.append(sliced_node(self._store, self._read(shard), shard.name, {}))
            nodes.append(
                sliced_node(self._store, PageNames(partitions=partitions), shard.name, whole)
            )
            lost = {
                kind: ([("recall_same", part) for part in parts], shard_slice(shard.name))
                for kind, parts in same.items()
            }
            nodes.append(sliced_node(self._store, pool, shard.name, {**whole, **lost}))
        nodes += [
            sliced_node(self._store, SameNames(kind=kind), part, {"slices": (names, part)})
            for kind, parts in same.items()
            for part in parts
        ]
        return nodes

    def scores(self, iteration: int, model: Path, digest: str) -> list[Node]:
        """Return the nodes that score the pool by a model."""
        file = InputFile(shard=f"iteration {iteration}", url=str(model), digest=digest)
        stage = Score(passage_words=self._target.passage_words)
        nodes = []
        for name in self.names:
            pool = {"pool": ([("recall_pool", name)], "")}
            node = sliced_node(self._store, stage, at(name, iteration), pool)
            nodes.append(_with_file(node, "model", file))
        return nodes

    def _read(self, shard: Shard) -> Read:
        return Read(
            source=shard.source,
            component=shard.component,
            kind=shard.kind,
            units=shard.units,
            limits=self._recipe.raw.read,
            options=shard.options,
            removed=shard_removals(shard, self._take_down),
        )


def _with_file(node: Node, role: str, file: InputFile) -> Node:
    return Node(
        stage=node.stage,
        shard=node.shard,
        needs=node.needs,
        inputs=lambda done: {**node.inputs(done), role: [file]},
    )
