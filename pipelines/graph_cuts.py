"""The part of a build's graph that cuts pages and documents, after the verdict on duplicates.

(read) -> lines -> line_pages -> common_lines -> trim -> (assemble, tokenize, ledger)
(select) ------------^------------- repeats ------^
"""

from collections.abc import Mapping, Sequence

from ..corpus.sources.unit import UnitKind
from .artifact import InputFile
from .dedup_graph import Done, slices
from .dedup_settings import DedupSettings
from .engine import Node, NodeId
from .stage import Stage
from .stages.exchange import partition_name
from .stages.lines import CommonLines, LinePages, Lines
from .stages.trim import Repeats, Trim
from .store import Store


class CutGraph:
    """The nodes of boilerplate and repeated substrings; there are none where both are off."""

    def __init__(
        self, settings: DedupSettings, store: Store, shards: Mapping[str, UnitKind]
    ) -> None:
        self._settings = settings
        self._store = store
        self._partitions = tuple(partition_name(i) for i in range(settings.partitions))
        web = [name for name, kind in shards.items() if kind == "warc"]
        texts = [name for name, kind in shards.items() if kind != "repository"]
        self._web = web if settings.boilerplate.min_pages else []
        self._texts = texts if settings.substrings.min_bytes else []
        self._shards = tuple(shards) if self._web or self._texts else ()

    @property
    def role(self) -> tuple[str, ...]:
        """The stage that says what is cut, where there is one."""
        return ("trim",) if self._shards else ()

    def nodes(self) -> list[Node]:
        """Return all nodes."""
        settings, partitions = self._settings.boilerplate, self._settings.partitions
        lines = Lines(min_chars=settings.min_chars)
        pages = LinePages(scope=settings.scope, partitions=partitions)
        common = CommonLines(min_pages=settings.min_pages)
        repeats = Repeats(settings=self._settings.substrings)
        nodes = []
        for shard in self._web:
            nodes.append(self._node(lines, shard, ("read",)))
            nodes.append(self._node(pages, shard, ("read", "lines", "select")))
        for part in self._partitions if self._web else ():
            slices = [("line_pages", shard) for shard in self._web]
            nodes.append(self._node(common, part, (), "slices", slices))
        nodes += [self._node(repeats, shard, ("read", "select")) for shard in self._texts]
        return [*nodes, *(self._trim(shard) for shard in self._shards)]

    def _trim(self, shard: str) -> Node:
        stage = Trim(
            scope=self._settings.boilerplate.scope, min_left_chars=self._settings.min_left_chars
        )
        roles = ["read", "select", "measure"]
        roles += ["lines"] if shard in self._web else []
        roles += ["repeats"] if shard in self._texts else []
        common = [("common_lines", part) for part in self._partitions if shard in self._web]
        return self._node(stage, shard, roles, "common", common)

    def _node(
        self,
        stage: Stage,
        shard: str,
        roles: Sequence[str],
        sliced: str = "",
        producers: Sequence[NodeId] = (),
    ) -> Node:
        """Return a node that takes whole artifacts of its shard, and slices named after it."""
        needs = (*((role, shard) for role in roles), *producers)

        def inputs(done: Done) -> Mapping[str, list[InputFile]]:
            found = {role: [self._store.input(done[role, shard])] for role in roles}
            if sliced:
                found[sliced] = slices(self._store, done, producers, shard)
            return found

        return Node(stage=stage, shard=shard, needs=needs, inputs=inputs)
