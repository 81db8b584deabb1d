"""The content model's card and accuracy.csv: what it was made of, and what it was measured at."""

import csv
from collections import Counter
from collections.abc import Sequence
from io import StringIO
from pathlib import Path
from typing import Final

import msgspec

from .content_features import HEAD_BYTES
from .content_model import ContentModel
from .content_samples import Sample
from .languages import language_table
from .sample_sources import read_manifest

CARD: Final = "CARD.md"
ACCURACY: Final = "accuracy.csv"
COLUMNS: Final = ("language", "num_files", "recall", "precision", "most_confused_with")
THRESHOLDS: Final = (0.0, 0.4, 0.6)
NUM_CONFUSIONS: Final = 15
NUM_LICENCES: Final = 12

_HEAD = """\
# The content model

Names the language of a text from the text alone. A linear model over hashed tokens and pairs of
neighbouring tokens, {num_bytes:,} bytes, {num_languages} languages, {num_features:,} features,
{num_weights:,} weights; digest `{digest}`.
`python -m gristmill.filters.train_content_model` wrote this file and accuracy.csv beside it.

## Use

It chooses among the languages that a file's name and rules leave open, and names a file that they
say nothing of if its confidence reaches what the recipe sets. Alone it is no reason to keep a file
for training: use its confidence. It reads {head:,} bytes at most and knows nothing of a language
that it was not trained on. It was trained on source files: text in a natural language, logs and
data may be taken for the format that they look like.

## Training data

{num_samples:,} files of {num_groups:,} projects or collections' members; no file of the frozen
split, which frozen.txt lists by digest: about 15 % of the files of the four sample collections
below that are named like repositories. Half of the texts are cut to 4 to 80 lines. A text weighs
the less the more files its language has. The packages are named in sources.toml with their
digests and licences; the licences of the four collections' files differ from file to file. No file
is shipped, and the model holds hashes of tokens and pairs of tokens only.

The confidence is a logistic curve over the ranking's margin and the amount of text, fitted to
whole files and snippets of the projects held out, once for all languages and once for candidates.
"""


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """A set of files the model has not seen, the true languages and the first of each ranking."""

    title: str
    labels: tuple[str, ...]
    found: tuple[str, ...]
    confidences: tuple[float, ...]


def write_card(
    folder: Path,
    model: ContentModel,
    samples: Sequence[Sample],
    measured: Sequence[tuple[str, Sequence[Sample]]],
    *,
    size: int,
) -> None:
    """Write CARD.md and accuracy.csv.

    Args:
        folder: where to.
        model: the trained model.
        samples: what it was trained on.
        measured: title and files of each set to measure on; accuracy.csv is of the first.
        size: of the model's file, in bytes.
    """
    results = [measure(model, title, files) for title, files in measured if files]
    card = _HEAD.format(
        num_bytes=size,
        num_languages=len(model.languages),
        num_features=model.num_features,
        num_weights=model.num_weights,
        digest=model.digest,
        head=HEAD_BYTES,
        num_samples=len(samples),
        num_groups=len({sample.group for sample in samples}),
    )
    card += "\n".join([_sources(samples), _licences(), _accuracy(results), _confusions(results)])
    (folder / CARD).write_text(card, encoding="utf-8")
    if results:
        (folder / ACCURACY).write_text(_table(results[0]), encoding="utf-8")


def measure(model: ContentModel, title: str, samples: Sequence[Sample]) -> Measured:
    """Return what the model says of samples, by their content among all languages."""
    firsts = [model.rank(sample.text, top=1)[0] for sample in samples]
    return Measured(
        title=title,
        labels=tuple(sample.label for sample in samples),
        found=tuple(name for name, _ in firsts),
        confidences=tuple(confidence for _, confidence in firsts),
    )


def _sources(samples: Sequence[Sample]) -> str:
    def collection(sample: Sample) -> str:
        """Return the registry, or the repository that is a collection itself."""
        return sample.source.split(" ")[0]

    counts = Counter(collection(sample) for sample in samples)
    lines = [f"| {name} | {count:,} |" for name, count in sorted(counts.items())]
    return "\n".join(["", "| collection | files |", "| --- | ---: |", *lines, ""])


def _licences() -> str:
    sources = read_manifest().source
    counts = Counter(source.licence for source in sources)
    common = counts.most_common(NUM_LICENCES)
    others = len(sources) - sum(count for _, count in common)
    lines = [f"| {licence} | {count} |" for licence, count in common]
    lines += [f"| {len(counts) - len(common)} others | {others} |"] if others else []
    head = f"Licences of the {len(sources)} packages in sources.toml, as their metadata name them:"
    return "\n".join([head, "", "| licence | packages |", "| --- | ---: |", *lines, ""])


def _accuracy(results: Sequence[Measured]) -> str:
    lines = [
        "## Accuracy",
        "",
        "Content alone, among all languages. A name of a family counts as its family. `claimed`:",
        "files of languages outside the 338 that were taken for one of them. At a confidence above",
        "0, a first place below it counts as no answer.",
        "",
        "| files | confidence | right | mean recall | wrong | claimed |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for result in results:
        lines += [_accuracy_row(result, least) for least in THRESHOLDS]
    return "\n".join([*lines, ""])


def _accuracy_row(result: Measured, least: float) -> str:
    inside = _families()
    answers = [
        name if sure >= least else ""
        for name, sure in zip(result.found, result.confidences, strict=True)
    ]
    pairs = list(zip(result.labels, answers, strict=True))
    named = [(label, answer) for label, answer in pairs if label in inside]
    outside = [answer for label, answer in pairs if label not in inside]
    right = Counter(label for label, answer in named if label == answer)
    totals = Counter(label for label, _ in named)
    recall = sum(right[label] / total for label, total in totals.items()) / max(len(totals), 1)
    wrong = sum(answer in inside and answer != label for label, answer in named)
    claimed = sum(answer in inside for answer in outside) / max(len(outside), 1)
    num = max(len(named), 1)
    return (
        f"| {result.title} ({len(named):,} of {len(totals)} names, {len(outside):,} outside) "
        f"| {least:g} | {right.total() / num:.3f} | {recall:.3f} | {wrong / num:.3f} "
        f"| {claimed:.3f} |"
    )


def _confusions(results: Sequence[Measured]) -> str:
    counts = Counter(
        pair
        for result in results
        for pair in zip(result.labels, result.found, strict=True)
        if pair[0] != pair[1]
    )
    common = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:NUM_CONFUSIONS]
    lines = [f"| {label} | {found} | {count} |" for (label, found), count in common]
    return "\n".join(
        [
            "## Known confusions",
            "",
            "| is | taken for | files |",
            "| --- | --- | ---: |",
            *lines,
            "",
        ]
    )


def _table(result: Measured) -> str:
    totals, claims = Counter(result.labels), Counter(result.found)
    pairs = Counter(zip(result.labels, result.found, strict=True))
    out = StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for label in sorted(totals):
        right = pairs[label, label]
        wrong = [(-n, found) for (is_, found), n in pairs.items() if is_ == label != found]
        precision = f"{right / claims[label]:.3f}" if claims[label] else ""
        confused = min(wrong)[1] if wrong else ""
        writer.writerow([label, totals[label], f"{right / totals[label]:.3f}", precision, confused])
    return out.getvalue()


def _families() -> frozenset[str]:
    table = language_table()
    return frozenset(table.family(name) for name in table.paper_names)
