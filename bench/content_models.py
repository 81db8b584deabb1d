"""The content model beside a plain centroid and fastText, on files that none was trained on.

All three learn from the same samples and read the same tokens. Measured on the frozen split and on
projects held out, by content alone: the share of the 338 names' files that is right, the mean
recall of the names, the share right among the languages that claim a file's extension, the share
of other languages' files that is not taken for one of the 338, and files a second of one core.
Takes about five minutes, of which fastText takes most.
"""

import argparse
import json
import platform
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

import msgspec

from gristmill.filters.clues import extension_languages
from gristmill.filters.content_fasttext import FastTextModel, train_fasttext
from gristmill.filters.content_file import read_model
from gristmill.filters.content_model import ContentModel
from gristmill.filters.content_samples import Sample, frozen_digests, read_samples
from gristmill.filters.content_training import FitSettings
from gristmill.filters.languages import language_table
from gristmill.filters.train_content_model import train

OURS = "linear"


class Ranker(Protocol):
    """What is measured."""

    def rank(
        self, text: str, candidates: Sequence[str] | None = None, top: int = 5
    ) -> list[tuple[str, float]]:
        """Return languages, the likeliest first."""


class Quality(msgspec.Struct, frozen=True):
    """The measures of one model on one set of files, each the better the higher."""

    right: float
    mean_recall: float
    right_of_extension: float
    not_claimed: float
    files_per_second: float


def main() -> None:
    """Print each measure of ours and of a peer, and their ratio."""
    options = _parser().parse_args()
    frozen = frozen_digests()
    samples = read_samples(options.samples)
    sets = {"frozen split": [s for s in samples if s.digest in frozen]}
    if options.held_out:
        sets["held out"] = read_samples([options.held_out])
    unseen = {sample.digest for files in sets.values() for sample in files}
    models = train_all([sample for sample in samples if sample.digest not in unseen])
    if not options.json:
        print(f"{platform.machine()}, Python {platform.python_version()}, {time.strftime('%F')}")
        print(f"{'measure':<44}{'ours':>10}{'peer':>10}{'ratio':>8}")
    for row in compare(models, {name: files for name, files in sets.items() if files}):
        if options.json:
            print(json.dumps(row))
        else:
            figures = f"{row['ours']:>10.3f}{row['peer']:>10.3f}{row['ratio']:>8.2f}"
            print(f"{row['name']:<44}{figures}")


def compare(
    models: dict[str, Ranker], sets: dict[str, Sequence[Sample]]
) -> Iterator[dict[str, str | float]]:
    """Yield a row per set, measure and peer."""
    for title, files in sets.items():
        found = {name: quality(model, files) for name, model in models.items()}
        for peer in models:
            if peer == OURS:
                continue
            for measure in Quality.__struct_fields__:
                ours, theirs = (float(getattr(found[name], measure)) for name in (OURS, peer))
                name = f"{title}: {measure}, {peer}"
                ratio = ours / theirs if theirs else float("inf")
                yield {"name": name, "ours": ours, "peer": theirs, "ratio": ratio}


def train_all(samples: Sequence[Sample]) -> dict[str, Ranker]:
    """Return the models by name; the centroid is ours without its corrections."""
    texts, labels = [s.text for s in samples], [s.label for s in samples]
    models: dict[str, Ranker] = {}
    with TemporaryDirectory() as folder:
        for name, settings in ((OURS, FitSettings()), ("centroid", FitSettings(steps=(), prior=0))):
            start = time.perf_counter()
            path = Path(folder, f"{name}.bin")
            train(samples, [], path, settings)
            models[name] = ContentModel(read_model(path))
            _note(name, len(samples), time.perf_counter() - start, path)
        start, path = time.perf_counter(), Path(folder, "fasttext.bin")
        train_fasttext(texts, labels, path)
        models["fastText"] = FastTextModel(path)
        _note("fastText", len(samples), time.perf_counter() - start, path)
    return models


def quality(model: Ranker, samples: Sequence[Sample]) -> Quality:
    """Return what a model reaches on samples."""
    table = language_table()
    inside = {table.family(name) for name in table.paper_names}
    start = time.process_time()
    firsts = [model.rank(sample.text, None, 1)[0][0] for sample in samples]
    seconds = time.process_time() - start
    by_name: dict[str, list[bool]] = defaultdict(list)
    claimed = []
    for sample, first in zip(samples, firsts, strict=True):
        if sample.label in inside:
            by_name[sample.label].append(first == sample.label)
        else:
            claimed.append(first in inside)
    right = [hit for hits in by_name.values() for hit in hits]
    return Quality(
        right=_mean(right),
        mean_recall=_mean([_mean(hits) for hits in by_name.values()]),
        right_of_extension=_mean(list(_of_extension(model, samples))),
        not_claimed=1 - _mean(claimed),
        files_per_second=len(samples) / max(seconds, 1e-9),
    )


def _of_extension(model: Ranker, samples: Sequence[Sample]) -> Iterator[bool]:
    for sample in samples:
        claimants = extension_languages(sample.member)[1]
        if len(claimants) > 1 and sample.label in claimants:
            yield model.rank(sample.text, claimants, 1)[0][0] == sample.label


def _mean(values: Sequence[float]) -> float:
    return sum(values) / max(len(values), 1)


def _note(name: str, num_samples: int, seconds: float, path: Path) -> None:
    size = path.stat().st_size / 1e6
    print(f"{name}: {num_samples:,} samples, {seconds:.0f} s, {size:.1f} MB", file=sys.stderr)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=Path, nargs="+", metavar="DIR", required=True)
    parser.add_argument("--held-out", type=Path, metavar="DIR", help="projects held out")
    parser.add_argument("--json", action="store_true", help="one object per line")
    return parser


if __name__ == "__main__":
    main()
