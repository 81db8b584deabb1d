"""The index of benchmarks: one Parquet file of their passages, the same bytes for the same input.

It holds words, not hashes, so that it can be read and reviewed; a scan hashes them in a second.
"""

import io
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Final

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ..corpus.errors import GristmillError
from ..corpus.storage import read_bytes, write_bytes
from .benchmarks import Passage, benchmark_name, read_benchmark
from .contamination import PASSAGES, passage_grams
from .ngrams import LONGEST, SHORTEST, Places
from .words import find_words

FORMAT: Final = b"gristmill-contamination-index-1"
COMMON_ITEMS: Final = 10  # an n-gram of more items than this is told as common
NUM_COMMON: Final = 5  # of them that are shown


class CommonGram(msgspec.Struct, frozen=True, kw_only=True):
    """An n-gram of many items of a benchmark: more likely its form than what it asks."""

    words: str
    benchmark: str
    items: int


class IndexSummary(msgspec.Struct, frozen=True, kw_only=True):
    """What was put into an index, and what was left out."""

    items: dict[str, int]  # benchmark -> items
    fields: dict[str, int]  # field -> strings taken from it
    passages: int  # different strings of an item
    too_short: int  # strings of one or two words
    without_words: int
    short_answers: int  # answers and options of less than LONGEST words
    ngrams: dict[int, int]  # words -> different n-grams that are looked for
    ignored: int  # different n-grams that are not looked for
    num_common: int  # different n-grams that are looked for and are in more than COMMON_ITEMS items
    common: tuple[CommonGram, ...]  # the first of them


def make_index(
    urls: Sequence[str],
    *,
    name: str | None = None,
    fields: Sequence[str] = (),
    ignore: str | None = None,
    max_items: int | None = None,
) -> tuple[pa.Table, IndexSummary]:
    """Return the rows of PASSAGES of benchmark files, sorted, and what became of their strings.

    Args:
        urls: files of JSON lines, plain or compressed.
        name: of the benchmark that they are; else each file is one, called as the file is.
        fields: the fields to take; else every string that is not about the item.
        ignore: a text whose lines hold n-grams that are not looked for.
        max_items: n-grams of more items of one benchmark than this are not looked for.

    Raises:
        GristmillError: a file is no benchmark, a field is nowhere, or no n-gram is left.
    """
    seen, items, taken = set(), Counter[str](), Counter[str]()
    too_short = without_words = short_answers = 0
    for passage in chain.from_iterable(_items(urls, name, fields, items)):
        taken[passage.field] += 1
        words = find_words(passage.text).strings()
        if passage.is_answer and SHORTEST <= len(words) < LONGEST:
            short_answers += 1
        elif len(words) >= SHORTEST:
            seen.add((passage.benchmark, passage.item, " ".join(words), passage.field))
        else:
            too_short += bool(words)
            without_words += not words
    _check_fields(fields, taken, urls)
    rows = _distinct(sorted(seen))
    if not rows:
        raise GristmillError(
            f"no string has {SHORTEST} words or more",
            where=", ".join(urls),
            todo="Name the fields that hold the test with --fields.",
        )
    table = pa.Table.from_pylist(rows, schema=PASSAGES)
    lines = ignored_lines(read_bytes(ignore), ignore) if ignore is not None else []
    table, counted = _mark_ignored(table, lines, max_items)
    if not counted.ngrams:
        raise GristmillError(
            "every n-gram is ignored",
            where=", ".join(urls),
            todo="Shorten the list of --ignore, or raise --max-items.",
        )
    return table, msgspec.structs.replace(
        counted,
        items=dict(sorted(items.items())),
        fields=dict(sorted(taken.items())),
        too_short=too_short,
        without_words=without_words,
        short_answers=short_answers,
    )


def write_index(url: str, table: pa.Table) -> None:
    """Write an index; the same passages give the same bytes with the same pyarrow."""
    stream = io.BytesIO()
    table = table.replace_schema_metadata({b"format": FORMAT})
    pq.write_table(table, stream, compression="zstd", compression_level=3, write_statistics=False)
    write_bytes(url, stream.getvalue())


def read_index(url: str, data: bytes) -> pa.Table:
    """Return the passages of an index file's bytes.

    Raises:
        GristmillError: it is no index, or one without passages.
    """
    try:
        table = pq.read_table(pa.BufferReader(data))
    except (pa.ArrowException, OSError):
        table = None
    if table is None or (table.schema.metadata or {}).get(b"format") != FORMAT:
        raise GristmillError(
            "it is not an index of benchmarks",
            where=url,
            todo="Make one with: gristmill decontam index FILES --out INDEX",
        )
    if not table.num_rows:
        raise GristmillError("the index is empty", where=url, todo="Make it again.")
    return table.replace_schema_metadata(None).cast(PASSAGES)


