"""The part of a build's graph that makes one page of one URL, around the comparison of contents.

pages -> same_page -> (items ... fates) -> page_fates -> page_keepers -> (select)
             `------------------------------------------------^
"""

from collections.abc import Callable, Mapping, Sequence

import msgspec

from .artifact import InputFile
from .dedup_graph import DedupGraph, Done, sliced_node, slices
from .dedup_settings import DedupSettings
from .engine import Node, NodeId
from .stages.exchange import partition_name, shard_slice
from .stages.pages import PageFates, PageKeepers, Pages, SamePage
from .store import Store

Files = Callable[[Done], Mapping[str, list[InputFile]]]


class PageGraph:
    """The nodes of page dedup; there are none without web shards, or where it is off."""

    def __init__(self, settings: DedupSettings, store: Store, shards: Sequence[str]) -> None:
        self._settings = settings
        self._store = store
        self._shards = sorted(shards) if settings.page_urls != "off" else []
        self._partitions = [partition_name(i) for i in range(settings.partitions)]

    def choices(self) -> list[Node]:
        """Return the nodes that choose a page of every URL."""
        settings = self._settings
        if settings.page_urls == "off" or not self._shards:
            return []
        pages = Pages(rules=settings.page_urls, partitions=settings.partitions)
        same = SamePage(partitions=settings.partitions, memory_bytes=settings.memory_bytes)
        roles = ("read", "measure", "decide")
        named = [("pages", shard) for shard in self._shards]
        return [
            *(
                sliced_node(self._store, pages, shard, self._whole(roles, shard))
                for shard in self._shards
            ),
            *(
                sliced_node(self._store, same, part, {"slices": (named, part)})
                for part in self._partitions
            ),
        ]

    def fates(self, dedup: DedupGraph) -> list[Node]:
        """Return the nodes that follow the chosen pages to what is kept of them."""
        if not self._shards:
            return []
        fates = PageFates(partitions=self._settings.partitions)
        nodes = []
        for shard in self._shards:
            found = {"fates": dedup.fate_inputs(shard)}
            nodes.append(
                sliced_node(self._store, fates, shard, {**self._whole(("pages",), shard), **found})
            )
        moved = [("page_fates", shard) for shard in self._shards]
        for part in self._partitions:
            sources = {**self._whole(("same_page",), part), "moved": (moved, part)}
            nodes.append(sliced_node(self._store, PageKeepers(), part, sources))
        return nodes

    def without_dropped(self, items: Node) -> Node:
        """Return the node of a shard's items with the pages that are not to be compared."""
        if items.shard not in self._shards:
            return items
        dropped = [("same_page", part) for part in self._partitions]
        name = shard_slice(items.shard)
        return msgspec.structs.replace(
            items,
            needs=(*items.needs, *dropped),
            inputs=lambda done: {
                **items.inputs(done),
                "same_page": slices(self._store, done, dropped, name),
            },
        )

    def keepers(self, shard: str) -> list[NodeId]:
        """Return the nodes whose slices hold the fate of the pages that were not chosen."""
        is_web = shard in self._shards
        return [("page_keepers", part) for part in self._partitions] if is_web else []

    def _whole(self, roles: Sequence[str], shard: str) -> dict[str, tuple[list[NodeId], str]]:
        return {role: ([(role, shard)], "") for role in roles}
