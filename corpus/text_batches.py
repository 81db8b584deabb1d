"""A string column as the bytes that kernels read, without a copy and without an object a text."""

from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc


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
