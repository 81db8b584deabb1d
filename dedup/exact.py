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

    `items` holds all CONTENT rows of each content in it. An item that is there twice is a
    GristmillError.
    """
    contents = byte_strings(items["item_content"])
    ids = byte_strings(items["item_id"])
    order = np.lexsort((ids, items["rank"].to_numpy(), contents))
    opens = np.ones(len(order), dtype=np.bool_)
    opens[1:] = contents[order[1:]] != contents[order[:-1]]
    same_item = ~opens[1:] & (ids[order[1:]] == ids[order[:-1]])
    if same_item.any():
        row = int(order[1:][same_item][0])
        raise GristmillError(
            "The same document was read twice",
            where=f"document {items['item_id'][row].as_py().hex()}",
            todo="List its source only once.",
        )
    copies = items.take(order[~opens])
    keepers = items["item_id"].take(order[opens][np.cumsum(opens) - 1][~opens])
    ones = np.ones(copies.num_rows)
    is_copy = np.ones(copies.num_rows, dtype=np.bool_)
    return pa.table(
        [keepers, copies["item_id"], keepers, ones, copies["shard"], is_copy], schema=FATE
    )
