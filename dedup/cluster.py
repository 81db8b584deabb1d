"""Who is dropped and for whom: items in preference order, each kept unless a kept one resembles it.

There is no transitive closure: of A ~ B ~ C with A unlike C, both A and C stay. So every dropped
item names a keeper that is kept and that it resembles itself.
"""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ..corpus.record import ID
from .columns import byte_strings
from .preference import preference_order

DROPPED = pa.schema(
    [
        ("item_id", ID),
        ("reason", pa.string()),  # exact_duplicate or near_duplicate
        ("cluster", ID),  # the keeper's id: a cluster is a kept item and what was dropped for it
        ("keeper", ID),  # an item that is itself kept
        ("similarity", pa.float32()),  # of the item and its keeper; 1 for an exact duplicate
    ]
)


def resolve(edges: pa.Table, exact: pa.Table, keys: pa.Table) -> pa.Table:
    """Return the dropped items, sorted by item_id; the order of the input rows has no influence.

    Among several kept items that an item resembles, its keeper is the most similar one, of equal
    ones the preferred. An exact duplicate shares the fate of its content: when the content's
    keeper is dropped as a near duplicate, so is the item, for the same keeper.

    `edges` are verified pairs (left, right, similarity), in any direction, repeats allowed;
    `exact` is (item_id, keeper_id) of the exact duplicates; `keys` is (item_id, preference_key)
    of at least the items in `edges`.
    """
    keys = keys.take(preference_order(keys["preference_key"]))
    ids = keys["item_id"]
    left, right = (_ranks(_content_keepers(edges[name], exact), ids) for name in ("left", "right"))
    similarities = edges["similarity"].to_numpy()
    earlier, later = np.minimum(left, right), np.maximum(left, right)
    apart = earlier != later
    keepers, similarity_to = _choose(
        earlier[apart], later[apart], similarities[apart], num_items=len(ids)
    )
    near = np.flatnonzero(keepers != np.arange(len(ids)))
    near_rows = _dropped_table(
        ids.take(near), "near_duplicate", ids.take(keepers[near]), similarity_to[near]
    )
    followers = _followers(exact, ids, keepers, similarity_to)
    table = pa.concat_tables([near_rows, *followers])
    return table.take(np.argsort(byte_strings(table["item_id"]), kind="stable"))


def _choose(
    earlier: npt.NDArray[np.int64],
    later: npt.NDArray[np.int64],
    similarities: npt.NDArray[np.float32],
    *,
    num_items: int,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    """Return the keeper of each item (itself when kept), numbered by preference, and similarity."""
    order = np.lexsort((later, earlier))
    heads, neighbours = earlier[order], later[order]
    bounds = np.searchsorted(heads, np.arange(num_items + 1))
    kept = np.ones(num_items, dtype=np.bool_)
    for item in np.flatnonzero(np.diff(bounds)).tolist():
        if kept[item]:
            kept[neighbours[bounds[item] : bounds[item + 1]]] = False
    usable = kept[earlier]
    earlier, later, similarities = earlier[usable], later[usable], similarities[usable]
    order = np.lexsort((earlier, -similarities, later))
    dropped, first = np.unique(later[order], return_index=True)
    keepers = np.arange(num_items)
    keepers[dropped] = earlier[order][first]
    similarity_to = np.ones(num_items, dtype=np.float32)
    similarity_to[dropped] = similarities[order][first]
    return keepers, similarity_to


def _followers(
    exact: pa.Table,
    ids: pa.ChunkedArray,
    keepers: npt.NDArray[np.int64],
    similarity_to: npt.NDArray[np.float32],
) -> list[pa.Table]:
    """Return the exact duplicates whose keeper is kept, and those whose keeper is dropped."""
    ranks = pc.fill_null(pc.index_in(exact["keeper_id"], value_set=ids), -1).to_numpy()
    keeper_dropped = np.zeros(len(ranks), dtype=np.bool_)
    found = ranks >= 0
    keeper_dropped[found] = keepers[ranks[found]] != ranks[found]
    plain = exact.filter(pa.array(~keeper_dropped))
    ones = np.ones(plain.num_rows, dtype=np.float32)
    moved, moved_ranks = exact.filter(pa.array(keeper_dropped)), ranks[keeper_dropped]
    return [
        _dropped_table(plain["item_id"], "exact_duplicate", plain["keeper_id"], ones),
        _dropped_table(
            moved["item_id"],
            "near_duplicate",
            ids.take(keepers[moved_ranks]),
            similarity_to[moved_ranks],
        ),
    ]


def _content_keepers(items: pa.ChunkedArray, exact: pa.Table) -> pa.ChunkedArray:
    """Replace every exact duplicate by the keeper of its content."""
    rows = pc.index_in(items, value_set=exact["item_id"])
    return pc.coalesce(exact["keeper_id"].take(rows), items)


def _ranks(items: pa.ChunkedArray, ids: pa.ChunkedArray) -> npt.NDArray[np.int64]:
    ranks = pc.index_in(items, value_set=ids)
    assert ranks.null_count == 0, "every item of an edge has a preference key"
    return np.asarray(ranks.to_numpy(), dtype=np.int64)


def _dropped_table(
    items: pa.ChunkedArray,
    reason: str,
    keepers: pa.ChunkedArray,
    similarities: npt.NDArray[np.float32],
) -> pa.Table:
    reasons = pa.repeat(reason, len(items))
    return pa.table([items, reasons, keepers, keepers, similarities], schema=DROPPED)
