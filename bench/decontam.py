"""The scan for benchmarks beside datatrove's filter, and beside our own floor: finding the words.

Both get the same texts and look for the same ten-word n-grams: of benchmark files that are named,
or of 20,000 made-up items of 80 words, as many n-grams as HumanEval in 18 languages, MBPP, GSM8K
and a dozen sets of mathematics have together; every fiftieth text holds one of them. datatrove gets
a regular expression for its words, which is several times faster than its default. Ours also looks
for short passages and gives the place and the item of each hit; datatrove makes all numbers one and
flags more rows of them. Speeds are megabytes of UTF-8 per second of CPU time, the fastest of
several runs.
"""

import argparse
import json
import platform
import random
import sysconfig
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
from datatrove.data import Document
from datatrove.pipeline.decont import NGramsDecontConfig, NGramsDecontFilter
from datatrove.utils.hashing import create_hash_func
from datatrove.utils.text import ngrams, simplify_text
from regex_words import WORDS, RegexWords

from gristmill.dedup.columns import text_batches
from gristmill.dedup.contamination import BATCH_BYTES, ContaminationIndex
from gristmill.dedup.contamination_index import make_index
from gristmill.dedup.native import scanner
from gristmill.dedup.ngrams import word_values

OUR_BYTES = 60_000_000
PEER_BYTES = 2_000_000
NUM_ITEMS = 20_000
ITEM_WORDS = 80
EVERY = 50  # a text in so many holds an item
NGRAM = 10


def main() -> None:
    """Measure, then print a table or, with --json, one object a line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument("benchmarks", nargs="*", help="JSON lines, instead of made-up items")
    arguments = parser.parse_args()
    assert scanner() is not None, "the C extension was not built"
    rows = measure(arguments.benchmarks)
    if arguments.json:
        print("\n".join(json.dumps(row) for row in rows))
        return
    print(f"Python {platform.python_version()}, {platform.machine()}")
    print(f"{'':40}{'ours':>9}{'peer':>9}{'ratio':>9}")
    for row in rows:
        print(f"{row['name']:40}{row['ours']:9.2f}{row['peer']:9.2f}{row['ratio']:9.2f}")


def measure(benchmarks: Sequence[str]) -> list[dict[str, str | float]]:
    """Return name, ours, peer and ratio of each comparison; speeds in MB/s, then documents."""
    texts = library_texts()
    with tempfile.TemporaryDirectory() as folder:
        if not benchmarks:
            benchmarks = [write_items(Path(folder), texts)]
        passages, _ = make_index(benchmarks)
        few = texts[: sum(total <= PEER_BYTES for total in np.cumsum([len(t) for t in texts]))]
        peer = datatrove_filter(passages, Path(folder))
        column = pa.chunked_array([pa.array(texts, pa.large_string())])
        exact, near = ContaminationIndex(passages), ContaminationIndex(passages, near=True)
        ours = speed(lambda: exact.find(column), texts)
        theirs = speed(lambda: [peer.filter(Document(text=t, id="")) for t in few], few)
        floor = speed(lambda: words_only(column), texts)
        both = speed(lambda: near.find(column), texts)
        found = sum(bool(hits) for hits in exact.find(column[: len(few)]).to_pylist())
        also = sum(peer.filter(Document(text=text, id="")) is not True for text in few)
    return [
        row("decontam_scan_datatrove", ours, theirs),
        row("decontam_scan_floor_words", ours, floor),
        row("decontam_near_datatrove", both, theirs),
        row("decontam_documents_found", found, also),
    ]


def row(name: str, ours: float, peer: float) -> dict[str, str | float]:
    """Return one comparison."""
    ratio = round(ours / max(peer, 1e-9), 3)
    return {"name": name, "ours": round(ours, 3), "peer": round(peer, 3), "ratio": ratio}


def write_items(folder: Path, texts: list[str]) -> str:
    """Write made-up items of words of the texts, put one into every fiftieth text; seeded."""
    chance = random.Random(7)
    vocabulary = sorted({word for text in texts[:500] for word in WORDS.findall(text.lower())})
    items = [" ".join(chance.choices(vocabulary, k=ITEM_WORDS)) for _ in range(NUM_ITEMS)]
    for i in range(0, len(texts), EVERY):
        texts[i] = f"{texts[i]}\n# {items[i]}\n"
    path = folder / "items.jsonl"
    path.write_text("".join(json.dumps({"prompt": item}) + "\n" for item in items))
    return str(path)


def datatrove_filter(passages: pa.Table, folder: Path) -> NGramsDecontFilter:
    """Return datatrove's filter over an index of the passages, in the form its indexer writes."""
    config = NGramsDecontConfig(n_grams=NGRAM)
    hash_text = create_hash_func(config.hash_config)
    hashes = {
        hash_text(" ".join(gram))
        for passage in passages["words"].to_pylist()
        for gram in ngrams(WORDS.findall(simplify_text(passage, config.norm_config)), NGRAM)
    }
    index = folder / "index"
    index.mkdir()
    np.array(sorted(hashes), dtype=config.hash_config.np_descr).tofile(
        index / "benchmark.index.hashes"
    )
    step = NGramsDecontFilter(str(index), config=config, language=RegexWords())
    step.tokenizer = RegexWords()
    step.load_index_hashes()
    return step


def words_only(column: pa.ChunkedArray) -> None:
    """Find and hash the words of the column, and do no more."""
    for batch in text_batches(column, BATCH_BYTES):
        word_values(batch)


def library_texts() -> list[str]:
    """Return sources of the standard library and of installed packages, OUR_BYTES together."""
    paths = sysconfig.get_paths()
    texts, num_bytes = [], 0
    for root in (Path(paths["stdlib"]), Path(paths["purelib"])):
        for path in sorted(root.rglob("*.py")):
            if num_bytes >= OUR_BYTES:
                break
            text = path.read_bytes().decode("utf-8", "replace")
            texts.append(text)
            num_bytes += len(text)
    return texts


def speed(run: Callable[[], object], texts: Sequence[str]) -> float:
    """Return the MB/s of CPU time of the fastest of five runs."""
    best = float("inf")
    for _ in range(5):
        start = time.process_time()
        run()
        best = min(best, time.process_time() - start)
    return sum(len(text.encode()) for text in texts) / 1e6 / best


if __name__ == "__main__":
    main()
