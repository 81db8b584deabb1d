"""Parsing speed: our killable worker against a plain loop over tree-sitter in this process.

Both take the same signals from the same files: the Python standard library's modules of up to
64 KB. The plain loop visits nodes and their children, as the tree's documentation shows it; it has
no limit on time or memory and would not survive a hostile file. Every answer is compared. The
parse alone is what neither can be faster than. Bounded to about 30 seconds.
"""

import argparse
import json
import platform
import sys
import sysconfig
import time
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path

from tree_sitter import Parser

from gristmill.filters.grammars import load_grammar
from gristmill.filters.killable import KillableWorker
from gristmill.filters.syntax import parse
from gristmill.filters.syntax_parser import walk_slow
from gristmill.filters.tree_facts import TreeFacts

GRAMMAR = "python"
MAX_FILE_BYTES = 65_536
MAX_BYTES = 6_000_000
ROUNDS = 3


def main() -> None:
    """Print MB/s of both and their ratio, as a table or as one JSON object per line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one object per line")
    as_json = parser.parse_args().json
    texts = sources()
    num_bytes = sum(map(len, texts))
    with KillableWorker("syntax") as worker:
        parse(worker, [(GRAMMAR, b"")])  # loads the grammar
        items = [(GRAMMAR, text) for text in texts]
        found, ours = best(lambda: parse(worker, items))
    expected, peer = best(lambda: [plain(text) for text in texts])
    if found != expected:
        sys.exit("the answers differ: a speed without equal answers means nothing")
    _, bare = best(lambda: [Parser(load_grammar(GRAMMAR)).parse(text) and None for text in texts])
    rows = [
        ("signals of stdlib", num_bytes / 1e6 / ours, num_bytes / 1e6 / peer),
        ("signals against the parse alone", num_bytes / 1e6 / ours, num_bytes / 1e6 / bare),
    ]
    if not as_json:
        what = f"tree-sitter {version('tree-sitter')}, {time.strftime('%Y-%m-%d')}"
        print(f"{platform.machine()}, Python {platform.python_version()}, {what}")
        print(f"{'texts':<34}{'ours MB/s':>12}{'peer MB/s':>12}{'ratio':>8}")
    for name, fast, slow in rows:
        if as_json:
            print(json.dumps({"name": name, "ours": fast, "peer": slow, "ratio": fast / slow}))
        else:
            print(f"{name:<34}{fast:>12.2f}{slow:>12.2f}{fast / slow:>8.2f}")


def plain(text: bytes) -> TreeFacts:
    """Return what a plain loop finds."""
    return walk_slow(Parser(load_grammar(GRAMMAR)).parse(text), GRAMMAR)


def best(run: Callable[[], Sequence[object]]) -> tuple[Sequence[object], float]:
    """Return what a run gives and the seconds of the fastest of ROUNDS."""
    seconds = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        found = run()
        seconds.append(time.perf_counter() - start)
    return found, min(seconds)


def sources() -> list[bytes]:
    """Return the standard library's modules, at most MAX_BYTES of them."""
    texts: list[bytes] = []
    num_bytes = 0
    for path in sorted(Path(sysconfig.get_path("stdlib")).rglob("*.py")):
        data = path.read_bytes()
        if "site-packages" in path.parts or len(data) > MAX_FILE_BYTES:
            continue
        num_bytes += len(data)
        if num_bytes > MAX_BYTES:
            break
        texts.append(data)
    return texts


if __name__ == "__main__":
    main()