def ignored_lines(data: bytes, where: str) -> list[list[str]]:
    """Return the words of each line of an ignore list; "# " at its beginning makes a comment."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise GristmillError(
            f"it is not UTF-8: {error}", where=where, todo="Save it as UTF-8."
        ) from None
    lines = [find_words(line).strings() for line in text.splitlines() if not line.startswith("# ")]
    return [words for words in lines if words]


def _items(
    urls: Sequence[str], name: str | None, fields: Sequence[str], counts: Counter[str]
) -> Iterator[list[Passage]]:
    """Yield the passages of all items and count them; a file that gives nothing is an error."""
    names = [name or benchmark_name(url) for url in urls]
    if name is None and (twice := [each for each, n in Counter(names).items() if n > 1]):
        raise GristmillError(
            f"two files are the benchmark `{twice[0]}`",
            where=", ".join(url for url, each in zip(urls, names, strict=True) if each == twice[0]),
            todo="Rename one, or make them one benchmark with --name.",
        )
    for url, benchmark in zip(urls, names, strict=True):
        num_passages = 0
        for passages in read_benchmark(url, name=benchmark, fields=fields):
            counts[benchmark] += 1
            num_passages += len(passages)
            yield passages
        if not num_passages:
            what = f"no item has a string in {', '.join(fields)}" if fields else "no item has text"
            raise GristmillError(what, where=url, todo="Look at its fields, and name them rightly.")


def _check_fields(fields: Sequence[str], taken: Iterable[str], urls: Sequence[str]) -> None:
    for field in fields:
        if not any(path == field or path.startswith(f"{field}.") for path in taken):
            raise GristmillError(
                f"no item has a string in `{field}`",
                where=", ".join(urls),
                todo=f"Of those asked for there are: {', '.join(sorted(taken))}.",
            )


def _distinct(rows: Iterable[tuple[str, str, str, str]]) -> list[dict[str, object]]:
    """Return a row for each string of an item, with the first of the fields that hold it."""
    found: dict[tuple[str, str, str], str] = {}
    for benchmark, item, words, field in rows:
        found.setdefault((benchmark, item, words), field)
    listed = sorted((b, i, field, words) for (b, i, words), field in found.items())
    return [
        {
            "benchmark": benchmark,
            "item": item,
            "field": field,
            "words": words,
            "num_words": words.count(" ") + 1,
            "ignored": [],
        }
        for benchmark, item, field, words in listed
    ]


def _mark_ignored(
    table: pa.Table, lines: Sequence[Sequence[str]], max_items: int | None
) -> tuple[pa.Table, IndexSummary]:
    """Fill the column `ignored`, and count."""
    covered = {
        " ".join(line[start : start + length])
        for line in lines
        for length in range(SHORTEST, min(LONGEST, len(line)) + 1)
        for start in range(len(line) - length + 1)
    }
    grams = passage_grams(table["num_words"].to_numpy().astype(np.int64))
    words = [words.split(" ") for words in table["words"].to_pylist()]
    texts = pa.array(
        (
            " ".join(words[passage][start : start + length])
            for passage, start, length in zip(*(column.tolist() for column in grams), strict=True)
        ),
        pa.large_string(),
    ).dictionary_encode()
    most, benchmarks = _most_items(table, texts, grams.passages)
    is_ignored = np.isin(np.arange(len(texts.dictionary)), _places(texts.dictionary, covered))
    if max_items is not None:
        is_ignored |= most > max_items
    hidden = is_ignored[texts.indices.to_numpy()]
    offsets = np.searchsorted(grams.passages[hidden], np.arange(table.num_rows + 1))
    starts = pa.array(grams.starts[hidden].astype(np.int32))
    ignored = pa.ListArray.from_arrays(pa.array(offsets.astype(np.int32)), starts)
    lengths = np.zeros(len(texts.dictionary), dtype=np.int64)
    lengths[texts.indices.to_numpy()] = grams.lengths
    numbers, counts = np.unique(lengths[~is_ignored], return_counts=True)
    is_common = (most > COMMON_ITEMS) & ~is_ignored
    shown = sorted(np.flatnonzero(is_common).tolist(), key=lambda i: (-most[i], i))[:NUM_COMMON]
    summary = IndexSummary(
        items={},
        fields={},
        passages=table.num_rows,
        too_short=0,
        without_words=0,
        short_answers=0,
        ngrams=dict(zip(numbers.tolist(), counts.tolist(), strict=True)),
        ignored=int(is_ignored.sum()),
        num_common=int(is_common.sum()),
        common=tuple(
            CommonGram(words=texts.dictionary[i].as_py(), benchmark=b, items=int(most[i]))
            for i, b in ((i, benchmarks[i]) for i in shown)
        ),
    )
    column = table.schema.get_field_index("ignored")
    return table.set_column(
        column, PASSAGES.field("ignored"), ignored.cast(PASSAGES.field("ignored").type)
    ), summary


def _places(dictionary: pa.Array, covered: set[str]) -> Places:
    found = pc.index_in(pa.array(sorted(covered), pa.large_string()), value_set=dictionary)
    places: Places = found.drop_null().to_numpy()
    return places


def _most_items(
    table: pa.Table, texts: pa.DictionaryArray, passages: Places
) -> tuple[Places, dict[int, str]]:
    """Return, for each n-gram, in how many items of one benchmark it is at most, and of which."""
    columns = pa.table(
        {
            "gram": texts.indices,
            "benchmark": table["benchmark"].take(pa.array(passages)),
            "item": table["item"].take(pa.array(passages)),
        }
    )
    pairs = columns.group_by(["gram", "benchmark"], use_threads=False)
    counts = pairs.aggregate([("item", "count_distinct")]).sort_by(
        [("item_count_distinct", "descending"), ("benchmark", "ascending")]
    )
    most = np.zeros(len(texts.dictionary), dtype=np.int64)
    names: dict[int, str] = {}
    common = counts.filter(pc.greater(counts["item_count_distinct"], COMMON_ITEMS))
    for row in common.to_pylist():
        names.setdefault(row["gram"], row["benchmark"])
    order = np.argsort(counts["item_count_distinct"].to_numpy(), kind="stable")
    most[counts["gram"].to_numpy()[order]] = counts["item_count_distinct"].to_numpy()[order]
    return most, names
