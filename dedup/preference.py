"""Which of several duplicates is kept: one declared order, as a number and the item's id.

Preferred is the item whose licence is known, then the one with more stars (unknown counts as -1),
then the shallower path (fewer "/"), then the smaller item id, so no two items are equal.
"""

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

RANK = pa.uint64()
DEPTH_BITS = 24
STARS_BITS = 39
MOST_STARS = (1 << STARS_BITS) - 2  # more count as these; GitHub's most starred has half a million
DEEPEST = (1 << DEPTH_BITS) - 1


class Preference(msgspec.Struct, frozen=True, kw_only=True):
    """What decides between one item and its duplicates."""

    licence_known: bool
    stars: int | None
    path: str
    item_id: bytes  # 16 bytes

    def rank(self) -> int:
        """Return 64 bits, of which the smaller belong to the preferred item.

        From the highest bit: licence unknown (1), stars subtracted from MOST_STARS (39), depth of
        the path (24). Items of one rank are ordered by their ids.
        """
        stars = -1 if self.stars is None else min(max(self.stars, -1), MOST_STARS)
        depth = min(self.path.count("/"), DEEPEST)
        unknown = not self.licence_known
        return unknown << (STARS_BITS + DEPTH_BITS) | (MOST_STARS - stars) << DEPTH_BITS | depth


def preference_ranks(items: pa.Table) -> pa.Array:
    """Return the `RANK` of every row of (licence_known, stars, path).

    A null licence_known is unknown, null stars are -1, a null path has no depth.
    """
    known = pc.fill_null(items["licence_known"], fill_value=False).cast(pa.uint8()).to_numpy()
    stars = pc.fill_null(items["stars"].cast(pa.int64()), -1).to_numpy()
    fewer = (MOST_STARS - np.clip(stars, -1, MOST_STARS)).astype(np.uint64)
    depth = pc.fill_null(pc.count_substring(items["path"], "/"), 0).to_numpy()
    unknown = (1 - known).astype(np.uint64)
    return pa.array(
        unknown << np.uint64(STARS_BITS + DEPTH_BITS)
        | fewer << np.uint64(DEPTH_BITS)
        | np.minimum(depth, DEEPEST).astype(np.uint64)
    )
