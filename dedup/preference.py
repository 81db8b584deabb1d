"""Which of several duplicates is kept: one declared order, as bytes that compare the same way.

Preferred is the item whose licence is known, then the one with more stars (unknown counts as -1),
then the shallower path (fewer "/"), then the smaller item id, so no two items are equal.
"""

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ..corpus.record import ID
from .columns import binary_column, byte_strings

PREFERENCE_KEY = pa.binary(29)

_MOST_STARS = (1 << 63) - 1


class Preference(msgspec.Struct, frozen=True, kw_only=True):
    """What decides between one item and its duplicates."""

    licence_known: bool
    stars: int | None
    path: str
    item_id: bytes  # 16 bytes

    def key(self) -> bytes:
        """Return 29 bytes, of which the smaller belong to the preferred item.

        Licence flag (1), stars subtracted from 2^63 - 1 (8), depth of the path (4) and the item
        id (16), each big-endian.
        """
        stars = -1 if self.stars is None else self.stars
        return b"".join(
            (
                b"\0" if self.licence_known else b"\1",
                (_MOST_STARS - stars).to_bytes(8, "big"),
                self.path.count("/").to_bytes(4, "big"),
                self.item_id,
            )
        )


def preference_keys(items: pa.Table) -> pa.Array:
    """Return the `PREFERENCE_KEY` of every row of (item_id, licence_known, stars, path).

    A null licence_known is unknown, null stars are -1, a null path has no depth.
    """
    num_rows = items.num_rows
    keys = np.empty((num_rows, PREFERENCE_KEY.byte_width), dtype=np.uint8)
    known = pc.fill_null(items["licence_known"], fill_value=False).cast(pa.uint8())
    keys[:, 0] = 1 - known.to_numpy()
    stars = pc.fill_null(items["stars"].cast(pa.int64()), -1).to_numpy()
    keys[:, 1:9] = _big_endian(np.uint64(_MOST_STARS) - stars.astype(np.uint64), ">u8")
    depth = pc.fill_null(pc.count_substring(items["path"], "/"), 0).to_numpy()
    keys[:, 9:13] = _big_endian(depth, ">u4")
    ids = byte_strings(items["item_id"].cast(ID))
    keys[:, 13:] = np.frombuffer(ids.tobytes(), dtype=np.uint8).reshape(num_rows, 16)
    return binary_column(keys)


def preference_order(keys: pa.ChunkedArray) -> npt.NDArray[np.int64]:
    """Return the row numbers of a column of preference keys, the most preferred first."""
    order: npt.NDArray[np.int64] = np.argsort(byte_strings(keys), kind="stable")
    return order


def sort_by_preference(items: pa.Table) -> pa.Table:
    """Return the rows of (item_id, licence_known, stars, path, ...), the most preferred first."""
    return items.take(preference_order(pa.chunked_array([preference_keys(items)])))


def _big_endian(values: npt.NDArray[np.generic], dtype: str) -> npt.NDArray[np.uint8]:
    data = values.astype(dtype)
    return np.frombuffer(data.tobytes(), dtype=np.uint8).reshape(len(data), data.itemsize)
