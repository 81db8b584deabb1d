"""Columns as numpy arrays: ids and keys that compare as their bytes do, texts as their bytes."""

from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc


def byte_strings(column: pa.ChunkedArray) -> npt.NDArray[np.bytes_]:
    """Return a fixed-size binary column without nulls as an array of byte strings, [num_rows].

    The strings order and compare as their bytes do, since all have one width. Never turn one
    back into `bytes`: numpy cuts trailing zero bytes there. Take rows of the column instead.
    """
    assert column.null_count == 0, "an id or a key is never null"
    width = column.type.byte_width
    chunks = [
        np.frombuffer(
            chunk.buffers()[1], dtype=f"S{width}", count=len(chunk), offset=width * chunk.offset
        )
        for chunk in column.chunks
        if len(chunk)
    ]
    if len(chunks) == 1:
        return chunks[0]
    return np.concatenate(chunks) if chunks else np.empty(0, dtype=f"S{width}")


def id_prefixes(column: pa.ChunkedArray, *, half: int = 0) -> npt.NDArray[np.uint64]:
    """Return the first (or, with half=1, the last) 8 bytes of 16-byte ids, big-endian, [num_rows].

    Numbers order as the bytes do. Ids are digests: the first halves of 10^9 of them are all
    different with probability 0.97.
    """
    data = byte_strings(column).view(">u8").reshape(-1, 2)
    return data[:, half].astype(np.uint64)


def partition_of(prefixes: npt.NDArray[np.uint64], num_partitions: int) -> npt.NDArray[np.int64]:
    """Return the partition of each 64-bit number: the range of its upper half, in order."""
    high = prefixes >> np.uint64(32)
    return (high * np.uint64(num_partitions) >> np.uint64(32)).astype(np.int64)


def run_starts(values: npt.NDArray[np.generic]) -> npt.NDArray[np.int64]:
    """Return the rows at which a run of equal values begins."""
    opens = np.ones(len(values), dtype=np.bool_)
    opens[1:] = values[1:] != values[:-1]
    return np.flatnonzero(opens)


def binary_column(
    rows: npt.NDArray[np.uint8], present: npt.NDArray[np.bool_] | None = None
) -> pa.Array:
    """Return the rows of a byte matrix [num_rows, width] as a fixed-size binary array.

    A row that is not present is null.
    """
    num_rows, width = rows.shape
    data = pa.py_buffer(np.ascontiguousarray(rows))
    mask = pa.array(present).buffers()[1] if present is not None else None
    return pa.FixedSizeBinaryArray.from_buffers(pa.binary(width), num_rows, [mask, data])


class TextBatch(NamedTuple):
    """Consecutive texts of a column: text i is `data[offsets[i]:offsets[i + 1]]` as UTF-8."""

    data: npt.NDArray[np.uint8]
    offsets: npt.NDArray[np.int64]  # one more than there are texts, the first one 0

    @property
    def num_texts(self) -> int:
        """How many texts there are."""
        return len(self.offsets) - 1

    def texts(self) -> list[str]:
        """Return the texts as strings."""
        data = self.data.tobytes()
        return [data[start:stop].decode() for start, stop in pairwise(self.offsets.tolist())]


def text_batches(texts: pa.ChunkedArray, batch_bytes: int) -> Iterator[TextBatch]:
    """Yield a string column without copying it, a null as an empty text.

    A batch has rows of at most `batch_bytes` of UTF-8 together, or one longer row.
    """
    for chunk in texts.chunks:
        column = pc.fill_null(chunk, "") if chunk.null_count else chunk
        column = column.cast(pa.large_string())
        if not len(column):
            continue
        _, offset_buffer, data_buffer = column.buffers()
        offsets = np.frombuffer(offset_buffer, dtype=np.int64)
        offsets = offsets[column.offset : column.offset + len(column) + 1]
        data = np.frombuffer(data_buffer if data_buffer is not None else b"", dtype=np.uint8)
        first = 0
        while first < len(column):
            room = int(offsets[first]) + batch_bytes
            last = max(first + 1, int(np.searchsorted(offsets, room, side="right")) - 1)
            start, stop = int(offsets[first]), int(offsets[last])
            yield TextBatch(data[start:stop], offsets[first : last + 1] - start)
            first = last
