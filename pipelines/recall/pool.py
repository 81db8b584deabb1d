"""The pool of a target: which tasks make it, and its pages as columns.

What the loop asks of every page lies in memory, about 250 bytes a page with its URL; words and
texts stay on disk.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from msgspec.structs import replace

from ...filters.recall.sampling import Labels, Rows
from ..artifact import InputFile
from ..dedup_graph import Done, sliced_node
from ..engine import Node
from ..inputs import Shard, list_shards, shard_removals
from ..recall_settings import RecallTarget
from ..recipe import Recipe
from ..removals import TakeDown
from ..stages.exchange import partition_name, shard_slice
from ..stages.read import Read
from ..stages.recall import BY_TEXT, BY_URL, POOL, PageNames, Pool, SameNames, Score
from ..store import Store

ORIGIN = ["origin_file", "origin_id"]
COLUMNS = [name for name in POOL.names if name not in (*ORIGIN, "words")]


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
            node = sliced_node(self._store, stage, _scored(name, iteration), pool)
            nodes.append(_with_file(node, "model", file))
        return nodes

    def pages(self, done: Done) -> "Pages":
        """Return the pages of the pool, once it is made."""
        return Pages([self._store.input(done["recall_pool", name]) for name in self.names])

    def logits(self, done: Done, iteration: int) -> npt.NDArray[np.float32]:
        """Return the score of every page of the pool, once its nodes have run."""
        parts = [
            self._store.input(done["recall_score", _scored(name, iteration)]).read()["logit"]
            for name in self.names
        ]
        return np.concatenate([np.zeros(0, np.float32), *(part.to_numpy() for part in parts)])

    def _read(self, shard: Shard) -> Read:
        return Read(
            source=shard.source,
            component=shard.component,
            kind=shard.kind,
            units=shard.units,
            limits=self._recipe.raw.read,
            options=replace(shard.options, extract=self._target.extract),
            removed=shard_removals(shard, self._take_down),
        )


def _scored(shard: str, iteration: int) -> str:
    return f"{shard}.{iteration}"


def _with_file(node: Node, role: str, file: InputFile) -> Node:
    return Node(
        stage=node.stage,
        shard=node.shard,
        needs=node.needs,
        inputs=lambda done: {**node.inputs(done), role: [file]},
    )


class Pages:
    """The pages of a pool: what is asked of all of them as columns, and the words of some."""

    def __init__(self, files: Sequence[InputFile]) -> None:
        self._files = files
        empty = POOL.empty_table().select(COLUMNS)
        self.table = pa.concat_tables([empty, *(file.read(COLUMNS) for file in files)])
        self.num_tokens: Rows = self.table["num_tokens"].to_numpy()

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def labels(self, name: str) -> Labels:
        """Return a column of strings as numpy has them."""
        return np.asarray(self.table[name].to_pylist(), dtype=np.str_)

    def words(self, rows: Rows) -> pa.ChunkedArray:
        """Return the words of some pages, in their order."""
        return self._some(["words"], rows)["words"]

    def origins(self, rows: Rows) -> pa.Table:
        """Return where some pages were read from, in their order."""
        return self._some(ORIGIN, rows)

    def _some(self, names: list[str], rows: Rows) -> pa.Table:
        order = np.argsort(rows, kind="stable")
        ascending, start = rows[order], 0
        parts = [POOL.empty_table().select(names)]
        for file in self._files:
            first, last = np.searchsorted(ascending, [start, start + file.rows])
            if last > first:
                parts.append(file.read(names).take(pa.array(ascending[first:last] - start)))
            start += file.rows
        return pa.concat_tables(parts).take(pa.array(np.argsort(order, kind="stable")))
