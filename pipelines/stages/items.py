"""Items: what dedup compares, one slice a partition of the content ids.

An item is a file, page or document, or all files that a repository has in one of the recipe's
repository-level languages (DeepSeek-Coder, section 2.3: so that no repository is left
incomplete). Only rows that the rules keep become items. An item's id changes with its content, so
that what has been measured of a pair of ids stays true.
"""

from typing import ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ...corpus.ids import digest_parts
from ...corpus.record import ID
from ...dedup.preference import RANK, preference_ranks
from ..output import Output
from ..stage import Inputs, Stage
from .exchange import key_of_id, write_partitions

ITEM = pa.schema(
    [
        ("item_id", ID),
        ("item_content", ID),  # digest of the item's content ids
        ("rank", RANK),  # the smaller is kept first, then the smaller id
        ("row", pa.int64()),  # of the document in its shard
        ("num_bytes", pa.int64()),  # of the document
    ]
)


class CollectItems(Stage, frozen=True, kw_only=True):
    """Lists the rows of each dedup item, in one slice a partition of the content ids."""

    name: ClassVar[str] = "items"
    version: ClassVar[int] = 2

    repository_languages: tuple[str, ...]
    partitions: int

    def run(self, inputs: Inputs, output: Output) -> None:
        """Write one row per kept document: its item, the item's content and preference."""
        columns = [
            "doc_id",
            "content_id",
            "source",
            "collection",
            "path",
            "kind",
            "stars",
            "num_bytes",
        ]
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
        order = pc.sort_indices(items, [("item_content", "ascending"), ("row", "ascending")])
        items = items.take(order)
        write_partitions([items], key_of_id("item_content"), self.partitions, output, ITEM)

    def _items(self, table: pa.Table, rows: pa.Array) -> pa.Table:
        item_id, content = self._ids(table)
        ranks = preference_ranks(
            pa.table(
                {
                    "licence_known": pc.is_valid(table["licence"]),
                    "stars": table["stars"],
                    "path": _item_paths(table, item_id),
                }
            )
        )
        return pa.table([item_id, content, ranks, rows, table["num_bytes"]], schema=ITEM)

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
            content = digest_parts("contents", sorted(contents[row] for row in members))
            identity = digest_parts("repository", (*name, content))
            for row in members:
                item_ids[row], item_contents[row] = identity, content
        return pa.array(item_ids, ID), pa.array(item_contents, ID)


def _item_paths(table: pa.Table, item_id: pa.Array) -> pa.Array:
    """A repository has no path of its own: it counts as depth 0, like a file at the root."""
    is_repository = pc.not_equal(item_id, table["doc_id"].combine_chunks())
    return pc.if_else(is_repository, pa.scalar(""), table["path"])
