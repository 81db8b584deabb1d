"""Export: write every file of the outline that is not there yet, then say what was written."""

import os
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import get_context

import msgspec

from ...corpus.errors import GristmillError, StorageError
from ...corpus.mixture import Mixture, read_mixture
from ...corpus.storage import configured, exists, join
from ...corpus.tokenizer_info import TokenizerInfo
from ...corpus.vocabulary import build_tokenizer
from ..published import BuildRecord, read_build
from .documents import text_url
from .extras import write_extras
from .known import remember_export
from .outline import OutputFile, input_digests, outline
from .record import (
    FORMAT_VERSION,
    ExportHeader,
    ExportRecord,
    find_written,
    finish_export,
    note_written,
    open_export,
    stands,
)
from .settings import ExportSettings
from .write import Job, WrittenFile, write_file

Report = Callable[[tuple[WrittenFile, ...], int, int], None]


class ExportResult(msgspec.Struct, frozen=True, kw_only=True):
    """An export that is finished, and how many of its files this run wrote."""

    record: ExportRecord
    tokenizer: TokenizerInfo
    num_written: int


def export(
    build: str, *, out: str, settings: ExportSettings, workers: int | None, report: Report
) -> ExportResult:
    """Write a build in another reader's format.

    The bytes depend on the build and the settings alone. A run that was stopped goes on with the
    files that are missing.

    Args:
        build: the build directory.
        out: where to write; a directory, or a URL.
        settings: see `make_settings`.
        workers: processes; 0 for a plain loop, None for one a core.
        report: is told of each file, with the number done and the number in all.

    Raises:
        GristmillError: there is no build, or `out` has another export.
    """
    record, mixture = _read(build)
    files = outline(build, record, mixture, settings)
    tokenizer = build_tokenizer(build, mixture)
    header = ExportHeader(
        format_version=FORMAT_VERSION,
        settings=settings,
        name=record.name,
        mixture=mixture.digest,
        tokenizer=mixture.tokenizer,
        seed=mixture.seed,
        inputs=input_digests(record, mixture, files),
    )
    finished = open_export(out, header)
    remember_export(build, out if "://" in out else os.path.abspath(out))  # noqa: PTH100  no symlink
    done = _done(out, files, finished)
    missing = [file for file in files if file.paths not in done]
    if finished is not None and not missing and all(exists(join(out, e)) for e in finished.extras):
        return ExportResult(record=finished, tokenizer=tokenizer.info, num_written=0)
    jobs = [
        Job(
            build=build,
            out=out,
            settings=settings,
            seed=mixture.seed,
            tokenizer=tokenizer,
            file=file,
            texts=tuple(text_url(build, record, shard) for shard in file.read_shards),
            storage=configured(),
        )
        for file in missing
    ]
    for job, written in _run(jobs, workers):
        note_written(out, job.file, written)
        done[job.file.paths] = written
        report(written, len(done), len(files))
    made = tuple(part for file in files for part in done[file.paths])
    result = _record(header, made, write_extras(out, header, record, mixture, made))
    finish_export(out, result, files)
    return ExportResult(record=result, tokenizer=tokenizer.info, num_written=len(missing))


def _read(build: str) -> tuple[BuildRecord, Mixture]:
    record = read_build(build)
    if record is None:
        raise GristmillError(
            "there is no build here", where=build, todo="Name a directory that `build` has written."
        )
    return record, read_mixture(join(build, "mixture.json"))


def _done(
    out: str, files: Sequence[OutputFile], finished: ExportRecord | None
) -> dict[tuple[str, ...], tuple[WrittenFile, ...]]:
    """Return the files that stand, by their paths."""
    known: Mapping[str, WrittenFile] = (
        {} if finished is None else {file.path: file for file in finished.files}
    )
    done = {}
    for file in files:
        parts = tuple(known[path] for path in file.paths if path in known)
        if parts and all(stands(out, part) for part in parts):
            done[file.paths] = parts
        elif (found := find_written(out, file)) is not None:
            done[file.paths] = found
    return done


def _record(
    header: ExportHeader, files: tuple[WrittenFile, ...], extras: dict[str, str]
) -> ExportRecord:
    counted = {
        (file.component, file.language, file.split, file.path.rpartition(".")[0]): file
        for file in files
    }  # Megatron's two files have the same documents
    return ExportRecord(
        **{name: getattr(header, name) for name in ExportHeader.__struct_fields__},
        files=files,
        extras=extras,
        documents=sum(file.documents for file in counted.values()),
        tokens=sum(file.tokens for file in counted.values()),
        num_bytes=sum(file.num_bytes for file in files),
    )


def _run(jobs: Sequence[Job], workers: int | None) -> Iterator[tuple[Job, tuple[WrittenFile, ...]]]:
    count = min(os.cpu_count() or 1 if workers is None else workers, len(jobs))
    if count <= 1:
        for job in jobs:
            yield job, write_file(job)
        return
    with ProcessPoolExecutor(
        count, mp_context=get_context("spawn"), initializer=_ignore_interrupts
    ) as pool:
        try:
            with _interrupts_blocked():
                for _ in range(count):
                    pool.submit(os.getpid)
            yield from _collect(pool, jobs, count)
        except BrokenProcessPool as error:
            raise StorageError(
                "a worker was killed",
                where="workers",
                todo="It may have run out of memory: run again with fewer --workers.",
            ) from error
        finally:
            pool.shutdown(cancel_futures=True)


def _collect(
    pool: ProcessPoolExecutor, jobs: Sequence[Job], count: int
) -> Iterator[tuple[Job, tuple[WrittenFile, ...]]]:
    """Keep every worker busy with one job more in line, so that few wait in memory."""
    waiting = iter(jobs)
    running: dict[Future[tuple[WrittenFile, ...]], Job] = {}
    while True:
        while len(running) < 2 * count and (job := next(waiting, None)) is not None:
            running[pool.submit(write_file, job)] = job
        if not running:
            return
        for future in wait(running, return_when=FIRST_COMPLETED).done:
            yield running.pop(future), future.result()


@contextmanager
def _interrupts_blocked() -> Iterator[None]:
    """Hold Ctrl-C back; processes that start meanwhile never see it, not even as they load."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _ignore_interrupts() -> None:
    """Leave Ctrl-C to the parent, which lets files under way be finished."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
