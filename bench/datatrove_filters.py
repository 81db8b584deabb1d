"""datatrove's filters as our stage runs them, and by themselves: MB of text per CPU second.

Both call the same code; ours splits the words of a text once for all filters. The texts are the
novels of fixtures/, on each of which all four filters run. Needs `pip install -e .[text]`.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import datatrove.pipeline.filters as peer
import msgspec
import pyarrow.parquet as pq

from gristmill.filters.datatrove.settings import DatatroveStep
from gristmill.filters.datatrove.steps import LoadedStep, make_document

NOVELS = Path(__file__).parents[1] / "fixtures/documents/novels.parquet"
NAMES = ("GopherRepetitionFilter", "GopherQualityFilter", "C4QualityFilter", "FineWebQualityFilter")
# What a text that no filter drops early costs: all rules but those of line ends.
ARGS: dict[str, dict[str, object]] = {"FineWebQualityFilter": {"line_punct_thr": 0.0}}
MEGABYTE = 1e6


def main() -> None:
    """Time both, alternately, and print a line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one object a line")
    parser.add_argument("--texts", type=int, default=20)
    parser.add_argument("--repeats", type=int, default=3)
    given = parser.parse_args()
    texts: list[str] = pq.read_table(NOVELS, columns=["text"])["text"].to_pylist()[: given.texts]
    steps = [
        LoadedStep(DatatroveStep(step=f"datatrove.pipeline.filters.{n}", args=ARGS.get(n, {})))
        for n in NAMES
    ]
    filters = [getattr(peer, n)(**ARGS.get(n, {})) for n in NAMES]

    def ours(text: str) -> object:
        return [step.run([make_document(text, "1", {})]) for step in steps]

    def theirs(text: str) -> object:
        return [one.filter(make_document(text, "1", {})) for one in filters]

    num_bytes = sum(len(text.encode()) for text in texts)
    best = {"ours": 0.0, "theirs": 0.0}
    for _ in range(given.repeats):
        for name, run in (("ours", ours), ("theirs", theirs)):
            best[name] = max(best[name], num_bytes / MEGABYTE / seconds(run, texts))
    ratio = best["ours"] / best["theirs"]
    row = {"name": "datatrove-filters", "ours": best["ours"], "peer": best["theirs"]}
    if given.json:
        print(msgspec.json.encode({**row, "ratio": ratio}).decode())
    else:
        print(
            f"ours {best['ours']:.3f} MB/s, datatrove {best['theirs']:.3f} MB/s, {ratio:.2f} times"
        )


def seconds(run: Callable[[str], object], texts: list[str]) -> float:
    """Return the CPU seconds of this process; the first text, which loads words, is not timed."""
    run(texts[0])
    began = time.process_time()
    for text in texts:
        run(text)
    return time.process_time() - began


if __name__ == "__main__":
    main()
