"""The part of a build's graph that cuts boilerplate out of pages, after the last verdict on them.

(read) -> lines -> line_pages -> common_lines -> trim -> (assemble, tokenize, ledger)
(select) ------------^------------------------------^
"""

from collections.abc import Callable, Mapping, Sequence

from .artifact import InputFile, Manifest
from .engine import Node, NodeId
from .recipe import DedupSettings
from .stage import Stage
from .stages.items import partition_name
from .stages.lines import CommonLines, LinePages, Lines, Trim
from .store import Store

Done = Mapping[NodeId, Manifest]
Files = Callable[[Done], Mapping[str, list[InputFile]]]


class LineGraph:
    """The nodes of boilerplate removal; there are none without web shards, or where it is off."""

    def __init__(
        self, settings: DedupSettings, store: Store, *, web: Sequence[str], others: Sequence[str]
    ) -> None:
        self._settings = settings
        self._store = store
        is_on = settings.boilerplate.min_pages > 0 and bool(web)
        self._web = tuple(web) if is_on else ()
        self._others = tuple(others) if is_on else ()
        self._partitions = tuple(partition_name(i) for i in range(settings.partitions))

    @property
    def role(self) -> tuple[str, ...]:
        """The stage that says what is cut, where there is one."""
        return ("trim",) if self._web else ()

    def nodes(self) -> list[Node]:
        """Return all nodes."""
        settings, partitions = self._settings.boilerplate, self._settings.partitions
        lines = Lines(min_chars=settings.min_chars)
        pages = LinePages(scope=settings.scope, partitions=partitions)
        common = CommonLines(min_pages=settings.min_pages)
        trim = Trim(scope=settings.scope, min_left_chars=settings.min_left_chars)
        exchanges = [("common_lines", part) for part in self._partitions]
        nodes = []
        for shard in self._web:
            nodes.append(self._node(lines, shard, ("read",)))
            nodes.append(self._node(pages, shard, ("read", "lines", "select")))
            roles = ("read", "lines", "select", "measure")
            nodes.append(self._node(trim, shard, roles, "common", exchanges))
        for shard in self._others:
            nodes.append(self._node(trim, shard, ("select", "measure")))
        for part in self._partitions if self._web else ():
            slices = [("line_pages", shard) for shard in self._web]
            nodes.append(self._node(common, part, (), "slices", slices))
        return nodes

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
                found[sliced] = [
                    self._store.input(done[node], slice_name=shard)
                    for node in producers
                    if shard in done[node].slices
                ]
            return found

        return Node(stage=stage, shard=shard, needs=needs, inputs=inputs)
