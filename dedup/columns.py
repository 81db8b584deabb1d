"""Columns as numpy arrays: ids and keys that compare as their bytes do, texts as their bytes."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ..corpus.text_batches import TextBatch as TextBatch
from ..corpus.text_batches import text_batches as text_batches


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
