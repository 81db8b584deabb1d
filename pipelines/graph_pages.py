"""The part of a build's graph that makes one page of one URL, around the comparison of contents.

pages -> same_page -> (items ... cluster) -> page_fates -> page_keepers -> (select)
             `-------------------------------------------------^
"""

from collections.abc import Callable, Mapping, Sequence

import msgspec

from .artifact import InputFile, Manifest
from .engine import Node, NodeId
from .recipe import DedupSettings
from .stages.items import partition_name
from .stages.pages import PageFates, PageKeepers, Pages, SamePage
from .store import Store

Done = Mapping[NodeId, Manifest]
Files = Callable[[Done], Mapping[str, list[InputFile]]]


class PageGraph:
    """The nodes of page dedup; there are none without web shards, or where it is off."""

    def __init__(self, settings: DedupSettings, store: Store, shards: Sequence[str]) -> None:
        self._settings = settings
        self._store = store
        self._shards = frozenset(shards) if settings.page_urls != "off" else frozenset()
        self._partitions = tuple(partition_name(i) for i in range(settings.partitions))

    def nodes(self, cluster: Sequence[NodeId]) -> list[Node]:
        """Return all nodes; `cluster` are those whose slices hold the fate of compared items."""
        settings = self._settings
        if settings.page_urls == "off" or not self._shards:
            return []
        pages = Pages(rules=settings.page_urls, partitions=settings.partitions)
        fates = PageFates(partitions=settings.partitions)
        nodes = []
        for shard in sorted(self._shards):
            roles = ("read", "measure", "decide")
            needs = tuple((role, shard) for role in roles)
            nodes.append(
                Node(stage=pages, shard=shard, needs=needs, inputs=self._map(roles, shard))
            )
            needs = (("pages", shard), *cluster)
            found = self._page_fates(shard, cluster)
            nodes.append(Node(stage=fates, shard=shard, needs=needs, inputs=found))
        for part in self._partitions:
            needs = tuple(("pages", shard) for shard in sorted(self._shards))
            found = self._slices("slices", needs, part)
            nodes.append(Node(stage=SamePage(), shard=part, needs=needs, inputs=found))
            moved = tuple(("page_fates", shard) for shard in sorted(self._shards))
            found = self._page_keepers(part, moved)
            needs = (("same_page", part), *moved)
            nodes.append(Node(stage=PageKeepers(), shard=part, needs=needs, inputs=found))
        return nodes

    def without_dropped(self, items: Node) -> Node:
        """Return the node of a shard's items with the pages that are not to be compared."""
        if items.shard not in self._shards:
            return items
        dropped = tuple(("same_page", part) for part in self._partitions)
        pages = self._slices("same_page", dropped, items.shard)
        return msgspec.structs.replace(
            items,
            needs=(*items.needs, *dropped),
            inputs=lambda done: {**items.inputs(done), **pages(done)},
        )

    def fates(self, shard: str) -> list[NodeId]:
        """Return the nodes whose slices hold the fate of those pages."""
        is_web = shard in self._shards
        return [("page_keepers", part) for part in self._partitions] if is_web else []

    def _map(self, roles: Sequence[str], shard: str) -> Files:
        return lambda done: {role: [self._store.input(done[role, shard])] for role in roles}

    def _slices(self, role: str, nodes: Sequence[NodeId], name: str) -> Files:
        return lambda done: {
            role: [
                self._store.input(done[node], slice_name=name)
                for node in nodes
                if name in done[node].slices
            ]
        }

    def _page_fates(self, shard: str, cluster: Sequence[NodeId]) -> Files:
        fates, pages = self._slices("fates", cluster, shard), self._map(("pages",), shard)
        return lambda done: {**pages(done), **fates(done)}

    def _page_keepers(self, part: str, moved: Sequence[NodeId]) -> Files:
        slices, chosen = self._slices("moved", moved, part), self._map(("same_page",), part)
        return lambda done: {**chosen(done), **slices(done)}
