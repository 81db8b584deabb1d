"""A stage is a frozen struct of settings with a version and a pure `run`; a task runs it once.

Map stages turn one shard into one artifact; exchange stages take the same slice of every shard.
Both are the same thing to a worker: paths and digests in, one Parquet file and its manifest out.
"""

import errno
import resource
import time
import traceback
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import ClassVar

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ..corpus.errors import GristmillError
from ..corpus.ids import ID_BYTES
from ..corpus.storage import configure, digest_file, replace_atomically, size, write_bytes
from .artifact import (
    InputFile,
    InputRecord,
    Manifest,
    Slice,
    artifact_url,
    manifest_url,
    row_group_digest,
    task_key,
    tool_versions,
)

FULL_DISK = (errno.ENOSPC, errno.EDQUOT)
COMPRESSION = "zstd"
COMPRESSION_LEVEL = 1  # 287 MB/s against 157 at level 3 for 3 % more bytes on source text


PAGE_BYTES = 1 << 16  # a merge of many files holds a page of each
TEXT_PAGE_BYTES = 1 << 20  # texts compress better together
ROW_GROUP_ROWS = 1 << 17  # of a slice that is written in parts


class Output:
    """Where a running task writes its one Parquet file, slice by slice."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.counts: dict[str, dict[str, int]] = {}
        self._writer: pq.ParquetWriter | None = None
        self._num_row_groups = 0
        self._rows = 0
        self._pending: dict[str, tuple[int, int, int]] = {}
        self._details: dict[str, tuple[int, dict[int, tuple[str, int]]]] = {}
        self._buffer: list[pa.Table] = []  # of the slice that `append` is writing
        self._slice_name = ""
        self._slice_start = (0, 0)  # row group and row
        self.texts: frozenset[str] = frozenset()  # columns of strings that seldom repeat

    @property
    def folder(self) -> Path:
        """Where a task may keep files of its own while it runs; on this machine."""
        return self.path.parent

    def write(
        self,
        table: pa.Table,
        *,
        slice_name: str | None = None,
        tokens: int = 0,
        buckets: dict[int, tuple[str, int]] | None = None,
    ) -> None:
        """Append a table as one row group; a named slice is written by one call."""
        table = table.combine_chunks()
        if self._writer is None:
            self._writer = pq.ParquetWriter(
                self.path,
                table.schema,
                **_compression(table.schema),
                use_dictionary=_dictionary_columns(table.schema, self.texts),
                write_page_checksum=True,
                data_page_size=_page_bytes(table.schema, self.texts),
            )
        if table.num_rows == 0:
            return
        self._writer.write_table(table, row_group_size=table.num_rows)
        first = self._num_row_groups
        self._num_row_groups += 1
        self._rows += table.num_rows
        if slice_name is not None:
            assert slice_name not in self._pending, slice_name
            self._pending[slice_name] = (first, self._num_row_groups, table.num_rows)
            self._details[slice_name] = (tokens, buckets or {})

    def append(self, table: pa.Table, *, slice_name: str, group_rows: int = ROW_GROUP_ROWS) -> None:
        """Add rows to a slice; where its parts begin and end does not show in the file."""
        if self._slice_name != slice_name:
            self._end_slice()
            assert slice_name not in self._pending, slice_name
            self._slice_name, self._slice_start = slice_name, (self._num_row_groups, self._rows)
        self._buffer.append(table)
        while sum(part.num_rows for part in self._buffer) >= group_rows > 0:
            rows = pa.concat_tables(self._buffer)
            self.write(rows.slice(0, group_rows))
            self._buffer = [rows.slice(group_rows)]

    def _end_slice(self) -> None:
        if self._buffer:
            self.write(pa.concat_tables(self._buffer))
            self._buffer = []
        first, first_row = self._slice_start
        if self._slice_name and self._rows > first_row:
            rows = self._rows - first_row
            self._pending[self._slice_name] = (first, self._num_row_groups, rows)
            self._details[self._slice_name] = (0, {})

    def count(self, what: str, values: Mapping[str, int]) -> None:
        """Add to a named table of counts of the manifest."""
        table = self.counts.setdefault(what, {})
        for name, value in values.items():
            table[name] = table.get(name, 0) + value

    def adopt(self, rows: int) -> None:
        """Say that the file at `path` was written by other means and has so many rows."""
        self._rows = rows

    def finish(self) -> tuple[int, dict[str, Slice]]:
        """Close the file; return its number of rows and its slices."""
        self._end_slice()
        if self._writer is not None:
            self._writer.close()
        if not self._pending:
            return self._rows, {}
        slices = {}
        metadata = pq.read_metadata(self.path)
        with self.path.open("rb") as file:
            for name, (first, last, rows) in sorted(self._pending.items()):
                tokens, buckets = self._details[name]
                slices[name] = Slice(
                    rows=rows,
                    row_groups=(first, last),
                    digest=row_group_digest(file, metadata, first, last),
                    tokens=tokens,
                    buckets=buckets,
                )
        return self._rows, slices


class Inputs:
    """The files of a running task, by role."""

    def __init__(self, files: Mapping[str, Sequence[InputFile]]) -> None:
        self._files = files

    def all(self, role: str) -> Sequence[InputFile]:
        """Return the files of a role, in the order of the key."""
        return self._files.get(role, ())

    def one(self, role: str) -> InputFile:
        """Return the only file of a role."""
        (file,) = self._files[role]
        return file

    def table(self, role: str, columns: Sequence[str] | None = None) -> pa.Table:
        """Return all rows of the only file of a role."""
        return self.one(role).read(columns)


class Stage(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The settings of a stage; subclasses set the class variables and `run`."""

    name: ClassVar[str]
    version: ClassVar[int]
    reads_text: ClassVar[bool] = False  # columnar stages are cheap enough for `plan` to run
    names_shards: ClassVar[bool] = False  # the output names the shards that its inputs come from
    is_temporary: ClassVar[bool] = False  # the artifact is removed once its users have run

    def key_settings(self) -> dict[str, object]:
        """Return the settings that decide the output: no path, host, time or worker count."""
        settings = msgspec.to_builtins(self)
        assert isinstance(settings, dict)
        return settings

    def assets(self) -> dict[str, str]:
        """Return digests of the models and tables the stage uses."""
        return {}

    def run(self, inputs: Inputs, output: Output) -> None:
        """Read the inputs, write the output; the same input always gives the same bytes."""
        raise NotImplementedError


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """One stage on one shard, ready to run anywhere: paths and digests only."""

    stage: Stage
    shard: str
    folder: str  # of the artifact and its manifest
    inputs: dict[str, tuple[InputFile, ...]]
    hints: dict[str, tuple[InputFile, ...]]  # files that help but cannot change the output
    storage: dict[str, dict[str, object]]  # fsspec options, for a worker in another process

    @property
    def key(self) -> str:
        """The digest of everything that can change the output."""
        stage = self.stage
        pairs = [
            (role, f"{file.shard}:{file.digest}" if stage.names_shards else file.digest)
            for role, files in self.inputs.items()
            for file in files
        ]
        return task_key(stage.name, stage.version, stage.key_settings(), pairs, stage.assets())


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """Why a task failed; `is_final` when trying again cannot help."""

    stage: str
    shard: str
    message: str
    detail: str
    is_final: bool


