"""Tokenizer speed: ours, from a column to flat ids, against tokenizers, fastokens and tiktoken.

All have DeepSeek-V2's vocabulary and take the same texts, which none has seen before, one core and
CPU time each; every id is compared. tiktoken has no pattern for all texts, only for ASCII, and gets
the ASCII texts. The floors are what no tokenizer can be faster than: the bytes copied, and the
texts cut into pieces that are not looked up. Peers get as many texts as fit into their seconds.
"""

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

os.environ["TOKENIZERS_PARALLELISM"] = "false"

import fastokens
import numpy as np
import tiktoken
import tokenizers
from tokenization_texts import chinese, code, english

from gristmill.corpus import deepseek
from gristmill.corpus.line_engines import LineEngines
from gristmill.corpus.piece_engine import PieceEngine, kernel
from gristmill.corpus.text_batches import text_batches
from gristmill.corpus.tokenizer import string_column

MAX_BYTES = 16_000_000
PEER_SECONDS = 4.0
BATCH_BYTES = 1 << 20

# What the six steps of the file come to on these characters.
ASCII_PATTERN = (
    r"[\r\n]|[ \t]?[A-Za-z]+|[ \t]?[!-/:-@\[-`{-~]+|[0-9]"
    r"|[ \t]+(?=[ \t][A-Za-z!-/:-@\[-`{-~])|[ \t]+"
)
ASCII = bytes([9, 10, 13, *range(32, 127)])

Encode = Callable[[Sequence[str]], list[list[int]]]


class Row(NamedTuple):
    """One comparison; MB of UTF-8 a second of CPU time, but for the share found in the cache."""

    name: str
    ours: float
    peer: float

    @property
    def ratio(self) -> float:
        """How many times faster ours is."""
        return self.ours / self.peer


