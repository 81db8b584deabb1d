"""Artifacts as inputs: what is read of them, and when."""

from pathlib import Path
from random import Random

import pyarrow as pa
import pyarrow.parquet as pq

from gristmill.pipelines.artifact import InputFile

NUM_ROWS = 1 << 16


def bytes_read() -> int:
    """Return how many bytes this process has read so far."""
    lines = Path("/proc/self/io").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("rchar"))


def test_batches_are_read_as_they_are_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    noise = Random(1).randbytes(64 * NUM_ROWS)
    ids = pa.FixedSizeBinaryArray.from_buffers(pa.binary(64), NUM_ROWS, [None, pa.py_buffer(noise)])
    pq.write_table(pa.table({"id": ids}), path, use_dictionary=False)
    file = InputFile(shard="a", url=str(path), digest="", rows=NUM_ROWS)
    before = bytes_read()
    batches = file.batches(["id"], 1024)
    first = next(batches)
    assert bytes_read() - before < len(noise) // 2
    assert pa.concat_tables([first, *batches])["id"].combine_chunks().equals(ids)