def value_counts(column: pa.ChunkedArray) -> dict[str, int]:
    """Return how often each string of a column occurs; nulls are not counted."""
    counts = pc.value_counts(pc.drop_null(column))
    return {row["values"].as_py(): row["counts"].as_py() for row in counts}


def run_task(task: Task, key: str) -> Manifest | Failure:
    """Run a task to its manifest; the one place that catches everything, to name the shard."""
    started = time.perf_counter()
    for protocol, options in task.storage.items():
        configure(protocol, options)
    try:
        return _run(task, key, started)
    except GristmillError as error:
        return _failure(task, str(error), is_final=True)
    except OSError as error:
        is_final = error.errno in FULL_DISK
        return _failure(task, f"{type(error).__name__}: {error}", is_final=is_final)
    except Exception as error:  # noqa: BLE001  the worker boundary: a shard fails, not the build
        return _failure(task, f"{type(error).__name__}: {error}", is_final=False)


def _failure(task: Task, message: str, *, is_final: bool) -> Failure:
    return Failure(
        stage=task.stage.name,
        shard=task.shard,
        message=message,
        detail=traceback.format_exc(),
        is_final=is_final,
    )


def _run(task: Task, key: str, started: float) -> Manifest:
    stage, url = task.stage, artifact_url(task.folder, key)
    with replace_atomically(url, is_durable=False) as temporary:
        output = Output(Path(temporary))
        stage.run(Inputs({**task.inputs, **task.hints}), output)
        rows, slices = output.finish()
    manifest = Manifest(
        key=key,
        stage=stage.name,
        version=stage.version,
        shard=task.shard,
        settings=stage.key_settings(),
        assets=stage.assets(),
        inputs=tuple(_records(task.inputs)),
        rows=rows,
        num_bytes=size(url),
        digest=digest_file(url),
        slices=slices,
        counts=output.counts,
        seconds=round(time.perf_counter() - started, 3),
        peak_memory_bytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        tools=tool_versions(),
    )
    write_bytes(manifest_url(task.folder, key), msgspec.json.encode(manifest), is_durable=False)
    return manifest


def _records(inputs: Mapping[str, Iterable[InputFile]]) -> Iterable[InputRecord]:
    for role, files in inputs.items():
        for file in files:
            yield InputRecord(role=role, shard=file.shard, digest=file.digest)


def _compression(schema: pa.Schema) -> dict[str, object]:
    """Signatures are hashes, which do not compress; whoever writes them writes no nested column."""
    wide = [
        field.name
        for field in schema
        if pa.types.is_fixed_size_binary(field.type) and field.type.byte_width > ID_BYTES
    ]
    if not wide:
        return {"compression": COMPRESSION, "compression_level": COMPRESSION_LEVEL}
    others = [name for name in schema.names if name not in wide]
    return {
        "compression": dict.fromkeys(others, COMPRESSION) | dict.fromkeys(wide, "none"),
        "compression_level": dict.fromkeys(others, COMPRESSION_LEVEL),
    }


def _page_bytes(schema: pa.Schema, texts: frozenset[str]) -> int:
    has_text = bool(texts) or any(pa.types.is_large_string(kind) for kind in schema.types)
    return TEXT_PAGE_BYTES if has_text else PAGE_BYTES


def _dictionary_columns(schema: pa.Schema, texts: frozenset[str]) -> list[str]:
    """Only short repeated strings gain from a dictionary; on text it costs memory and time."""
    return [
        field.name for field in schema if pa.types.is_string(field.type) and field.name not in texts
    ]
