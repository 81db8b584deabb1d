"""Indexes of benchmarks, and what files or a build hold of them, outside of any build."""

from collections.abc import Iterable, Iterator, Sequence

import msgspec
import pyarrow as pa

from ..corpus.errors import GristmillError
from ..corpus.sources import ReadLimits, ReadOptions, Unit
from ..corpus.sources.documents import COMPRESSIONS, JSON_LINES, read_documents
from ..corpus.storage import digest_file, exists, is_local, join, size
from ..dedup.contamination import ContaminationIndex
from ..dedup.contamination_index import IndexSummary, make_index, write_index
from .artifact import InputFile, artifact_url
from .decontamination import BenchmarkHit, IndexFile, open_index
from .detect_files import Note, read_batches
from .published import read_build
from .stages.features import row_groups

BATCH_DOCUMENTS = 256
DOCUMENTS = (".parquet", *JSON_LINES, *(a + b for a in JSON_LINES for b in COMPRESSIONS))

Text = tuple[str, str]  # what a document is called, and what it says


class CheckedDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A document that holds something of a benchmark."""

    document: str
    hits: tuple[BenchmarkHit, ...]


class CheckSummary(msgspec.Struct, kw_only=True):
    """How much was looked at, counted while it is."""

    documents: int = 0
    contaminated: int = 0
    num_chars: int = 0


def index_benchmarks(
    urls: Sequence[str],
    *,
    out: str,
    name: str | None = None,
    fields: Sequence[str] = (),
    ignore: str | None = None,
    max_items: int | None = None,
) -> IndexSummary:
    """Write the index of benchmark files and return what is in it; see `make_index`."""
    table, summary = make_index(urls, name=name, fields=fields, ignore=ignore, max_items=max_items)
    write_index(out, table)
    return summary


def check_paths(
    paths: Sequence[str],
    *,
    index: Sequence[str],
    note: Note,
    near: bool = False,
    text_field: str = "text",
) -> tuple[CheckSummary, Iterator[list[CheckedDocument]]]:
    """Return counts, and an iterator that yields contaminated documents and counts on the way.

    Args:
        paths: files, folders, "-" for stdin, or build directories, whose texts are then read from
            their work folder. JSON lines and Parquet hold a document a row.
        index: files of `index_benchmarks`.
        note: is told of each file that cannot be read.
        near: also find what was renamed or edited.
        text_field: of a row that is a document.

    Raises:
        GristmillError: a path or an index is not there, or is none.
    """
    files = tuple(IndexFile(url=url, digest=digest_file(url)) for url in index)
    opened, summary = open_index(files, near=near), CheckSummary()
    options = ReadOptions(text_field=text_field)
    texts = (text for path in paths for text in _texts(path, options, note))
    return summary, _check(texts, opened, summary)


def _check(
    texts: Iterable[Text], index: ContaminationIndex, summary: CheckSummary
) -> Iterator[list[CheckedDocument]]:
    batch: list[Text] = []
    for text in texts:
        batch.append(text)
        if len(batch) == BATCH_DOCUMENTS:
            yield _hits(batch, index, summary)
            batch = []
    yield _hits(batch, index, summary)


def _hits(
    batch: Sequence[Text], index: ContaminationIndex, summary: CheckSummary
) -> list[CheckedDocument]:
    column = pa.chunked_array([pa.array([text for _, text in batch], pa.large_string())])
    found = [
        CheckedDocument(document=name, hits=msgspec.convert(hits, tuple[BenchmarkHit, ...]))
        for (name, _), hits in zip(batch, index.find(column).to_pylist(), strict=True)
        if hits
    ]
    summary.documents += len(batch)
    summary.num_chars += sum(len(text) for _, text in batch)
    summary.contaminated += len(found)
    return found


def _texts(path: str, options: ReadOptions, note: Note) -> Iterator[Text]:
    if exists(join(path, "build.json")):
        yield from _build_texts(path)
    elif path.endswith(DOCUMENTS):
        yield from _row_texts(path, options, note)
    else:
        for batch in read_batches([path], name=None, limits=ReadLimits(), note=note):
            yield from ((file.path, file.text) for file in batch if file.text is not None)


def _build_texts(out: str) -> Iterator[Text]:
    """Yield the texts of a build from its work folder."""
    record = read_build(out)
    assert record is not None, out
    for shard, key in record.artifacts["read"].items():
        url = artifact_url(join(out, "work", "read", shard), key)
        if not exists(url):
            raise GristmillError(
                "the texts of this build are gone from its work folder",
                where=url,
                todo="Build it again, or check its inputs.",
            )
        file = InputFile(shard=shard, url=url, digest="")
        for rows in row_groups(file, ["collection", "path", "kind", "text"]):
            for row in rows.to_pylist():
                if row["text"] is not None:
                    is_file = row["kind"] == "file"
                    name = f"{row['collection']}:{row['path']}" if is_file else row["path"]
                    yield name, row["text"]


def _row_texts(url: str, options: ReadOptions, note: Note) -> Iterator[Text]:
    """Yield the texts of JSON lines or Parquet."""
    if is_local(url) and not exists(url):
        raise GristmillError("there is no such file", where=url, todo="Check the path.")
    unit = Unit(
        source="check",
        component="text",
        kind="documents",
        name=url,
        url=url,
        relative=url,
        digest="",
        size_bytes=size(url),
    )
    for record in read_documents(unit, ReadLimits(), options):
        if record.text is None:
            note(f"{record.path}: {record.read_error or record.read_drop}")
        else:
            yield f"{url}#{record.origin_offset}", record.text
