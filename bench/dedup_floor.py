"""What removing near-duplicates costs at least: each part that no design can leave out, by itself.

The interpreter with its libraries starts, the texts are decoded once, digested once and signed
once, and the rows that are kept are encoded. Nothing is looked up, compared or written twice.
bench/dedup.py shows the sum beside what we take; CPU seconds of one thread, the best of ROUNDS.
"""

import resource
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pyarrow.parquet as pq

from gristmill.dedup.columns import text_batches
from gristmill.dedup.minhash import BATCH_BYTES, MinHashScheme, sign_column

ROUNDS = 3
START = "import numpy, pyarrow.parquet, pyarrow.compute"


def floor_seconds(files: Sequence[Path], kept: Sequence[Path]) -> dict[str, float]:
    """Return the CPU seconds of each part, by name: start, decode, digest, sign and encode.

    Args:
        files: the corpus.
        kept: the same without duplicates.
    """
    texts = [table["text"].cast(pa.large_string()) for path in files for table in _decode(path)]
    unique = [list(_decode(path, columns=None)) for path in kept]
    scheme = MinHashScheme()
    with TemporaryDirectory(dir=kept[0].parent) as folder:
        target = Path(folder) / "kept.parquet"
        return {
            "start": _best(_start, _children_seconds),
            "decode": _best(lambda: [len(_decode(path)) for path in files]),
            "digest": _best(lambda: [_digest(column) for column in texts]),
            "sign": _best(lambda: [sign_column(column, scheme) for column in texts]),
            "encode": _best(lambda: [_encode(tables, target) for tables in unique]),
        }


def _best(work: Callable[[], object], clock: Callable[[], float] = time.process_time) -> float:
    seconds = []
    for _ in range(ROUNDS):
        start = clock()
        work()
        seconds.append(clock() - start)
    return min(seconds)


def _start() -> None:
    subprocess.run([sys.executable, "-c", START], check=True)


def _children_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _decode(path: Path, columns: Sequence[str] | None = ("text",)) -> list[pa.Table]:
    with pq.ParquetFile(path) as parquet:
        wanted = list(columns) if columns is not None else None
        return [
            parquet.read_row_group(group, columns=wanted, use_threads=False)
            for group in range(parquet.num_row_groups)
        ]


def _digest(column: pa.ChunkedArray) -> list[bytes]:
    return [
        sha256(batch.data.data[start:stop]).digest()
        for batch in text_batches(column, BATCH_BYTES)
        for start, stop in pairwise(batch.offsets.tolist())
    ]


def _encode(tables: Sequence[pa.Table], target: Path) -> int:
    with pq.ParquetWriter(
        target, tables[0].schema, compression="zstd", compression_level=1, use_dictionary=["id"]
    ) as writer:
        for table in tables:
            writer.write_table(table, row_group_size=max(1, table.num_rows))
    return target.stat().st_size
