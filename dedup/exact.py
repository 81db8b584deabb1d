"""Exact duplicates: of the items with one content, the most preferred is the keeper."""

import numpy as np
import pyarrow as pa

from ..corpus.errors import GristmillError
from ..corpus.record import ID
from .columns import byte_strings

EXACT = pa.schema([("item_id", ID), ("keeper_id", ID)])


def exact_duplicates(items: pa.Table) -> pa.Table:
    """Return (item_id, keeper_id) of every item that is not the keeper of its content, by item_id.

    `items` holds item_id, content_id and preference_key of all items whose content ids fall into
    one partition; items without a content are left out by the caller. An item that is there twice
    is a GristmillError.
    """
    contents = byte_strings(items["content_id"])
    keys = byte_strings(items["preference_key"])
    order = np.lexsort((keys, contents))
    opens = np.ones(len(order), dtype=np.bool_)
    opens[1:] = contents[order[1:]] != contents[order[:-1]]
    same_key = ~opens[1:] & (keys[order[1:]] == keys[order[:-1]])
    if same_key.any():
        row = int(order[1:][same_key][0])
        raise GristmillError(
            "The same document was read twice",
            where=f"document {items['item_id'][row].as_py().hex()}",
            todo="List its source only once.",
        )
    keepers = order[opens][np.cumsum(opens) - 1]
    table = pa.table(
        [items["item_id"].take(order[~opens]), items["item_id"].take(keepers[~opens])],
        schema=EXACT,
    )
    return table.take(np.argsort(byte_strings(table["item_id"]), kind="stable"))
