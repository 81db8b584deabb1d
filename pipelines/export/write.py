"""One file of an export: made under a temporary name, digested, and moved to its place."""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from itertools import chain
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from ...corpus.export.columns import write_columns
from ...corpus.export.lines import write_lines
from ...corpus.export.mds import write_mds
from ...corpus.export.megatron import write_megatron
from ...corpus.export.tars import write_tar
from ...corpus.storage import configure, digest_file, join, replace_atomically, size
from ...corpus.tokenizer_info import TokenizerSource
from .documents import DOCUMENT, document_tables
from .outline import OutputFile
from .rows import SCHEMAS, as_samples, sample_tables, token_columns
from .settings import Content, ExportSettings


class WrittenFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file that is finished; `tokens` are those of its training documents, or of its texts."""

    path: str  # below the export's directory
    digest: str
    num_bytes: int
    component: str
    language: str
    part: str = ""
    epoch: int | None = None  # where each has files of its own
    split: str
    documents: int
    tokens: int


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker needs to write one file."""

    build: str
    out: str
    settings: ExportSettings
    seed: int
    tokenizer: TokenizerSource  # of the build
    file: OutputFile
    texts: tuple[str, ...] = ()  # where the texts of its shards lie
    storage: dict[str, dict[str, object]] = {}


def row_schema(content: Content) -> pa.Schema:
    """Return the columns of an export's rows."""
    return DOCUMENT if content == "documents" else SCHEMAS[content]


def write_file(job: Job) -> tuple[WrittenFile, ...]:
    """Write a file, or Megatron's two, and return what was written."""
    for protocol, options in job.storage.items():
        configure(protocol, options)
    counted = _Counted(_tables(job))
    with ExitStack() as stack:
        partials = [
            stack.enter_context(replace_atomically(join(job.out, path))) for path in job.file.paths
        ]
        _write(job.settings, partials, counted)
        facts = [(digest_file(str(partial)), size(str(partial))) for partial in partials]
    return tuple(
        WrittenFile(
            path=path,
            digest=digest,
            num_bytes=num_bytes,
            component=job.file.component,
            language=job.file.language,
            part=job.file.part,
            epoch=job.file.epoch,
            split=job.file.split.name,
            documents=counted.documents,
            tokens=counted.tokens,
        )
        for path, (digest, num_bytes) in zip(job.file.paths, facts, strict=True)
    )


def _write(settings: ExportSettings, partials: list[Path], tables: "_Counted") -> None:
    if settings.format == "megatron":
        bin_path, idx_path = partials
        write_megatron(bin_path, idx_path, tables)
        return
    (path,) = partials
    schema = row_schema(settings.content)
    if settings.format == "jsonl":
        write_lines(path, tables)
    elif settings.format == "mds":
        write_mds(path, tables, schema=schema)
    elif settings.format == "webdataset":
        write_tar(path, tables)
    else:
        write_columns(path, tables, schema=schema)


def _tables(job: Job) -> Iterator[pa.Table]:
    file, settings = job.file, job.settings
    if file.read_shards:
        if file.language:
            settings = msgspec.structs.replace(settings, languages=(file.language,))
        return chain.from_iterable(
            document_tables(
                job.build, shard, texts=texts, settings=settings, split=file.split, seed=job.seed
            )
            for shard, texts in zip(file.read_shards, job.texts, strict=True)
        )
    if settings.format == "megatron":
        return token_columns(job.build, file.blocks, split=file.split, seed=job.seed)
    tables = sample_tables(
        job.build, file.blocks, component=file.component, split=file.split, seed=job.seed
    )
    if settings.content == "samples":
        return (as_samples(table, job.tokenizer) for table in tables)
    return tables


class _Counted(Iterable[pa.Table]):
    """Tables as they pass, with their rows and tokens counted; rows of none are left out."""

    def __init__(self, tables: Iterator[pa.Table]) -> None:
        self._tables = tables
        self.documents = 0
        self.tokens = 0

    def __iter__(self) -> Iterator[pa.Table]:
        for table in self._tables:
            if not table.num_rows:
                continue
            self.documents += table.num_rows
            if "num_tokens" in table.column_names:
                self.tokens += pc.sum(table["num_tokens"]).as_py()
            else:
                self.tokens += pc.sum(pc.list_value_length(table["tokens"])).as_py()
            yield table
