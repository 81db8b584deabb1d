"""Signatures from a text column beside datatrove, datasketch and rensa: words, shingles, sketch.

Every side starts from the same texts, on one core, and makes 256 numbers a document (datatrove its
14 x 8) over word 5-grams. datatrove gets a regular expression for its words, which is five times
faster than its default. The floor is our own scan for words and hashing of shingles, without a
sketch; short texts have few shingles, so their sketches take more turns. Speeds are megabytes of
UTF-8 per second of CPU time; the fastest of five runs counts, and those of a ratio take turns.
"""

import argparse
import json
import platform
import sysconfig
import time
from collections.abc import Callable, Sequence
from functools import partial
from itertools import accumulate
from pathlib import Path
from tempfile import TemporaryDirectory

import datasketch
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from datatrove.pipeline.dedup.minhash import MinhashDedupSignature
from regex_words import WORDS, RegexWords
from rensa import RMinHash

from gristmill.dedup.columns import text_batches
from gristmill.dedup.minhash import (
    BATCH_BYTES,
    MinHashScheme,
    Signatures,
    sign_column,
    sign_native,
)
from gristmill.dedup.native import kernel

OUR_BYTES = 40_000_000
PEER_BYTES = 1_000_000

Row = dict[str, str | int | float]


def main() -> None:
    """Measure, then print a table or, with --json, one object a line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    as_json = parser.parse_args().json
    rows = measure()
    if as_json:
        print("\n".join(json.dumps(row) for row in rows))
        return
    sets = ", ".join(native.supported()) if (native := kernel()) else "numpy only"
    print(f"Python {platform.python_version()}, {platform.machine()} with {sets}")
    print(f"{'':54}{'k':>5}{'ours':>9}{'peer':>9}{'ratio':>9}")
    for one in rows:
        speed = f"{one['ours']:9.2f}{one['peer']:9.2f}{one['ratio']:9.2f}"
        print(f"{one['name']:54}{one['k']:5}{speed}")


def measure() -> list[Row]:
    """Return name, scheme, k, ours, peer (both MB/s) and ratio of each comparison."""
    texts = library_texts()
    few = texts[: max(1, next(i for i, n in enumerate(sizes(texts)) if n > PEER_BYTES))]
    peers: dict[str, Callable[[], object]] = {
        "datatrove_regex_words": partial(datatrove_signatures, few),
        "datasketch": partial(datasketch_signatures, few),
        "rensa": partial(rensa_signatures, few),
    }
    rows: list[Row] = []
    for scheme in (MinHashScheme(), MinHashScheme(method="permutations")):
        ours = partial(sign_column, column_of(texts), scheme)
        for name, peer in peers.items():
            rows.append(row(name, scheme, *speeds((ours, texts), (peer, few))))
        rows += floor_rows(texts, scheme, "floor_words_and_shingles")
        rows += floor_rows(short_texts(texts), scheme, "floor_of_short_texts")
        rows += parquet_rows(texts, scheme)
    return rows


def row(name: str, scheme: MinHashScheme, ours: float, peer: float) -> Row:
    """Return one comparison."""
    return {
        "name": f"minhash_{scheme.method}_{name}",
        "scheme": scheme.method,
        "k": scheme.num_permutations,
        "ours": round(ours, 3),
        "peer": round(peer, 3),
        "ratio": round(ours / peer, 3),
    }


def floor_rows(texts: Sequence[str], scheme: MinHashScheme, name: str) -> list[Row]:
    """Return what a sketch costs beside words and shingles; a fast one for each instruction set."""
    native, column, rows = kernel(), column_of(texts), []
    assert native is not None, "the C extension was not built"
    targets = native.supported()
    for target in targets if scheme.method == "fast" else targets[:1]:
        runs = (partial(sign, column, scheme, target), partial(shingle, column, target))
        rows.append(row(f"{name}_{target}", scheme, *speeds(*((run, texts) for run in runs))))
    return rows


def parquet_rows(texts: Sequence[str], scheme: MinHashScheme) -> list[Row]:
    """Return what signing adds to reading a Parquet file, and the speed of one beside the other.

    A second row above 1 means that with a core for each, reading is what takes the time.
    """
    with TemporaryDirectory() as folder:
        path = Path(folder) / "texts.parquet"
        table = pa.table({"text": pa.array(texts, pa.large_string())})
        pq.write_table(table, path, compression="zstd", row_group_size=1000)
        runs = (
            partial(read, path, scheme),
            partial(read, path, None),
            partial(sign_column, column_of(texts), scheme),
        )
        both, decode, alone = speeds(*((run, texts) for run in runs))
    return [
        row("parquet_to_signatures", scheme, both, decode),
        row("signing_beside_parquet_decode", scheme, alone, decode),
    ]


def read(path: Path, scheme: MinHashScheme | None) -> None:
    """Read the texts a row group at a time, and sign them if asked."""
    with pq.ParquetFile(path) as file:
        for group in range(file.num_row_groups):
            column = file.read_row_group(group, columns=["text"], use_threads=False)["text"]
            if scheme is not None:
                sign_column(column, scheme)


def sign(column: pa.ChunkedArray, scheme: MinHashScheme, target: str) -> None:
    """Sign the column with one instruction set."""
    native = kernel()
    assert native is not None
    for batch in text_batches(column, BATCH_BYTES):
        values = np.empty((batch.num_texts, scheme.num_permutations), dtype=np.uint32)
        out = Signatures(values, np.empty(batch.num_texts, dtype=np.int64))
        sign_native(batch, scheme, native, out, target)


def shingle(column: pa.ChunkedArray, target: str) -> None:
    """Hash every shingle of the column, and do no more: the floor."""
    native = kernel()
    assert native is not None
    for batch in text_batches(column, BATCH_BYTES):
        counts = np.zeros(batch.num_texts, dtype=np.int64)
        native.shingles(batch.data, batch.offsets, 5, np.empty(0, np.uint64), counts, target)


def column_of(texts: Sequence[str]) -> pa.ChunkedArray:
    """Return the texts as a string column."""
    return pa.chunked_array([pa.array(texts, pa.large_string())])


def datatrove_signatures(texts: Sequence[str]) -> None:
    """Sign with datatrove's first step."""
    step = MinhashDedupSignature(output_folder="memory://unused", language=RegexWords())
    for text in texts:
        shingles = step.get_shingles(text)
        if shingles.size:
            step.get_signature(shingles)


