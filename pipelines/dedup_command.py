"""Dedup of anybody's Parquet files, with the stages of a build and nothing else of it.

What is done is kept in DIR/work, as for a build: a second run does what is new, an interrupted one
goes on. DIR/kept holds the files without their duplicates, DIR/duplicates.parquet a row for each
row that was left out.
"""

import os
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from ..corpus.errors import GristmillError
from ..corpus.storage import (
    escape_glob,
    exists,
    join,
    link_or_copy,
    list_files,
    read_bytes,
    remove,
    replace_atomically,
    write_bytes,
)
from .artifact import InputFile, Manifest
from .dedup_graph import DedupGraph, Done, Previous, Texts, slices
from .dedup_inputs import checked_columns, named_files
from .dedup_listing import write_listing
from .dedup_settings import DedupSettings
from .engine import Engine, Node, NodeId, Observer, by_stage, make_executor
from .executors import Executor, LocalExecutor, ThreadExecutor
from .stage import Failure, Stage
from .stages.scan import KeepRows, Scan, ScannedItems
from .store import Store, open_store


class DedupRecord(msgspec.Struct, frozen=True, kw_only=True):
    """dedup.json: what was asked for, what came of it, and the artifacts behind it."""

    settings: DedupSettings
    files: dict[str, str]  # name -> digest of the input
    rows: int
    kept: int
    exact_duplicates: int
    near_duplicates: int
    artifacts: dict[str, dict[str, str]]  # stage -> shard -> key


class DedupResult(msgspec.Struct, frozen=True, kw_only=True):
    """What a dedup of files did; without a record where something failed."""

    out: str
    record: DedupRecord | None
    num_ran: int
    num_cached: int
    failures: tuple[Failure, ...]


def dedup_settings(
    *, threshold: float | None, partitions: int, memory_bytes: int | None
) -> DedupSettings:
    """Return the settings with what is not given at its default.

    Raises:
        GristmillError: a value is impossible.
    """
    given: dict[str, object] = {"partitions": partitions}
    if memory_bytes is not None:
        given["memory_bytes"] = memory_bytes
    if threshold is not None:
        given["minhash"] = {"threshold": threshold}
    try:
        return msgspec.convert(given, DedupSettings)
    except msgspec.ValidationError as error:
        raise GristmillError(str(error), where="options", todo="Give another value.") from None


def dedup_executor(*, workers: int | None, address: str | None) -> Executor:
    """Return so many threads of this process, one a core by default, or a Ray cluster."""
    if address is not None:
        return make_executor(workers=None, address=address)
    num_threads = len(os.sched_getaffinity(0)) if workers is None else workers
    return ThreadExecutor(num_threads) if num_threads > 1 else LocalExecutor()


def dedup_files(
    patterns: Sequence[str],
    *,
    out: str,
    settings: DedupSettings,
    text_field: str,
    id_field: str | None,
    executor: Executor,
    observer: Observer,
) -> DedupResult:
    """Write the files that the patterns name, without their duplicates, into a directory.

    Args:
        patterns: globs of Parquet files, on any storage.
        out: the directory.
        settings: of signatures, bands, threshold and memory.
        text_field: the column that is compared.
        id_field: the column that names a row; without it, `id` where all files have one, else
            the file's name and the row.
        executor: runs the tasks; closed before returning.
        observer: is told the progress.

    Raises:
        GristmillError: no file is found, two have one name, or one has no such column.
    """
    urls = named_files(patterns)
    id_field = checked_columns(urls, text_field, id_field)
    with open_store(out) as store:
        try:
            files = {
                name: InputFile(shard=name, url=url, digest=store.digest(url))
                for name, url in urls.items()
            }
            graph = FileGraph(store, settings, files, text_field=text_field, id_field=id_field)
            return _run(graph, store, executor, observer)
        finally:
            executor.close()
            store.save()


def _run(graph: "FileGraph", store: Store, executor: Executor, observer: Observer) -> DedupResult:
    engine = Engine(store, executor, observer)
    outcome = engine.run_phases(graph.phases(engine.outcome.done))
    record = None
    if not outcome.failed:
        record = graph.publish(outcome.done)
        store.release_quarantine()
    return DedupResult(
        out=store.out,
        record=record,
        num_ran=len(outcome.ran),
        num_cached=len(outcome.cached),
        failures=tuple(outcome.failed.values()),
    )


