"""Languages told by us, linguist, enry, pygments and magika: same files, one run, one core each.

`with names` a detector gets a file's base name and its bytes, `content only` its bytes. A folder of
samples holds labels.tsv (columns file, label338, repository, path) or index.tsv (path, label,
member); a language outside the paper's 338, or none, is background. Of the first folder only what
--frozen lists is taken. Each repository is a set with figures of its own: Rosetta's file names are
made up. Peers' labels are mapped through our table; one that means several of our names is right
with any of them, and families count as one name. Files a second are per second of CPU time.
"""

import argparse
import csv
import json
import platform
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

import msgspec

from gristmill.corpus.decode import Decoded, decode
from gristmill.filters.clues import clue_index, extension_languages
from gristmill.filters.content_samples import FROZEN, frozen_digests, sample_digest
from gristmill.filters.languages import language_table
from gristmill.pipelines import page
from gristmill.pipelines.language_quality import (
    confusions,
    csv_text,
    recall_rows,
    scores,
)
from gristmill.pipelines.language_quality_page import confusion_table, figures_table, recall_table

HERE = Path(__file__).parent
PEERS = ("linguist", "enry", "pygments", "magika")
NEUTRAL = "unnamed"
MODES = {"names": "with names", "content": "content only"}
PEER_SECONDS = 3600
NOT_INSTALLED = 3
Metrics = dict[str, dict[str, dict[str, float]]]  # set -> metric -> detector


class Sample(msgspec.Struct, frozen=True):
    """A file with its set and its true family, "" for background."""

    file: str
    name: str
    label: str
    group: str


class Answers(msgspec.Struct, frozen=True):
    """What a detector said of each sample, in its own words."""

    version: str
    seconds: float
    labels: tuple[str | None, ...]


class Result(msgspec.Struct, frozen=True):
    """One detector's answers by mode, in our words, and its files a second."""

    version: str
    predicted: dict[str, list[str | None]]
    speeds: dict[str, float]


def main() -> None:
    """Run every detector and print, set by set."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", action="append", type=Path, required=True, metavar="DIR")
    parser.add_argument("--frozen", type=Path, default=FROZEN, help="of the first folder")
    parser.add_argument("--max-files", type=int, help="of each folder, spread evenly")
    parser.add_argument("--out", type=Path, help="folder for recall, confusions and report.html")
    parser.add_argument("--json", action="store_true", help="one object a line")
    options = parser.parse_args()
    samples = list(read_folders(options.samples, options.frozen, options.max_files))
    results: dict[str, Result] = {}
    for detector in ("ours", *PEERS):
        result = judge(detector, samples)
        if isinstance(result, Result):
            results[detector] = result
        else:
            print(f"{detector}: not run. {result}", file=sys.stderr, flush=True)
    assert "ours" in results, "without our own answers there is nothing to compare"
    metrics = measure_sets(samples, results)
    print_json(metrics) if options.json else print_tables(samples, results, metrics)
    if options.out:
        write_out(options.out, samples, results, metrics)


def read_folders(folders: Sequence[Path], frozen: Path, max_files: int | None) -> Iterator[Sample]:
    """Yield the samples of all folders; of the first one only what is frozen."""
    for i, folder in enumerate(folders):
        samples = list(read_samples(folder))
        if i == 0:
            digests = frozen_digests(frozen)
            samples = [sample for sample in samples if is_frozen(sample, digests)]
        step = -(-len(samples) // max_files) if max_files else 1
        yield from samples[:: max(step, 1)]


def read_samples(folder: Path) -> Iterator[Sample]:
    """Yield the labelled files of a folder."""
    listing = next(folder / n for n in ("labels.tsv", "index.tsv") if (folder / n).exists())
    table = language_table()
    with listing.open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream, delimiter="\t", quoting=csv.QUOTE_NONE):
            file = row.get("file") or row["path"]
            name = (row.get("member") or row["path"]).rpartition("/")[2]
            label = table.family(row["label338"] if "label338" in row else row["label"])
            label = label if label in families() else ""
            yield Sample(str(folder / file), name, label, row.get("repository") or folder.name)


def is_frozen(sample: Sample, frozen: frozenset[str]) -> bool:
    """Return whether no training has seen a sample."""
    decoded = decode(Path(sample.file).read_bytes())
    return isinstance(decoded, Decoded) and sample_digest(decoded.text) in frozen


def judge(detector: str, samples: Sequence[Sample]) -> Result | str:
    """Return a detector's answers, or why there are none."""
    result = Result("", {}, {})
    for mode in MODES:
        answers = ask(detector, samples, mode)
        if isinstance(answers, str):
            return answers
        pairs = zip(answers.labels, samples, strict=True)
        result.predicted[mode] = [resolve(answer, sample.label) for answer, sample in pairs]
        result.speeds[mode] = len(samples) / answers.seconds
        result = msgspec.structs.replace(result, version=answers.version)
    return result


