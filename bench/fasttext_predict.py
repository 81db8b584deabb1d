"""Scores of pages by a collapsed model beside fastText's own predict, and the words of pages.

A model with the paper's settings (dim 256, 2,000,000 buckets, word 3-grams) is trained on pages of
documentation, then collapsed, and checked to say the same. Plain predict is called a page at a
time, and with all pages as one list. Both read the same words; `from_text` makes them too, on the
other side with a compiled pattern. Everything runs in one thread; speeds are megabytes of UTF-8 per
second of CPU time, and the fastest of several runs counts. It needs 5 GB of memory.
"""

import argparse
import json
import platform
import re
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa
from fastwarc import ArchiveIterator
from fastwarc.warc import WarcRecordType

from gristmill.corpus.errors import GristmillError
from gristmill.corpus.extract.cheap import html_text
from gristmill.filters.native import kernel
from gristmill.filters.recall.collapse import CollapsedModel, collapse, write_table
from gristmill.filters.recall.equality import check_equality
from gristmill.filters.recall.fasttext_file import read_fasttext
from gristmill.filters.recall.markup_labels import markup_facts
from gristmill.filters.recall.model import TrainSettings, import_fasttext, train
from gristmill.filters.recall.score import Scorer
from gristmill.filters.recall.words import WordSettings, word_column

FOLDER = Path(__file__).parents[1] / "fixtures/web"
SETTINGS = TrainSettings(epochs=1, least_words=0)
WORDS = WordSettings()
LEAST_BYTES = 8_000_000
NUM_RUNS = 5

# What the words of kind cjk are, but for the case and the classes of rare characters.
PATTERN = re.compile(
    r"[0-9]+|[\u3005-\u3007\u3041-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3]|[^\W\d_]+|[^\w\s]|_"
)

Row = dict[str, str | int | float]


def main() -> None:
    """Measure, then print a table or, with --json, one object a line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument("folder", nargs="?", type=Path, default=FOLDER, help="with .warc.gz files")
    options = parser.parse_args()
    rows = measure(options.folder)
    if options.json:
        print("\n".join(json.dumps(row) for row in rows))
        return
    engine = "C" if kernel() else "Python only"
    print(f"Python {platform.python_version()}, {platform.machine()} with {engine}, {stamp()}")
    print(f"{'':34}{'ours MB/s':>11}{'peer MB/s':>11}{'ratio':>8}{'pages/s':>11}{'peer':>9}")
    for row in rows:
        speeds = f"{row['ours']:11.1f}{row['peer']:11.1f}{row['ratio']:8.1f}"
        print(f"{row['name']:34}{speeds}{row['pages_per_second']:11.0f}{row['peer_pages']:9.0f}")


def stamp() -> str:
    """Return the release of the peer."""
    return f"fasttext-community {version('fasttext-community')}"


def measure(folder: Path) -> list[Row]:
    """Return name, ours, peer (both MB/s), ratio and pages a second of each comparison."""
    texts, labels = pages_of(folder)
    column = pa.chunked_array([pa.array(texts, pa.large_string())])
    words = word_column(column, WORDS)
    with TemporaryDirectory() as temporary:
        path = Path(temporary, "model.bin")
        train(words, pa.chunked_array([pa.array(labels)]), SETTINGS, path)
        model = collapse(read_fasttext(path), "no")
        equality = check_equality(model, path, words)
        assert equality.num_flips == 0, equality
        sizes = {"model": path.stat().st_size, "table": len(write_table(model))}
        fasttext = import_fasttext().load_model(str(path))
    lines = words.to_pylist()
    heads = [text[: WORDS.max_characters] for text in texts]
    ours = partial(score, model, words)
    ours_from_text = partial(score_texts, Scorer(model), column)
    return [
        row("recall_predict", lines, ours, partial(one_by_one, fasttext, lines)),
        row("recall_predict_list", lines, ours, partial(fasttext.predict, lines)),
        row("recall_words", heads, partial(word_column, column, WORDS), partial(regex_all, heads)),
        row("recall_from_text", heads, ours_from_text, partial(regex_one_by_one, fasttext, heads)),
        {
            "name": "recall_model_bytes",
            "ours": sizes["table"] / 1e6,
            "peer": sizes["model"] / 1e6,
            "ratio": sizes["model"] / sizes["table"],
            "pages_per_second": 0,
            "peer_pages": 0,
        },
    ]


def row(
    name: str, texts: Sequence[str], ours: Callable[[], object], peer: Callable[[], object]
) -> Row:
    """Return one comparison; the two take turns."""
    num_bytes = sum(len(text.encode()) for text in texts)
    seconds = [float("inf"), float("inf")]
    for _ in range(NUM_RUNS):
        for side, run in enumerate((ours, peer)):
            started = time.process_time()
            run()
            seconds[side] = min(seconds[side], time.process_time() - started)
    mine, other = seconds
    return {
        "name": name,
        "ours": num_bytes / mine / 1e6,
        "peer": num_bytes / other / 1e6,
        "ratio": other / mine,
        "pages_per_second": len(texts) / mine,
        "peer_pages": len(texts) / other,
    }


def score(model: CollapsedModel, words: pa.ChunkedArray) -> object:
    """Score a column of words, the model made ready anew."""
    return Scorer(model).scores(words)


def score_texts(scorer: Scorer, texts: pa.ChunkedArray) -> object:
    """Score a column of texts."""
    return scorer.scores(word_column(texts, WORDS))


def one_by_one(model: object, lines: Sequence[str]) -> None:
    """Predict a line at a time, as every script does."""
    predict = getattr(model, "predict")  # noqa: B009
    for line in lines:
        predict(line)


def regex_all(texts: Sequence[str]) -> list[str]:
    """Return the words of texts, found by a pattern."""
    return [regex_words(text) for text in texts]


def regex_one_by_one(model: object, texts: Sequence[str]) -> None:
    """Find words by a pattern and predict, a text at a time."""
    predict = getattr(model, "predict")  # noqa: B009
    for text in texts:
        predict(regex_words(text))


def regex_words(text: str) -> str:
    """Return the words of one text."""
    return " ".join(
        "<NUM>" if one[0] in "0123456789" else one for one in PATTERN.findall(text.lower())
    )


def pages_of(folder: Path) -> tuple[list[str], list[str]]:
    """Return texts and labels of the pages of WARC files, over and over up to LEAST_BYTES."""
    found = [(html_text(html), markup_facts(html)) for html in html_pages(folder)]
    if not found:
        raise GristmillError("there is no page", where=str(folder), todo="Name a folder of WARCs.")
    texts = [text for text, _ in found]
    labels = ["yes" if facts.bears_formulas else "no" for _, facts in found]
    repeats = int(np.ceil(LEAST_BYTES / sum(len(text.encode()) for text in texts)))
    return texts * repeats, labels * repeats


def html_pages(folder: Path) -> Iterator[str]:
    """Yield the HTML of every page that was found."""
    for path in sorted(folder.rglob("*.warc.gz")):
        for record in ArchiveIterator(str(path), record_types=WarcRecordType.response):
            head = record.http_headers
            if (
                head is not None
                and head.status_code == 200
                and "html" in (record.http_content_type or "")
            ):
                yield record.reader.read().decode("utf-8", "replace")


if __name__ == "__main__":
    main()
