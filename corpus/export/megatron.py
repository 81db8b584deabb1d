"""Megatron's indexed data set: tokens back to back in `.bin`, where each document lies in `.idx`.

Both files are, byte for byte, what IndexedDatasetBuilder of megatron-core writes when it is given
each row as a document of one sequence. The vocabulary needs more than 16 bits, so ids are int32.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

_MAGIC: Final = b"MMIDIDX\x00\x00"
_VERSION: Final = 1
_INT32: Final = 4  # Megatron's code of the type
_ID_BYTES: Final = 4
_HEAD_BYTES: Final = len(_MAGIC) + 8 + 1 + 8 + 8
_CHUNK = 1 << 20  # documents of a pass over the index


def write_megatron(bin_path: Path, idx_path: Path, tables: Iterable[pa.Table]) -> None:
    """Write the `tokens` of every row, one document each.

    Memory is one table and 20 MB: the index is finished in passes over the lengths that were
    written into it.
    """
    num_documents = 0
    with bin_path.open("wb") as tokens, idx_path.open("w+b") as index:
        index.seek(_HEAD_BYTES)
        for table in tables:
            column = table["tokens"].combine_chunks()
            index.write(pc.list_value_length(column).to_numpy().astype("<i4").data)
            tokens.write(column.flatten().to_numpy().astype("<i4", copy=False).data)
            num_documents += len(column)
        _finish_index(index, num_documents)


def _finish_index(index: BinaryIO, num_documents: int) -> None:
    """Write what follows the lengths, and the head in front of them."""
    end = index.tell()
    starts = range(0, num_documents, _CHUNK)
    position = 0
    for start in starts:
        lengths = _lengths(index, start, min(_CHUNK, num_documents - start))
        ends = position + np.cumsum(lengths, dtype=np.int64) * _ID_BYTES
        pointers = np.concatenate([[position], ends[:-1]]).astype("<i8")
        position = int(ends[-1])
        index.seek(end + 8 * start)
        index.write(pointers.data)
    index.seek(end + 8 * num_documents)
    for start in range(0, num_documents + 1, _CHUNK):
        stop = min(start + _CHUNK, num_documents + 1)
        index.write(np.arange(start, stop, dtype="<i8").data)
    index.seek(0)
    counts = np.array([num_documents, num_documents + 1], "<u8").tobytes()
    index.write(_MAGIC + _VERSION.to_bytes(8, "little") + bytes([_INT32]) + counts)


def _lengths(index: BinaryIO, start: int, count: int) -> npt.NDArray[np.int32]:
    index.seek(_HEAD_BYTES + 4 * start)
    return np.frombuffer(index.read(4 * count), "<i4")