def datasketch_signatures(texts: Sequence[str]) -> None:
    """Sign with datasketch, which takes its shingles as bytes."""
    for text in texts:
        shingles = [shingle.encode() for shingle in joined_shingles(text)]
        datasketch.MinHash(num_perm=256).update_batch(shingles)


def rensa_signatures(texts: Sequence[str]) -> None:
    """Sign with rensa's unbiased sketch, which takes its shingles as strings."""
    for text in texts:
        sketch = RMinHash(num_perm=256, seed=1)
        sketch.update(joined_shingles(text))
        sketch.digest()


def joined_shingles(text: str) -> list[str]:
    """Return the word 5-grams of a text as strings."""
    words = WORDS.findall(text.lower())
    return [" ".join(words[i : i + 5]) for i in range(len(words) - 4)]


def library_texts() -> list[str]:
    """Return sources of the standard library and of installed packages, OUR_BYTES together."""
    paths = sysconfig.get_paths()
    roots = [Path(paths["stdlib"]), Path(paths["purelib"])]
    texts, num_bytes = [], 0
    for path in (path for root in roots for path in sorted(root.rglob("*.py"))):
        if num_bytes >= OUR_BYTES:
            break
        text = path.read_bytes().decode("utf-8", "replace")
        texts.append(text)
        num_bytes += len(text)
    return texts


def short_texts(texts: Sequence[str]) -> list[str]:
    """Return a third of the texts cut into pieces of some 2 kB, as many pages are."""
    third = texts[: len(texts) // 3]
    return [text[at : at + 2000] for text in third for at in range(0, len(text), 2000)]


def sizes(texts: Sequence[str]) -> list[int]:
    """Return how many bytes of UTF-8 the texts have up to each one."""
    return list(accumulate(len(text.encode()) for text in texts))


def speeds(*runs: tuple[Callable[[], object], Sequence[str]]) -> list[float]:
    """Return the MB/s of CPU time of the fastest of five calls of each; the runs take turns."""
    best = [float("inf")] * len(runs)
    for _ in range(5):
        for i, (run, _) in enumerate(runs):
            start = time.process_time()
            run()
            best[i] = min(best[i], time.process_time() - start)
    return [sizes(runs[i][1])[-1] / 1e6 / seconds for i, seconds in enumerate(best)]


if __name__ == "__main__":
    main()
