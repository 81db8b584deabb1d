"""Exact duplicates: of the items with one content, the most preferred is the keeper."""

import numpy as np
import pyarrow as pa

from ..corpus.errors import GristmillError
from ..corpus.record import ID
from .cluster import FATE
from .columns import byte_strings
from .preference import RANK

CONTENT = pa.schema([("item_id", ID), ("item_content", ID), ("rank", RANK), ("shard", pa.uint64())])


def exact_copies(items: pa.Table) -> pa.Table:
    """Return the FATE of every item that is not the keeper of its content, by content.

    `items` holds all CONTENT rows of each content in it; an item may have several rows in its
    shard. An item that is in two shards is a GristmillError.
    """
    contents = byte_strings(items["item_content"])
    ids = byte_strings(items["item_id"])
    order = np.lexsort((ids, items["rank"].to_numpy(), contents))
    same_item = np.zeros(len(order), dtype=np.bool_)
    same_item[1:] = ids[order[1:]] == ids[order[:-1]]
    shards = items["shard"].to_numpy()[order]
    elsewhere = same_item[1:] & (shards[1:] != shards[:-1])
    if elsewhere.any():
        row = int(order[1:][elsewhere][0])
        raise GristmillError(
            "The same document was read twice",
            where=f"document {items['item_id'][row].as_py().hex()}",
            todo="List its source only once.",
        )
    order = order[~same_item]
    opens = np.ones(len(order), dtype=np.bool_)
    opens[1:] = contents[order[1:]] != contents[order[:-1]]
    copies = items.take(order[~opens])
    keepers = items["item_id"].take(order[opens][np.cumsum(opens) - 1][~opens])
    ones = np.ones(copies.num_rows)
    is_copy = np.ones(copies.num_rows, dtype=np.bool_)
    return pa.table(
        [keepers, copies["item_id"], keepers, ones, copies["shard"], is_copy], schema=FATE
    )