def ask(detector: str, samples: Sequence[Sample], mode: str) -> Answers | str:
    """Return the answers of a detector's own process."""
    files = [[s.file, s.name if mode == "names" else NEUTRAL] for s in samples]
    job = {"mode": mode, "files": files}
    if detector == "linguist":
        command = ["ruby", str(HERE / "languages.rb")]
    else:
        command = [sys.executable, str(HERE / "language_detectors.py"), detector]
    try:
        ran = subprocess.run(
            command, input=json.dumps(job), capture_output=True, text=True, timeout=PEER_SECONDS
        )
    except FileNotFoundError:
        return "apt-get install ruby-github-linguist"
    if ran.returncode == NOT_INSTALLED:
        return f"To install it: {ran.stderr.strip()}"
    if ran.returncode:
        return f"It failed: {ran.stderr.strip()[-500:]}"
    return msgspec.json.decode(ran.stdout, type=Answers)


def resolve(answer: str | None, label: str) -> str | None:
    """Return a detector's answer in our words: the true family where its word means that too."""
    names = our_names(answer) if answer else ()
    return label if label in names else next(iter(names), None)


@cache
def our_names(answer: str) -> tuple[str, ...]:
    """Return the families that a detector's label may mean, background ones included."""
    table = language_table()
    known = peer_labels().get(answer, (answer,))
    rows = [table.by_name[name] for name in known if name in table.by_name]
    rows += [row for row in table.languages if answer in row.linguist]
    rows += [row for row in table.languages if row.name.lower() == answer.lower()]
    names = [row.name for row in rows] or clue_index().aliases.get(answer.lower(), ())
    return tuple(dict.fromkeys(map(table.family, names)))


@cache
def peer_labels() -> dict[str, tuple[str, ...]]:
    """Return the peers' labels that are no name or alias of our table, with our names."""
    data = (HERE / "language_labels.json").read_bytes()
    return msgspec.json.decode(data, type=dict[str, tuple[str, ...]])


@cache
def families() -> frozenset[str]:
    """Return the 338 names, families as one."""
    return frozenset(map(language_table().family, language_table().paper_names))


def measure_sets(samples: Sequence[Sample], results: dict[str, Result]) -> Metrics:
    """Return set -> metric -> detector -> figure; the speeds are those of all sets together."""
    metrics: Metrics = {}
    found = list(dict.fromkeys(sample.group for sample in samples))
    for group in [*(found if len(found) > 1 else ()), "all"]:
        table = metrics.setdefault(group, {})
        for detector, result in results.items():
            for mode, predicted in result.predicted.items():
                pairs = of_group(samples, predicted, group)
                for name, value in measure(pairs, is_named=mode == "names").items():
                    table.setdefault(f"{name}_{mode}", {})[detector] = value
    speeds = metrics.setdefault("all", {})
    for mode in MODES:
        by_detector = {detector: result.speeds[mode] for detector, result in results.items()}
        speeds[f"files_per_second_{mode}"] = by_detector
    return metrics


def of_group(
    samples: Sequence[Sample], predicted: Sequence[str | None], group: str
) -> list[tuple[Sample, str | None]]:
    """Return a set's samples and answers."""
    pairs = zip(samples, predicted, strict=True)
    return [pair for pair in pairs if group in ("all", pair[0].group)]


