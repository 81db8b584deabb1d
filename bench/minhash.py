"""Signatures from a text column beside datatrove, datasketch and rensa: words, shingles, sketch.

Every side starts from the same texts, on one core, and makes 256 numbers a document (datatrove its
14 x 8) over word 5-grams. datatrove gets a regular expression for its words, which is five times
faster than its default. The floor is our own scan for words and the hashing of shingles, without a
sketch. Speeds are megabytes of UTF-8 per second of CPU time.
"""

import argparse
import json
import platform
import re
import sysconfig
import time
from collections.abc import Callable, Sequence
from functools import partial
from itertools import accumulate
from pathlib import Path

import datasketch
import numpy as np
import pyarrow as pa
from datatrove.pipeline.dedup.minhash import MinhashDedupSignature
from datatrove.utils.word_tokenizers import WordTokenizer
from rensa import RMinHash

from gristmill.dedup.columns import text_batches
from gristmill.dedup.minhash import MinHashScheme, sign_column
from gristmill.dedup.native import kernel

OUR_BYTES = 60_000_000
PEER_BYTES = 2_000_000
WORDS = re.compile(r"\w+")


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
    print(f"{'':40}{'ours':>9}{'peer':>9}{'ratio':>9}")
    for row in rows:
        print(f"{row['name']:40}{row['ours']:9.2f}{row['peer']:9.2f}{row['ratio']:9.2f}")


def measure() -> list[dict[str, str | float]]:
    """Return name, ours, peer (both MB/s) and ratio of each comparison."""
    texts = library_texts()
    column = pa.chunked_array([pa.array(texts, pa.large_string())])
    few = texts[: max(1, next(i for i, n in enumerate(sizes(texts)) if n > PEER_BYTES))]
    fast = speed(partial(sign_column, column, MinHashScheme()), texts)
    classic = speed(partial(sign_column, column, MinHashScheme(method="permutations")), texts)
    peers = {
        "datatrove_regex_words": speed(partial(datatrove_signatures, few), few),
        "datasketch": speed(partial(datasketch_signatures, few), few),
        "rensa": speed(partial(rensa_signatures, few), few),
        "floor_words_and_shingles": speed(partial(floor, column), texts),
    }
    return [
        {
            "name": f"minhash_{method}_{peer}",
            "ours": round(ours, 3),
            "peer": round(theirs, 3),
            "ratio": round(ours / theirs, 3),
        }
        for method, ours in (("fast", fast), ("permutations", classic))
        for peer, theirs in peers.items()
    ]


def floor(column: pa.ChunkedArray) -> None:
    """Hash every shingle of the column, and do no more."""
    native = kernel()
    assert native is not None, "the C extension was not built"
    for batch in text_batches(column, 8 << 20):
        counts = np.zeros(batch.num_texts, dtype=np.int64)
        native.shingles(batch.data, batch.offsets, 5, np.empty(0, np.uint64), counts, None)


class RegexWords(WordTokenizer):  # type: ignore[misc]
    """The word tokenizer that datatrove is given."""

    def word_tokenize(self, text: str) -> list[str]:
        """Return the runs of word characters."""
        return WORDS.findall(text)

    def sent_tokenize(self, text: str) -> list[str]:
        """Return the lines; MinHash does not ask."""
        return text.splitlines()

    def span_tokenize(self, text: str) -> list[tuple[int, int]]:
        """Return where the words lie; MinHash does not ask."""
        return [match.span() for match in WORDS.finditer(text)]


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


def sizes(texts: Sequence[str]) -> list[int]:
    """Return how many bytes of UTF-8 the texts have up to each one."""
    return list(accumulate(len(text.encode()) for text in texts))


def speed(run: Callable[[], object], texts: Sequence[str]) -> float:
    """Return the MB/s of CPU time of the fastest of three runs."""
    best = float("inf")
    for _ in range(3):
        start = time.process_time()
        run()
        best = min(best, time.process_time() - start)
    return sizes(texts)[-1] / 1e6 / best


if __name__ == "__main__":
    main()
