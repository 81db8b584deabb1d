"""Who is dropped and for whom: items in preference order, each kept unless a kept one resembles it.

There is no transitive closure: of A ~ B ~ C with A unlike C, both A and C stay. A component of
similar items so falls into clusters around kept items, and it is cut where it is weakest: an item
goes to the most similar kept one. Every dropped item names a keeper that is kept and that it
resembles itself, so no two members of a cluster are further apart than twice the threshold's
distance (1 - Jaccard is a metric).
"""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ..corpus.record import ID
from .columns import byte_strings, id_prefixes, run_starts
from .pairs import PAIR, SIDES
from .sorting import argsort_u64

SIMILARITY = pa.field("similarity", pa.float64())
EDGE = PAIR.append(SIMILARITY)  # a pair whose Jaccard similarity has been measured

DROPPED = pa.schema(
    [
        ("item_id", ID),
        ("keeper", ID),  # an item that is itself kept
        SIMILARITY,  # of the item and its keeper
        ("shard", pa.uint64()),  # where the item lies
    ]
)


def choose_keepers(edges: pa.Table) -> pa.Table:
    """Return the DROPPED items of whole components; the order of the edges has no influence.

    `edges` are EDGE rows at or above the threshold, the preferred item on the left, repeats
    allowed. Among several kept items that an item resembles, its keeper is the most similar one,
    of equal ones the preferred.
    """
    items = _items(edges)
    left, right = (_places(edges[side], items["item_id"]) for side in SIDES)
    keepers, similarity_to = _choose(
        left, right, edges["similarity"].to_numpy(), num_items=items.num_rows
    )
    dropped = np.flatnonzero(keepers != np.arange(len(keepers)))
    table = items.take(dropped)
    return pa.table(
        [
            table["item_id"],
            items["item_id"].take(keepers[dropped]),
            similarity_to[dropped],
            table["shard"],
        ],
        schema=DROPPED,
    )


def _items(edges: pa.Table) -> pa.Table:
    """Return the distinct items of both sides with their rank and shard, the preferred first."""
    names = ["item_id", "rank", "shard"]
    sides = [
        pa.table([edges[side], edges[f"{side}_rank"], edges[f"{side}_shard"]], names=names)
        for side in SIDES
    ]
    table = pa.concat_tables(sides).combine_chunks()
    order = np.lexsort((byte_strings(table["item_id"]), table["rank"].to_numpy()))
    table = table.take(order)
    return table.take(run_starts(byte_strings(table["item_id"])))


def _places(column: pa.ChunkedArray, ids: pa.ChunkedArray) -> npt.NDArray[np.int64]:
    places: npt.NDArray[np.int64] = pc.index_in(column, value_set=ids).to_numpy().astype(np.int64)
    return places


def _choose(
    earlier: npt.NDArray[np.int64],
    later: npt.NDArray[np.int64],
    similarities: npt.NDArray[np.float64],
    *,
    num_items: int,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Return the keeper of each item (itself when kept), numbered by preference, and similarity."""
    order = argsort_u64(earlier.astype(np.uint64))
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
    similarity_to = np.ones(num_items, dtype=np.float64)
    similarity_to[dropped] = similarities[order][first]
    return keepers, similarity_to


# What is known of a dropped item, filed under the id that decides it: a copy under its keeper,
# which may itself be dropped, a near duplicate under its own.
FATE = pa.schema(
    [
        ("subject", ID),
        ("item_id", ID),
        ("keeper", ID),
        SIMILARITY,
        ("shard", pa.uint64()),  # where the item lies
        ("is_copy", pa.bool_()),
    ]
)


def follow_copies(fates: pa.Table) -> pa.Table:
    """Return the FATE rows with final keepers: a copy of a dropped item goes where that one went.

    `fates` holds all rows of each subject in it.
    """
    near = fates.filter(pc.invert(fates["is_copy"]))
    copies = fates.filter(fates["is_copy"])
    rows = pc.index_in(copies["subject"], value_set=near["item_id"].combine_chunks())
    moved = pc.is_valid(rows)
    return pa.concat_tables(
        [
            near,
            pa.table(
                [
                    copies["subject"],
                    copies["item_id"],
                    pc.coalesce(near["keeper"].take(rows), copies["keeper"]),
                    pc.coalesce(near["similarity"].take(rows), copies["similarity"]),
                    copies["shard"],
                    pc.invert(moved),
                ],
                schema=FATE,
            ),
        ]
    )


def subject_prefixes(fates: pa.Table) -> npt.NDArray[np.uint64]:
    """Return the key by which fates are merged."""
    return id_prefixes(fates["subject"])
