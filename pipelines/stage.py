"""A stage is a frozen struct of settings with a version and a pure `run`; a task runs it once.

Map stages turn one shard into one artifact; exchange stages take the same slice of every shard.
Both are the same thing to a worker: paths and digests in, one Parquet file and its manifest out.
"""

import errno
import resource
import time
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import ClassVar

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from ..corpus.errors import GristmillError
from ..corpus.storage import configure, digest_file, replace_atomically, size, write_bytes
from .artifact import (
    InputFile,
    InputRecord,
    Manifest,
    artifact_url,
    manifest_url,
    task_key,
    tool_versions,
)
from .output import Output

FULL_DISK = (errno.ENOSPC, errno.EDQUOT)


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


def run_task(
    task: Task, key: str, *, cpu_clock: Callable[[], float] = time.process_time
) -> Manifest | Failure:
    """Run a task to its manifest; the one place that catches everything, to name the shard.

    Args:
        cpu_clock: by default that of the process with all its threads; where tasks share a process
            that of the thread, which misses the threads that a library starts.
    """
    clocks = _Clocks(cpu_clock)
    for protocol, options in task.storage.items():
        configure(protocol, options)
    try:
        return _run(task, key, clocks)
    except GristmillError as error:
        return _failure(task, str(error), is_final=True)
    except OSError as error:
        is_final = error.errno in FULL_DISK
        return _failure(task, f"{type(error).__name__}: {error}", is_final=is_final)
    except Exception as error:  # noqa: BLE001  the worker boundary: a shard fails, not the build
        return _failure(task, f"{type(error).__name__}: {error}", is_final=False)


class _Clocks:
    """What a task has taken since it began, on the clock and of the cores."""

    def __init__(self, cpu_clock: Callable[[], float]) -> None:
        self._cpu_clock = cpu_clock
        self._began, self._cpu_began = time.perf_counter(), cpu_clock()

    def seconds(self) -> float:
        return round(time.perf_counter() - self._began, 3)

    def cpu_seconds(self) -> float:
        return round(self._cpu_clock() - self._cpu_began, 3)


def _failure(task: Task, message: str, *, is_final: bool) -> Failure:
    return Failure(
        stage=task.stage.name,
        shard=task.shard,
        message=message,
        detail=traceback.format_exc(),
        is_final=is_final,
    )


def _run(task: Task, key: str, clocks: _Clocks) -> Manifest:
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
        seconds=clocks.seconds(),
        peak_memory_bytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        tools=tool_versions(),
        cpu_seconds=clocks.cpu_seconds(),
    )
    write_bytes(manifest_url(task.folder, key), msgspec.json.encode(manifest), is_durable=False)
    return manifest


def _records(inputs: Mapping[str, Iterable[InputFile]]) -> Iterable[InputRecord]:
    for role, files in inputs.items():
        for file in files:
            yield InputRecord(role=role, shard=file.shard, digest=file.digest)