def measure(pairs: Sequence[tuple[Sample, str | None]], *, is_named: bool) -> dict[str, float]:
    """Return the scores of one detector on one set."""
    labels, found = [sample.label for sample, _ in pairs], [name for _, name in pairs]
    measured = scores(labels, found, counted=families())
    if is_named:
        several = [
            (sample.label, name)
            for sample, name in pairs
            if sample.label and len(extension_languages(sample.name)[1]) > 1
        ]
        right = sum(label == name for label, name in several)
        measured["ambiguous_extensions"] = right / max(len(several), 1)
    return measured


def print_json(metrics: Metrics) -> None:
    """Print ours beside each peer's; of background_claimed less is better."""
    for group, table in metrics.items():
        for metric, figures in table.items():
            ours = figures["ours"]
            for detector, peer in figures.items():
                if detector != "ours":
                    name = f"{group}/{metric}/{detector}"
                    ratio = round(ours / peer, 4) if peer else None
                    row = {"name": name, "ours": round(ours, 4), "peer": round(peer, 4)}
                    print(json.dumps(row | {"ratio": ratio}))


def print_tables(samples: Sequence[Sample], results: dict[str, Result], metrics: Metrics) -> None:
    """Print a table a set: a metric a row, a detector a column; then the ratios of speed."""
    versions = "".join(f"{result.version:>20}" for result in results.values())
    print(f"{time.strftime('%Y-%m-%d')}, {platform.machine()}, Python {platform.python_version()}")
    for group, table in metrics.items():
        print(f"\n{set_title(samples, group)}\n{'':<26}{versions}")
        for metric, figures in table.items():
            shown = (f"{figures[d]:>20.3f}" if d in figures else f"{'':>20}" for d in results)
            print(f"{metric:<26}" + "".join(shown))
    for peer in list(results)[1:]:
        speeds = {m: results["ours"].speeds[m] / results[peer].speeds[m] for m in MODES}
        ratios = ", ".join(f"{speed:.1f} {MODES[mode]}" for mode, speed in speeds.items())
        print(f"speed of ours over {results[peer].version}: {ratios}")


def set_title(samples: Sequence[Sample], group: str) -> str:
    """Return a set's name and what it holds."""
    labels = [sample.label for sample in samples if group in ("all", sample.group)]
    num_labelled, num_languages = sum(map(bool, labels)), len({*labels} - {""})
    return (
        f"{group}: {num_labelled:,} files of {num_languages:,} languages, "
        f"{len(labels) - num_labelled:,} of background"
    )


def write_out(
    folder: Path, samples: Sequence[Sample], results: dict[str, Result], metrics: Metrics
) -> None:
    """Write recall.csv of all detectors, confusion.csv of ours, and report.html with both."""
    folder.mkdir(parents=True, exist_ok=True)
    versions = tuple(result.version for result in results.values())
    tables = [
        figures_table(set_title(samples, group), versions, table)
        for group, table in metrics.items()
    ]
    parts = ["<header><h1>Languages told</h1></header>", page.section("sets", "Measured", *tables)]
    recalls, wrong = [], []
    labels = [sample.label for sample in samples]
    for mode, title in MODES.items():
        rows = recall_rows(labels, {d: r.predicted[mode] for d, r in results.items()})
        found = confusions(labels, results["ours"].predicted[mode])
        recalls += [(*row, mode) for row in rows]
        wrong += [(row.language, row.predicted, row.count, mode) for row in found]
        tables = [recall_table(title, tuple(results), rows), confusion_table(title, found)]
        parts.append(page.section(mode, f"Languages, {title}", *tables))
    head = ("language", "num_files", *results, "mode")
    (folder / "recall.csv").write_text(csv_text(head, recalls), "utf-8")
    head = ("language", "predicted", "count", "mode")
    (folder / "confusion.csv").write_text(csv_text(head, wrong), "utf-8")
    (folder / "report.html").write_text(page.page("Languages told", parts), "utf-8")


if __name__ == "__main__":
    main()
