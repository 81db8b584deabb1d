"""Trains fastText on labelled words, so that the same words give the same bytes of a model.

The settings are DeepSeekMath's: dim 256, lr 0.1, word n-grams of 3, minCount 3, 3 epochs, for a
million pages. A small seed would see too few updates with them (average precision .52 instead of
.92 on 10,000 pages), so it is read more often and with larger steps. Needs fasttext-community: the
other builds leave most of the matrix uninitialised with one thread, and one thread is what makes
training repeatable.
"""

import math
from collections.abc import Iterable
from hashlib import blake2b
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import Final, NamedTuple

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from ...corpus.errors import GristmillError
from .words import LABEL, count_words

PACKAGE: Final = "fasttext-community"


class TrainSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The paper's settings, and what a small seed changes about them."""

    dim: int = 256
    learning_rate: float = 0.1
    word_ngrams: int = 3
    least_count: int = 3  # rarer words have no row of their own
    buckets: int = 2_000_000  # fastText's default
    epochs: int = 3
    least_words: int = 60_000_000  # to be read in all epochs together
    most_epochs: int = 15  # a tiny seed is not read more often than this
    small_learning_rate: float = 0.5  # where least_words asks for more epochs
    seed: int = 1


class TrainedModel(msgspec.Struct, frozen=True, kw_only=True):
    """What was trained, for the ledger and for keys."""

    digest: str  # of the model file
    labels: tuple[str, ...]
    num_pages: int
    num_words: int
    epochs: int
    learning_rate: float
    version: str  # of fasttext-community


def train(
    words: pa.ChunkedArray, labels: pa.ChunkedArray, settings: TrainSettings, path: Path
) -> TrainedModel:
    """Write a model of pages given as words (see words.py) with a label each.

    Their order matters: give them in the order of a hash.

    Raises:
        GristmillError: fasttext-community is missing, or there are fewer than two labels.
    """
    assert len(words) == len(labels), "each page has a label"
    return train_tables([pa.table({"label": labels, "words": words})], settings, path)


def train_tables(tables: Iterable[pa.Table], settings: TrainSettings, path: Path) -> TrainedModel:
    """Write a model of tables with the columns label and words, one table in memory at a time.

    Raises:
        GristmillError: fasttext-community is missing, or there are fewer than two labels.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=path.parent) as folder:
        lines, partial = Path(folder, "lines.txt"), Path(folder, "model.bin")
        written = _write_lines(lines, tables)
        epochs, rate = schedule(written.num_words, settings)
        arguments = _fixed_arguments(settings)
        model = import_fasttext().train_supervised(str(lines), epoch=epochs, lr=rate, **arguments)
        model.save_model(str(partial))
        digest = file_digest(partial)
        partial.replace(path)
    return TrainedModel(
        digest=digest,
        labels=written.labels,
        num_pages=written.num_pages,
        num_words=written.num_words,
        epochs=epochs,
        learning_rate=rate,
        version=version(PACKAGE),
    )


class _Written(NamedTuple):
    labels: tuple[str, ...]
    num_pages: int
    num_words: int


def _write_lines(path: Path, tables: Iterable[pa.Table]) -> _Written:
    """Write the lines that fastText reads, and return what they hold."""
    names: set[str] = set()
    num_pages = num_words = 0
    with path.open("w", encoding="utf-8", newline="\n") as out:
        for table in tables:
            names |= set(pc.unique(table["label"]).to_pylist())
            num_pages += len(table)
            num_words += pc.sum(count_words(table["words"])).as_py() or 0
            columns = (_strings(table[name]) for name in ("label", "words"))
            for label, line in zip(*columns, strict=True):
                out.write(f"{LABEL}{label} {line}\n")
    _check_labels(names, num_pages)
    return _Written(tuple(sorted(names)), num_pages, num_words)


def _check_labels(names: set[str], num_pages: int) -> None:
    if len(names) < 2:
        raise GristmillError(
            f"all {num_pages} pages to train with have one label",
            where="the seeds",
            todo="Give seeds of both kinds: pages that are wanted, and a pool to draw others from.",
        )
    assert not any(set(name) & set(" \t\n\v\f\r\0") for name in names), "a label is one word"


def schedule(num_words: int, settings: TrainSettings) -> tuple[int, float]:
    """Return the epochs and the learning rate for seeds of so many words."""
    needed = math.ceil(settings.least_words / max(num_words, 1))
    if needed <= settings.epochs:
        return settings.epochs, settings.learning_rate
    return max(settings.epochs, min(needed, settings.most_epochs)), settings.small_learning_rate


def file_digest(path: Path) -> str:
    """Return the digest of a file's bytes in hexadecimal, as `b2sum -l 128` prints it."""
    hasher = blake2b(digest_size=16)
    with path.open("rb") as file:
        while block := file.read(1 << 24):
            hasher.update(block)
    return hasher.hexdigest()


def import_fasttext() -> ModuleType:
    """Return the module of fasttext-community; another build of fastText is refused."""
    try:
        version(PACKAGE)
        import fasttext  # type: ignore[import-untyped, unused-ignore]
    except (ImportError, PackageNotFoundError) as error:
        raise GristmillError(
            f"{PACKAGE} is not installed",
            where="gristmill recall",
            todo="Run pip install 'gristmill[fasttext]'; other builds of fastText train wrongly.",
        ) from error
    assert isinstance(fasttext, ModuleType)
    return fasttext


def _fixed_arguments(settings: TrainSettings) -> dict[str, int | str]:
    return {
        "dim": settings.dim,
        "wordNgrams": settings.word_ngrams,
        "minCount": settings.least_count,
        "bucket": settings.buckets,
        "seed": settings.seed,
        "thread": 1,  # with more, the order of updates is chance
        "minn": 0,
        "maxn": 0,
        "loss": "softmax",
        "label": LABEL,
        "verbose": 0,
    }


def _strings(column: pa.ChunkedArray) -> Iterable[str]:
    for batch in pa.table({"column": column}).to_batches(max_chunksize=1024):
        yield from batch.column(0).fill_null("").to_pylist()
