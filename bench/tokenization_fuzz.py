"""Ids that differ from the reference library's, over random strings and over files; none should.

Strings mix every kind of character that the pre-tokenizer knows, with blanks, newlines and random
code points between. Prints every difference (on stderr with --json), then one line; exits 1 if
there is a difference.
"""

import argparse
import json
import random
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from tokenization import load_reference

from gristmill.corpus.tokenizer import load_tokenizer

BATCH = 2000
KINDS = [
    *["a", "Z", "the", " the", "_x", "(", "//", "--", "==", "0", "9", "12", "'s", '"'],
    *["\u00e9", "\u00df", "\u0416", "\u03c9", "\u0556", "\uff21", "\u1ebf", "\u10a0", "\u13a0"],
    *["\uff0c", "\uff5e", "\u201c", "\u2018", "\u2019", "\u3001", "\u3002", "\u2014", "\u2026"],
    *["\u4e2d", "\u6587", "\u4e00", "\u9fa5", "\u9fa6", "\u3042", "\u30c6", "\uac00", "\ud7ff"],
    *["\u0800", "\u07ff", "\u0661", "\u0967", "\u3007", "\u2160", "\u00bd", "\u00b2", "\U0001d7ce"],
    *[" ", "  ", "\t", "\x0b", "\x0c", "\xa0", "\x85", "\u1680", "\u2003", "\u2028", "\u3000"],
    *["\n", "\r", "\r\n", "\x00", "\x1c", "\x7f", "\u180e", "\u200b", "\u200d", "\ufeff", "\uffff"],
    *["\u05d0", "\u0645", "\u0301", "\U0001f600", "\U00010400", "\U0001e900", "\U0010ffff"],
]
RANGES = (range(0x20, 0x800), range(0x800, 0xD800), range(0xE000, 0x110000))


def main() -> None:
    """Compare, and say how many differ."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--strings", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true", help="one object")
    parser.add_argument("paths", nargs="*", type=Path, help="files, or folders of them")
    options = parser.parse_args()
    reference, ours = load_reference(), load_tokenizer()
    num_texts = num_bytes = num_different = 0
    started = time.perf_counter()
    batches = _batches(options.strings, random.Random(options.seed))
    for texts in (*batches, *_files(options.paths)) if options.paths else batches:
        found = [ids.tolist() for ids in ours.encode_batch(texts)]
        num_texts += len(texts)
        num_bytes += sum(len(text.encode()) for text in texts)
        for text, one, other in zip(texts, found, reference(texts), strict=True):
            if one != other:
                num_different += 1
                where = sys.stderr if options.json else sys.stdout
                print(f"differs: {text[:200]!a}", file=where, flush=True)
    seconds = time.perf_counter() - started
    if options.json:
        counts = {"ours": num_different, "peer": num_texts, "ratio": num_different / num_texts}
        print(json.dumps({"name": "texts with other ids, of all", **counts}))
        sys.exit(num_different > 0)
    print(f"{num_different} of {num_texts:,} texts differ, {num_bytes:,} bytes, {seconds:.0f} s")
    sys.exit(num_different > 0)


def _batches(num_strings: int, rng: random.Random) -> Iterator[list[str]]:
    for first in range(0, num_strings, BATCH):
        yield [_string(rng) for _ in range(min(BATCH, num_strings - first))]


def _string(rng: random.Random) -> str:
    """Return few characters of many kinds, many of few, or a block of ASCII with one inside."""
    way = rng.random()
    if way < 0.5:
        return "".join(rng.choices(KINDS, k=rng.randrange(1, 14)))
    if way < 0.7:
        return "".join(rng.choices(rng.sample(KINDS, 3), k=rng.randrange(1, 40)))
    if way < 0.9:
        points = (rng.choice(rng.choice(RANGES)) for _ in range(rng.randrange(1, 8)))
        return "".join(chr(point) + rng.choice(KINDS) for point in points)
    ascii_text = "".join(rng.choices("aB_(.=0 \t\n", k=rng.randrange(60, 200)))
    place = rng.randrange(len(ascii_text))
    return ascii_text[:place] + rng.choice(KINDS) + ascii_text[place:]


def _files(paths: Sequence[Path]) -> Iterator[list[str]]:
    for root in paths:
        for path in sorted(root.rglob("*")) if root.is_dir() else [root]:
            if path.is_file():
                yield [path.read_bytes().decode("utf-8", errors="replace")]


if __name__ == "__main__":
    main()
