"""The pool of a target: which tasks make it, and its pages as columns.

What the loop asks of every page lies in memory, about 250 bytes a page with its URL; words and
texts stay on disk.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from msgspec.structs import replace

from ...filters.recall.described import DESCRIBED, is_described
from ...filters.recall.sampling import Labels, Rows
from ..artifact import InputFile
from ..dedup_graph import Done, Previous, sliced_node
from ..engine import Node
from ..inputs import Shard, list_shards, shard_removals
from ..recall_settings import RecallTarget
from ..recipe import Recipe
from ..removals import TakeDown
from ..stages.exchange import partition_name, shard_slice
from ..stages.languages import DetectLanguage, JudgePaths
from ..stages.read import Read
from ..stages.recall import BY_TEXT, BY_URL, POOL, PageNames, Pool, SameNames, Score
from ..stages.recall_files import Describe, FileNames, FilePool
from ..store import Store
from .near import NearGraph, Sources

ORIGIN = ["origin_file", "origin_id"]
COLUMNS = [name for name in POOL.names if name not in (*ORIGIN, "words")]


class PoolGraph:
    """Makes the nodes of one target's pool and of its scores.

    `previous` names the artifacts of the target's last run, whose pairs are not measured again.
    """

    def __init__(
        self,
        recipe: Recipe,
        target: RecallTarget,
        store: Store,
        take_down: TakeDown,
        previous: Previous | None = None,
    ) -> None:
        self._recipe, self._target = recipe, target
        self._store, self._take_down = store, take_down
        shards = [one for one in list_shards(recipe, store) if one.source in target.sources]
        self._shards = sorted(shards, key=lambda shard: shard.name)
        self.names = [shard.name for shard in self._shards]
        parts = [partition_name(i) for i in range(recipe.raw.dedup.partitions)]
        self._same = {kind: [f"{kind}-{part}" for part in parts] for kind in (BY_URL, BY_TEXT)}
        kinds = {source.kind for source in recipe.raw.source if source.name in target.sources}
        self.has_files = kinds == {"repository"}
        self._near = NearGraph(
            recipe.raw.dedup,
            target,
            store,
            self.names,
            previous or {},
            has_files=self.has_files,
        )

    def phases(self, done: Done) -> Iterator[list[Node]]:
        """Yield the nodes that make the pool; each phase is run before the next is asked for."""
        lost = {name: self._lost(name) for name in self.names}
        yield self._names()
        yield from self._near.phases(done, lost)
        target = self._target
        pool = (FilePool if self.has_files else Pool)(
            words=target.words,
            least_characters=target.least_characters,
            natural=self._recipe.raw.languages.natural,
        )
        nodes = []
        for name in self.names:
            found = {**_whole(name), **lost[name], **self._near.found(name)}
            if self.has_files:
                found["language"] = ([("language", name)], "")
            nodes.append(sliced_node(self._store, pool, name, found))
            if target.seeds_rule is not None:
                made = {**_whole(name), "pool": ([("recall_pool", name)], "")}
                nodes.append(sliced_node(self._store, Describe(), name, made))
        yield nodes

    def _names(self) -> list[Node]:
        """Return the nodes that read the pages and find those of one URL or of one text."""
        named = FileNames if self.has_files else PageNames
        pages = named(partitions=self._recipe.raw.dedup.partitions)
        nodes = []
        for shard in self._shards:
            nodes.append(sliced_node(self._store, self._read(shard), shard.name, {}))
            nodes.append(sliced_node(self._store, pages, shard.name, _whole(shard.name)))
            nodes += self._file_nodes(shard.name) if self.has_files else []
        names = [("recall_names", name) for name in self.names]
        nodes += [
            sliced_node(self._store, SameNames(kind=kind), part, {"slices": (names, part)})
            for kind, parts in self._same.items()
            for part in parts
        ]
        return nodes

    def _lost(self, name: str) -> Sources:
        """Return where the pages of a shard are that give way by their URL or their text."""
        return {
            kind: ([("recall_same", part) for part in parts], shard_slice(name))
            for kind, parts in self._same.items()
        }

    def _file_nodes(self, name: str) -> list[Node]:
        """Return what names the language of a shard's files, as in a build."""
        settings = self._recipe.raw.languages
        read = _whole(name)
        claims = {**read, "paths": ([("paths", name)], "")}
        return [
            sliced_node(self._store, JudgePaths(overrides=settings.overrides), name, read),
            sliced_node(self._store, DetectLanguage(settings=settings.content), name, claims),
        ]

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

    def copies(self, done: Done) -> pa.Table:
        """Return the pages that gave way to a longer one of the pool, once it is made."""
        return self._near.copies(done)

    def described(self, done: Done) -> npt.NDArray[np.bool_] | None:
        """Return which files of the pool the rule for seeds takes; None without one."""
        if self._target.seeds_rule is None:
            return None
        files = [self._store.input(done["recall_described", name]) for name in self.names]
        measured = pa.concat_tables([DESCRIBED.empty_table(), *(file.read() for file in files)])
        return is_described(measured, self._target.described)

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


def _whole(shard: str) -> Sources:
    return {"read": ([("read", shard)], "")}


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