class FileGraph:
    """The nodes of a dedup of Parquet files."""

    def __init__(
        self,
        store: Store,
        settings: DedupSettings,
        files: Mapping[str, InputFile],
        *,
        text_field: str,
        id_field: str | None,
    ) -> None:
        self._store = store
        self._settings = settings
        self._files = files
        self._scan = Scan(scheme=settings.minhash, text_field=text_field, id_field=id_field)
        texts = Texts(lambda done, name: files[name], text_field, ())
        self._dedup = DedupGraph(
            settings, store, list(files), published_artifacts(store.out), texts, "scan"
        )

    def phases(self, done: Done) -> Iterator[list[Node]]:
        """Yield the phases; each is run before the next is asked for."""
        items = ScannedItems(partitions=self._settings.partitions)
        nodes = []
        for name, file in self._files.items():
            nodes.append(self._node(self._scan, name, file))
            nodes.append(self._node(items, name, None, ("scan",)))
        yield [*nodes, *self._dedup.candidates()]
        yield from self._dedup.phases(done)
        fates = {name: self._dedup.fate_inputs(name) for name in self._files}
        yield [
            self._node(
                KeepRows(text_field=self._scan.text_field), name, file, ("scan",), fates[name]
            )
            for name, file in self._files.items()
        ]

    def _node(
        self,
        stage: Stage,
        name: str,
        file: InputFile | None,
        roles: Sequence[str] = (),
        fates: tuple[Sequence[NodeId], str] = ((), ""),
    ) -> Node:
        def inputs(done: Done) -> Mapping[str, list[InputFile]]:
            found = {role: [self._store.input(done[role, name])] for role in roles}
            if file is not None:
                found["file"] = [file]
            if fates[0]:
                found["fates"] = slices(self._store, done, *fates)
            return found

        needs = (*((role, name) for role in roles), *fates[0])
        return Node(stage=stage, shard=name, needs=needs, inputs=inputs)

    def publish(self, done: Done) -> DedupRecord:
        """Bring kept/, duplicates.parquet and dedup.json up to the artifacts."""
        store, out = self._store, self._store.out
        artifacts = by_stage(done)
        wanted = {f"kept/{name}": artifacts["kept"][name] for name in self._files}
        for url in list_files(join(escape_glob(out), "kept", "*.parquet")):
            if url[len(out.rstrip("/")) + 1 :] not in wanted:
                remove(url)
        for path, manifest in wanted.items():
            url = join(out, path)
            if not exists(url) or store.digest(url) != manifest.digest:
                link_or_copy(store.url(manifest), url)
                store.trust(url, manifest.digest)
        record = self._record(artifacts)
        listing = join(out, "duplicates.parquet")
        if record != _read_record(out) or not exists(listing):
            with replace_atomically(listing) as partial:
                write_listing(store, artifacts, partial, memory_bytes=self._settings.memory_bytes)
            write_bytes(join(out, "dedup.json"), msgspec.json.encode(record))
        return record

    def _record(self, artifacts: Mapping[str, Mapping[str, Manifest]]) -> DedupRecord:
        reasons = [m.counts.get("items", {}) for m in artifacts["fates"].values()]
        return DedupRecord(
            settings=self._settings,
            files={name: file.digest for name, file in self._files.items()},
            rows=sum(manifest.rows for manifest in artifacts["scan"].values()),
            kept=sum(manifest.rows for manifest in artifacts["kept"].values()),
            exact_duplicates=sum(counts.get("exact_duplicate", 0) for counts in reasons),
            near_duplicates=sum(counts.get("near_duplicate", 0) for counts in reasons),
            artifacts={
                stage: {shard: manifest.key for shard, manifest in sorted(shards.items())}
                for stage, shards in sorted(artifacts.items())
            },
        )


def _read_record(out: str) -> DedupRecord | None:
    url = join(out, "dedup.json")
    if not exists(url):
        return None
    try:
        return msgspec.json.decode(read_bytes(url), type=DedupRecord)
    except msgspec.DecodeError as error:
        raise GristmillError(
            f"cannot be read: {error}",
            where=url,
            todo="Remove it and run `gristmill dedup` again: it is written anew.",
        ) from None


def published_artifacts(out: str) -> Previous:
    """Return stage -> shard -> key of what the last dedup of files in a directory came to.

    Raises:
        GristmillError: dedup.json is not what this version writes.
    """
    record = _read_record(out)
    return record.artifacts if record is not None else {}
