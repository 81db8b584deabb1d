"""What a finished task leaves behind: one Parquet file and, last and by rename, its manifest.

A task without a manifest never happened. Artifacts are named by key, so an earlier build's files
stay usable until `gristmill gc` removes them. Inputs are named by content digest, not by the key
of the task that made them: bytes that did not change stop the wave.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from hashlib import blake2b
from importlib.metadata import version
from platform import python_version
from typing import BinaryIO

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from ..corpus.ids import digest_parts
from ..corpus.storage import join, open_read

KEY_BYTES = 16
DIGEST_BLOCK_BYTES = 1 << 20
BUFFER_BYTES = 1 << 16


class Slice(msgspec.Struct, frozen=True, kw_only=True):
    """A named run of row groups that another task can take as its whole input."""

    rows: int
    row_groups: tuple[int, int]  # first, and one past the last
    digest: str  # of the row groups' bytes
    tokens: int = 0
    buckets: dict[int, tuple[str, int]] = {}  # bucket -> digest of its sample keys, tokens


class InputRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One input as the manifest remembers it."""

    role: str
    shard: str
    digest: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What a task read, what it wrote and what that cost."""

    key: str
    stage: str
    version: int
    shard: str
    settings: dict[str, object]
    assets: dict[str, str]
    inputs: tuple[InputRecord, ...]
    rows: int
    num_bytes: int
    digest: str
    slices: dict[str, Slice]
    counts: dict[str, dict[str, int]]  # drops by rule, documents and tokens by language, ...
    seconds: float  # on the clock: a machine that others use too makes it longer
    peak_memory_bytes: int
    tools: dict[str, str]
    cpu_seconds: float | None = None  # of all cores; None: nobody measured it


class InputFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file, or a slice of one, that a task reads; only `digest` is part of the task's key."""

    shard: str
    url: str
    digest: str
    rows: int = 0
    row_groups: tuple[int, int] | None = None  # None means all of the file
    buckets: tuple[int, int] | None = None  # half-open range of buckets wanted from it

    def read(self, columns: Sequence[str] | None = None) -> "pq.Table":
        """Return the rows of this input (all row groups of its slice) with the named columns."""
        with open_parquet(self.url) as file:
            first, last = self.row_groups or (0, file.num_row_groups)
            return file.read_row_groups(range(first, last), columns=columns)

    def batches(self, columns: Sequence[str], batch_rows: int) -> "Iterator[pa.Table]":
        """Yield the rows of this input in tables of at most so many rows, a page in memory."""
        with open_parquet(self.url, buffer_bytes=BUFFER_BYTES) as file:
            first, last = self.row_groups or (0, file.num_row_groups)
            for batch in file.iter_batches(batch_rows, range(first, last), columns=columns):
                yield pa.Table.from_batches([batch])


def artifact_url(folder: str, key: str) -> str:
    """Return where the Parquet file of a key lies."""
    return join(folder, f"{key}.parquet")


def manifest_url(folder: str, key: str) -> str:
    """Return where the manifest of a key lies."""
    return join(folder, f"{key}.json")


@contextmanager
def open_parquet(url: str, *, buffer_bytes: int = 0) -> Iterator[pq.ParquetFile]:
    """Open a Parquet file on any storage and close it again; pages with a checksum are checked.

    With a buffer, a column is read through it; without one, a row group's columns lie in memory.
    """
    with (
        open_read(url) as stream,
        pq.ParquetFile(
            stream, pre_buffer=False, buffer_size=buffer_bytes, page_checksum_verification=True
        ) as file,
    ):
        yield file


def task_key(
    stage: str,
    version: int,
    settings: Mapping[str, object],
    inputs: Iterable[tuple[str, str]],
    assets: Mapping[str, str],
) -> str:
    """Return the key of a task: a digest of everything that can change its output and nothing else.

    Args:
        stage: the stage's name.
        version: its version; a change of output without a new one fails the golden test.
        settings: JSON-able settings, without paths, hosts, times or worker counts.
        inputs: (role, content digest) pairs, in the order in which the stage reads them.
        assets: digests of what else it uses: tokenizer, language table, grammars.
    """
    canonical = msgspec.json.encode(
        {
            "stage": stage,
            "version": version,
            "settings": settings,
            "inputs": list(inputs),
            "assets": dict(assets),
        },
        order="deterministic",
    )
    return digest_parts("task", (canonical,), size=KEY_BYTES).hex()


def as_json(settings: Mapping[str, object]) -> dict[str, object]:
    """Return settings as a manifest that was read has them: lists for tuples, strings for dates."""
    plain: dict[str, object] = msgspec.json.decode(msgspec.json.encode(settings))
    return plain


@cache
def tool_versions() -> dict[str, str]:
    """Return the versions of what writes our bytes; kept in manifests, never in keys."""
    packages = ("gristmill", "pyarrow", "numpy", "fastokens", "resiliparse", "fastwarc")
    return {"python": python_version()} | {name: version(name) for name in packages}


def row_group_digest(file: BinaryIO, metadata: pq.FileMetaData, first: int, last: int) -> str:
    """Return the digest of the bytes of row groups first..last-1 (they lie next to each other)."""
    if first == last:
        return blake2b(digest_size=KEY_BYTES).hexdigest()
    start = _row_group_start(metadata.row_group(first))
    tail = metadata.row_group(last - 1)
    end = _row_group_start(tail) + sum(
        tail.column(i).total_compressed_size for i in range(tail.num_columns)
    )
    hasher = blake2b(digest_size=KEY_BYTES)
    file.seek(start)
    while start < end:
        block = file.read(min(DIGEST_BLOCK_BYTES, end - start))
        hasher.update(block)
        start += len(block)
    return hasher.hexdigest()


def _row_group_start(group: pq.RowGroupMetaData) -> int:
    column = group.column(0)
    if column.has_dictionary_page:
        return int(column.dictionary_page_offset)
    return int(column.data_page_offset)
