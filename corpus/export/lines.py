"""JSON lines under zstd: one object a row."""

from collections.abc import Iterable
from pathlib import Path

import msgspec
import pyarrow as pa
import zstandard

LEVEL = 3


def write_lines(path: Path, tables: Iterable[pa.Table]) -> None:
    """Write one line a row, its keys in the order of the columns."""
    compressor = zstandard.ZstdCompressor(level=LEVEL, write_checksum=True)
    encoder = msgspec.json.Encoder()
    with path.open("wb") as file, compressor.stream_writer(file) as stream:
        for table in tables:
            for batch in table.to_batches(max_chunksize=256):
                stream.write(encoder.encode_lines(batch.to_pylist()))
