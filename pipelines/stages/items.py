"""Items: what dedup compares, one slice a partition of the content ids.

An item is a file, page or document, or all files that a repository has in one of the recipe's
repository-level languages (DeepSeek-Coder, section 2.3: so that no repository is left
incomplete). Only rows that the rules keep become items.
"""

from typing import ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ...corpus.ids import digest_parts
from ...corpus.record import ID
from ...dedup.preference import PREFERENCE_KEY, preference_keys
from ..stage import Inputs, Output, Stage

ITEM = pa.schema(
    [
        ("item_id", ID),
        ("item_content", ID),  # digest of the item's content ids
        ("preference_key", PREFERENCE_KEY),  # smaller is kept first
        ("row", pa.int64()),  # of the document in its shard
    ]
)


class CollectItems(Stage, frozen=True, kw_only=True):
    """Lists the rows of each dedup item, in one slice a partition of the content ids."""

    name: ClassVar[str] = "items"
    version: ClassVar[int] = 1

    repository_languages: tuple[str, ...]
    partitions: int

    def run(self, inputs: Inputs, output: Output) -> None:
        """Write one row per kept document: its item, the item's content and preference."""
        columns = ["doc_id", "content_id", "source", "collection", "path", "kind", "stars"]
        table = inputs.table("read", columns)
        table = table.append_column("language", inputs.table("language", ["language"])["language"])
        table = table.append_column("licence", inputs.table("measure", ["licence"])["licence"])
        dropped = inputs.table("decide", ["dropped_by"])["dropped_by"]
        kept = pc.is_null(dropped)
        for file in inputs.all("same_page"):  # another page stands for these
            others = file.read(["item_id"])["item_id"]
            kept = pc.and_not(kept, pc.is_in(table["doc_id"], value_set=others))
        rows = pa.array(np.flatnonzero(kept.to_numpy()))
        items = self._items(table.take(rows), rows)
        partition = partition_of(items["item_content"], self.partitions)
        order = pc.sort_indices(items, [("item_content", "ascending"), ("row", "ascending")])
        items, partition = items.take(order), partition[order.to_numpy()]
        output.write(items.slice(0, 0))
        for index in np.unique(partition):
            output.write(
                items.filter(pa.array(partition == index)), slice_name=partition_name(index)
            )

    def _items(self, table: pa.Table, rows: pa.Array) -> pa.Table:
        item_id, content = self._ids(table)
        keys = preference_keys(
            pa.table(
                {
                    "item_id": item_id,
                    "licence_known": pc.is_valid(table["licence"]),
                    "stars": table["stars"],
                    "path": _item_paths(table, item_id),
                }
            )
        )
        return pa.table([item_id, content, keys, rows], schema=ITEM)

    def _ids(self, table: pa.Table) -> tuple[pa.Array, pa.Array]:
        """Return item_id and item_content of each row; those of a repository share both."""
        doc_ids, contents = table["doc_id"].to_pylist(), table["content_id"].to_pylist()
        in_repository = pc.and_(
            pc.equal(table["kind"], "file"),
            pc.is_in(table["language"], value_set=pa.array(self.repository_languages, pa.string())),
        ).to_numpy()
        groups: dict[tuple[str, str, str], list[int]] = {}
        names = [table[name].to_pylist() for name in ("source", "collection", "language")]
        for row in np.flatnonzero(in_repository).tolist():
            groups.setdefault((names[0][row], names[1][row], names[2][row]), []).append(row)
        item_ids, item_contents = list(doc_ids), list(contents)
        for name, members in groups.items():
            identity = digest_parts("repository", name)
            content = digest_parts("contents", sorted(contents[row] for row in members))
            for row in members:
                item_ids[row], item_contents[row] = identity, content
        return pa.array(item_ids, ID), pa.array(item_contents, ID)


def _item_paths(table: pa.Table, item_id: pa.Array) -> pa.Array:
    """A repository has no path of its own: it counts as depth 0, like a file at the root."""
    is_repository = pc.not_equal(item_id, table["doc_id"].combine_chunks())
    return pc.if_else(is_repository, pa.scalar(""), table["path"])


def partition_of(ids: pa.ChunkedArray, partitions: int) -> npt.NDArray[np.int64]:
    """Return the partition of each 16-byte id."""
    flat = np.frombuffer(b"".join(ids.to_pylist()), dtype=np.uint8).reshape(-1, 16)
    prefix = flat[:, 0].astype(np.int64) << 8 | flat[:, 1]
    return prefix * partitions >> 16


def partition_name(index: int) -> str:
    """Return the slice name of a partition."""
    return f"p{int(index):04d}"
