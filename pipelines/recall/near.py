"""Near-duplicates of a pool: the graph of dedup over its pages, before words are made of them."""

from collections.abc import Iterator, Mapping, Sequence

import msgspec
import pyarrow as pa

from ..dedup_graph import DedupGraph, Done, Previous, Texts, sliced_node
from ..dedup_settings import DedupSettings
from ..engine import Node, NodeId
from ..recall_settings import RecallTarget
from ..stages.features import Sign
from ..stages.recall_files import FileCopies, FileItems
from ..stages.recall_near import COPY, PoolCopies, PoolItems
from ..store import Store

Sources = Mapping[str, tuple[Sequence[NodeId], str]]  # nodes by role, and the slice of each


class NearGraph:
    """The nodes that find the pages of a pool that resemble a longer one; none where it is off."""

    def __init__(
        self,
        settings: DedupSettings,
        target: RecallTarget,
        store: Store,
        names: Sequence[str],
        previous: Previous,
        *,
        has_files: bool = False,
    ) -> None:
        self._target, self._store = target, store
        self._items = FileItems if has_files else PoolItems
        self._copies = FileCopies() if has_files else PoolCopies()
        self._names = list(names) if target.near.threshold else []
        scheme = settings.minhash
        if target.near.threshold:
            scheme = msgspec.structs.replace(scheme, threshold=target.near.threshold)
        self._settings = msgspec.structs.replace(settings, minhash=scheme)
        texts = Texts(lambda done, name: store.input(done["read", name]), "text", ("read",))
        self._dedup = DedupGraph(self._settings, store, names, previous, texts)

    def phases(self, done: Done, lost: Mapping[str, Sources]) -> Iterator[list[Node]]:
        """Yield the phases after the one that names pages; each is run before the next.

        Args:
            lost: for each shard, the pages that give way by URL or text.
        """
        if not self._names:
            return
        settings, store = self._settings, self._store
        items = self._items(
            least_characters=self._target.least_characters, partitions=settings.partitions
        )
        nodes = []
        for name in self._names:
            whole = {"read": ([("read", name)], "")}
            nodes.append(sliced_node(store, Sign(scheme=settings.minhash), name, whole))
            nodes.append(sliced_node(store, items, name, {**whole, **lost[name]}))
        yield [*nodes, *self._dedup.candidates()]
        yield from self._dedup.phases(done)
        yield [
            sliced_node(
                store,
                self._copies,
                name,
                {"read": ([("read", name)], ""), **self.found(name)},
            )
            for name in self._names
        ]

    def found(self, name: str) -> Sources:
        """Return where the fates of a shard's pages are, as a role of the pool."""
        return {"near": self._dedup.fate_inputs(name)} if self._names else {}

    def copies(self, done: Done) -> pa.Table:
        """Return COPY of all shards, sorted by URL."""
        files = [self._store.input(done["recall_copies", name]) for name in self._names]
        table = pa.concat_tables([COPY.empty_table(), *(file.read() for file in files)])
        return table.sort_by("url")
