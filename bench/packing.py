"""Packing: how many documents are cut, and how much is padding, greedy against best-fit.

Takes a build and counts one epoch of each component at each sequence length. Only documents that
would fit a window count as cut; a longer one must be. Figures of speed are samples a second of CPU
time with nothing cached but the page cache.
"""

import argparse
import json
import sys
import time
from collections import Counter
from typing import NamedTuple

from gristmill.corpus.mixture import read_mixture
from gristmill.corpus.packing import PackedDataset, PackingSettings

LENGTHS = (4096, 32768, 131072)
METHODS = ("greedy", "best_fit")
NUM_TIMED = 200


class Count(NamedTuple):
    """Of one epoch: documents that fit a window, those of them cut, and the padded share."""

    documents: int
    cut: int
    padding: float

    @property
    def share(self) -> float:
        """The cut share of documents that would fit."""
        return self.cut / max(self.documents, 1)


def main() -> None:
    """Print a line a component, length and method, or one JSON object a comparison."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("build", help="a build's folder")
    parser.add_argument("--json", action="store_true", help="one object per line")
    parser.add_argument("--lengths", type=int, nargs="+", default=LENGTHS)
    options = parser.parse_args()
    for length in options.lengths:
        datasets = {method: open_dataset(options.build, length, method) for method in METHODS}
        for part, component in enumerate(datasets["greedy"].streams):
            counts = {name: count(dataset, part) for name, dataset in datasets.items()}
            report(f"{component.name} at {length:,}", counts, as_json=options.json)
        rates = {name: samples_a_second(dataset) for name, dataset in datasets.items()}
        if not options.json:
            listed = ", ".join(f"{name} {rate:,.0f}" for name, rate in rates.items())
            print(f"samples/s at {length:,}: {listed}")


def open_dataset(build: str, length: int, method: str) -> PackedDataset:
    """Return the samples of a build by one method."""
    settings = PackingSettings(sequence_length=length, method=method)  # type: ignore[arg-type]
    return PackedDataset(read_mixture(f"{build}/mixture.json"), build, settings)


def count(dataset: PackedDataset, part: int) -> Count:
    """Count the documents of a component's first epoch, and in how many windows each lies."""
    stream, size = dataset.streams[part], dataset.sample(0).tokens.size
    parts = Counter[tuple[int, int]]()
    lengths = dict[tuple[int, int], int]()
    total = 0
    for window in range(stream.num_windows):
        for block, start, stop in stream.spans(0, window):
            found = dataset.block(part, block)
            total += stop - start
            for row in found.rows_between(start, stop):
                parts[block, row] += 1
                lengths[block, row] = int(found.row_starts[row + 1] - found.row_starts[row])
    fitting = [key for key, length in lengths.items() if length <= size]
    padding = 1 - total / (stream.num_windows * size)
    return Count(len(fitting), sum(parts[key] > 1 for key in fitting), padding)


def samples_a_second(dataset: PackedDataset) -> float:
    """Return how many of the first samples are made in a second of CPU time."""
    start = time.process_time()
    for index in range(NUM_TIMED):
        dataset.sample(index)
    return NUM_TIMED / (time.process_time() - start)


def report(name: str, counts: dict[str, Count], *, as_json: bool) -> None:
    """Print the figures of one component and length; a ratio above 1 is in best-fit's favour."""
    ours, peer = counts["best_fit"], counts["greedy"]
    if as_json:
        ratio = peer.share / ours.share if ours.share else None
        record = {"name": f"cut, {name}", "ours": ours.share, "peer": peer.share, "ratio": ratio}
        json.dump(record, sys.stdout)
        print()
        return
    for method, found in counts.items():
        print(
            f"{name:<18}{method:<10}{found.cut:>8,} of {found.documents:>8,} documents cut "
            f"({found.share:.2%}), padding {found.padding:.3%}"
        )


if __name__ == "__main__":
    main()