def main() -> None:
    """Print MB/s of both and their ratio, as a table or as one JSON object a line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one object per line")
    parser.add_argument("--seconds", type=float, default=PEER_SECONDS, help="CPU time of a peer")
    options = parser.parse_args()
    if not options.json:
        print(f"{platform.machine()}, Python {platform.python_version()}, {versions()}")
        print(f"{'texts: peer':<34}{'ours MB/s':>12}{'peer MB/s':>12}{'ratio':>8}")
    for name, texts in texts_by_name():
        for row in rows(name, texts, options.seconds):
            if options.json:
                print(json.dumps(row._asdict() | {"ratio": row.ratio}), flush=True)
            else:
                print(
                    f"{row.name:<34}{row.ours:>12.2f}{row.peer:>12.2f}{row.ratio:>8.1f}", flush=True
                )


def texts_by_name() -> Iterator[tuple[str, list[str]]]:
    """Yield each kind of text; the ASCII texts are those of the code that tiktoken can take."""
    sources = code(MAX_BYTES)
    yield "code", sources
    yield "ASCII code", [text for text in sources if not set(text.encode()) - set(ASCII)]
    yield "Chinese", chinese(MAX_BYTES)
    yield "English", english(MAX_BYTES)


def rows(name: str, texts: list[str], seconds: float) -> Iterator[Row]:
    """Yield ours against each peer, and the floors."""
    native = kernel()
    assert native is not None, "the extension is not built"
    engine = PieceEngine(native, deepseek.read_file())
    ours, expected = time_ours(engine, texts)
    hits = engine.num_hits / (engine.num_hits + engine.num_misses)
    yield Row(f"{name}: tokenizers", ours, time_peer(load_reference(), texts, seconds, expected))
    if name == "ASCII code":
        yield Row(f"{name}: tiktoken", ours, time_peer(load_tiktoken(), texts, seconds, expected))
        return
    yield Row(f"{name}: fastokens", ours, time_peer(load_fastokens(), texts, seconds, expected))
    twin = time_peer(load_twin(), texts, seconds, expected)
    yield Row(f"{name}: without the extension", ours, twin)
    again, _ = time_ours(engine, texts)
    yield Row(f"{name}: a second pass", ours, again)
    yield Row(f"{name}: pieces, not looked up", ours, time_pieces(engine, texts))
    yield Row(f"{name}: bytes copied", ours, time_copy(texts))
    yield Row(f"{name}: share found in the cache", hits, 1.0)


def time_ours(engine: PieceEngine, texts: list[str]) -> tuple[float, list[list[int]]]:
    """Return MB/s from a column to flat ids, and the ids."""
    column = string_column(texts)
    started = time.process_time()
    made = [engine.encode(batch) for batch in text_batches(column, BATCH_BYTES)]
    rate = size(texts) / 1e6 / (time.process_time() - started)
    parts = (np.split(ids, offsets[1:-1]) for ids, offsets in made)
    return rate, [ids.tolist() for part in parts for ids in part]


def time_pieces(engine: PieceEngine, texts: list[str]) -> float:
    """Return MB/s of the scan alone."""
    column = string_column(texts)
    started = time.process_time()
    for batch in text_batches(column, BATCH_BYTES):
        engine.count_pieces(batch)
    return size(texts) / 1e6 / (time.process_time() - started)


def time_copy(texts: list[str]) -> float:
    """Return MB/s of copying the bytes of the column, batch by batch."""
    column = string_column(texts)
    into = np.zeros(BATCH_BYTES, dtype=np.uint8)
    started = time.process_time()
    for batch in text_batches(column, BATCH_BYTES):
        into[: len(batch.data)] = batch.data
    return size(texts) / 1e6 / max(time.process_time() - started, 1e-6)


def time_peer(encode: Encode, texts: list[str], seconds: float, expected: list[list[int]]) -> float:
    """Return the MB/s of a peer over as many texts as it takes in so many seconds."""
    encode(["warm \u4e2d\n"])
    num_bytes, spent = 0, 0.0
    for at in range(0, len(texts), 16):
        # Texts from everywhere, as not all are taken.
        batch = texts[at // 16 :: -(-len(texts) // 16)]
        started = time.process_time()
        ids = encode(batch)
        spent += time.process_time() - started
        num_bytes += size(batch)
        if ids != expected[at // 16 :: -(-len(texts) // 16)]:
            sys.exit("the ids differ: a speed without equal ids means nothing")
        if spent > seconds:
            break
    return num_bytes / 1e6 / spent


def size(texts: Sequence[str]) -> int:
    """Return the bytes of some texts."""
    return sum(len(text.encode()) for text in texts)


def load_reference() -> Encode:
    """Return the reference library on the same vocabulary, its added tokens taken out too."""
    settings = json.loads(deepseek.read_file())
    settings["added_tokens"] = []
    peer = tokenizers.Tokenizer.from_str(json.dumps(settings))
    return lambda texts: [
        encoding.ids for encoding in peer.encode_batch_fast(list(texts), add_special_tokens=False)
    ]


def load_fastokens() -> Encode:
    """Return fastokens on the same file; its blanks are Oniguruma's, or the ids would differ."""
    settings = json.loads(deepseek.read_file())
    settings["added_tokens"] = []
    for step in settings["pre_tokenizer"]["pretokenizers"]:
        if step["type"] == "Split":
            pattern = step["pattern"]["Regex"]
            step["pattern"]["Regex"] = pattern.replace(r"\s", f"[{deepseek.SPACES}]")
    peer = fastokens.Tokenizer.from_json_str(json.dumps(settings))

    def encode(texts: Sequence[str]) -> list[list[int]]:
        ids, offsets = peer.encode_batch_flat(list(texts))
        bounds = np.frombuffer(offsets, dtype="<u8").astype(np.int64)
        return [part.tolist() for part in np.split(np.frombuffer(ids, dtype="<u4"), bounds[1:-1])]

    return encode


def load_twin() -> Encode:
    """Return what is used where the extension was not built."""
    engines = LineEngines(deepseek.read_file())

    def encode(texts: Sequence[str]) -> list[list[int]]:
        (batch,) = text_batches(string_column(texts), 1 << 40)
        ids, offsets = engines.encode(batch)
        return [part.tolist() for part in np.split(ids, offsets[1:-1])]

    return encode


def load_tiktoken() -> Encode:
    """Return tiktoken with the vocabulary, whose ids are ranks, and a pattern for ASCII."""
    tokens = deepseek.token_bytes(deepseek.read_vocabulary(deepseek.read_file()))
    ranks = {part.tobytes(): i for i, part in enumerate(np.split(tokens.data, tokens.starts[1:-1]))}
    peer = tiktoken.Encoding("v2", pat_str=ASCII_PATTERN, mergeable_ranks=ranks, special_tokens={})
    return lambda texts: [peer.encode_ordinary(text) for text in texts]


def versions() -> str:
    """Return the day and the peers' versions, without which a figure means little."""
    peers = f"tokenizers {tokenizers.__version__}, tiktoken {tiktoken.__version__}"
    return f"{time.strftime('%Y-%m-%d')}, {peers}"


if __name__ == "__main__":
    main()
