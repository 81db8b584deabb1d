"""MinHash signatures per second beside datasketch, on the sources of the Python standard library.

The peer gets our shingles as byte strings, so its figure leaves out what making them costs;
"end to end" of ours starts from the text.
"""

import argparse
import json
import platform
import sysconfig
import time
from collections.abc import Callable
from pathlib import Path

import datasketch
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gristmill.dedup.minhash import MinHashScheme, signatures
from gristmill.dedup.shingles import ShingleBatch, shingle_column

INPUT_BYTES = 6_000_000


def main() -> None:
    """Measure, then print a table or, with --json, one object a line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    as_json = parser.parse_args().json
    rows = measure()
    if as_json:
        print("\n".join(json.dumps(row) for row in rows))
        return
    print(
        f"Python {platform.python_version()}, numpy {np.__version__}, {platform.machine()}; ",
        end="",
    )
    print(f"peer: datasketch {datasketch.__version__} update_batch; 256 permutations, MB/s of text")
    print(f"{'':34}{'ours':>9}{'peer':>9}{'ratio':>9}")
    for row in rows:
        print(f"{row['name']:34}{row['ours']:9.2f}{row['peer']:9.2f}{row['ratio']:9.2f}")


def measure() -> list[dict[str, str | float]]:
    """Return name, ours, peer (both MB/s, one core) and ratio of each comparison."""
    scheme = MinHashScheme()
    texts = standard_library_texts()
    megabytes = sum(len(text.encode()) for text in texts) / 1e6
    column = pa.chunked_array([texts])
    batches = list(shingle_column(column, ngram=scheme.ngram))
    elements = [as_byte_strings(part) for part in split(batches)]

    def end_to_end() -> None:
        for batch in shingle_column(column, ngram=scheme.ngram):
            signatures(batch.hashes, batch.offsets, scheme)

    def signatures_only() -> None:
        for batch in batches:
            signatures(batch.hashes, batch.offsets, scheme)

    def peer() -> None:
        for shingles in elements:
            datasketch.MinHash(num_perm=scheme.num_permutations).update_batch(shingles)

    peer_speed = megabytes / seconds_of(peer, repeats=2)
    ours = {"end_to_end": end_to_end, "signatures_from_shingles": signatures_only}
    speeds = {name: megabytes / seconds_of(run, repeats=3) for name, run in ours.items()}
    return [
        {
            "name": f"minhash_{name}",
            "ours": round(speed, 3),
            "peer": round(peer_speed, 3),
            "ratio": round(speed / peer_speed, 3),
        }
        for name, speed in speeds.items()
    ]


def standard_library_texts() -> list[str]:
    """Return the first standard library sources, up to INPUT_BYTES together."""
    root = Path(sysconfig.get_paths()["stdlib"])
    texts, num_bytes = [], 0
    for path in sorted(root.rglob("*.py")):
        if "site-packages" in path.parts or num_bytes >= INPUT_BYTES:
            continue
        text = path.read_bytes().decode("utf-8", "replace")
        texts.append(text)
        num_bytes += len(text)
    return texts


def split(batches: list[ShingleBatch]) -> list[npt.NDArray[np.uint64]]:
    """Return the shingles of each document."""
    return [part for batch in batches for part in np.split(batch.hashes, batch.offsets[1:-1])]


def as_byte_strings(shingles: npt.NDArray[np.uint64]) -> list[bytes]:
    """Return each 64-bit shingle as 8 bytes."""
    data = shingles.tobytes()
    return [data[i : i + 8] for i in range(0, len(data), 8)]


def seconds_of(run: Callable[[], None], *, repeats: int) -> float:
    """Return the CPU seconds of the fastest of some runs."""
    best = float("inf")
    for _ in range(repeats):
        start = time.process_time()
        run()
        best = min(best, time.process_time() - start)
    return best


if __name__ == "__main__":
    main()
