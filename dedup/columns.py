"""Fixed-size binary columns as numpy arrays that compare as the bytes do, and back."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa


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
    return np.concatenate(chunks) if chunks else np.empty(0, dtype=f"S{width}")


def binary_column(rows: npt.NDArray[np.uint8]) -> pa.Array:
    """Return the rows of a byte matrix [num_rows, width] as a fixed-size binary array."""
    num_rows, width = rows.shape
    data = pa.py_buffer(np.ascontiguousarray(rows))
    return pa.FixedSizeBinaryArray.from_buffers(pa.binary(width), num_rows, [None, data])
