"""Reads the repositories of a crawl's closed segment, by its index, as git itself would give them.

The index says in which frame of which segment a file's content lies; unpacked frames are kept up to
a bound. A frame that is damaged costs only the files in it.
"""

import itertools
from collections.abc import Iterator, Mapping
from typing import cast

import msgspec
import pyarrow.parquet as pq

from .. import storage
from ..crawl.blob_frames import DamagedFrameError, FrameReader, Place
from ..crawl.github.index import INDEX, INDEX_SUFFIX, RepositoryFacts
from ..record import ReadDrop, Record
from .git import entry_row, licence_files
from .git_objects import TREE, BrokenObjectError, Entry
from .parquet import DAMAGE, parquet_damage
from .rows import RepositoryRows, printable_path
from .unit import ReadLimits, RepositoryMetadata, Unit

BATCH_ROWS = 4096


class _Row(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the index."""

    repository_id: int
    full_name: str
    commit: str
    created: int | None
    stars: int | None
    licence: str | None
    path: bytes
    mode: str
    sha: bytes
    num_bytes: int
    reason: ReadDrop | None
    error: str | None
    segment: str | None
    frame_offset: int | None
    frame_bytes: int | None
    member_offset: int | None


def is_crawled(url: str) -> bool:
    """Tell whether a repository unit is the index of a crawl's segment."""
    return url.endswith(INDEX_SUFFIX)


def read_crawled(unit: Unit, limits: ReadLimits) -> Iterator[Record]:
    """Yield a row for every file of every repository in a segment, sorted by name and path."""
    folder = unit.url.rpartition("/")[0]
    try:
        licences = _licences(unit)
        with FrameReader(folder) as frames:
            groups = itertools.groupby(_rows(unit, INDEX.names), _repository)
            for repository, files in groups:
                rows = _repository_rows(unit, repository, licences)
                for file in files:
                    yield _record(file, rows, frames, limits)
    except (*DAMAGE, msgspec.ValidationError) as error:
        rows = RepositoryRows(unit, revision="", licence_files=())
        yield rows.corrupt_unit(f"its index is damaged: {parquet_damage(unit, error)}")


def crawled_names(unit: Unit) -> set[str]:
    """Return the names of the repositories in a segment; none if its index is damaged."""
    names: set[str] = set()
    try:
        with storage.open_read(unit.url) as stream:
            for batch in pq.ParquetFile(stream).iter_batches(columns=["full_name"]):
                names.update(batch["full_name"].unique().to_pylist())
    except DAMAGE as error:
        parquet_damage(unit, error)
    return names


def _rows(unit: Unit, columns: list[str]) -> Iterator[_Row]:
    for values in _values(unit, columns):
        yield msgspec.convert(values, _Row)


def _values(unit: Unit, columns: list[str]) -> Iterator[dict[str, object]]:
    with storage.open_read(unit.url) as stream:
        for batch in pq.ParquetFile(stream).iter_batches(BATCH_ROWS, columns=columns):
            yield from batch.to_pylist()


def _licences(unit: Unit) -> dict[int, tuple[str, ...]]:
    """Return the licence files of the repositories that have any, by id."""
    found: dict[int, tuple[str, ...]] = {}
    values = _values(unit, ["repository_id", "path", "mode", "reason"])
    for repository, files in itertools.groupby(values, lambda row: row["repository_id"]):
        # A tree that could not be listed is no file, whatever its name.
        paths = (
            cast(bytes, file["path"])
            for file in files
            if file["reason"] != "corrupt" or file["mode"] != TREE
        )
        if names := licence_files(paths):
            found[cast(int, repository)] = names
    return found


def _repository(row: _Row) -> RepositoryFacts:
    return RepositoryFacts(
        id=row.repository_id,
        full_name=row.full_name,
        commit=row.commit,
        created=row.created,
        stars=row.stars,
        licence=row.licence,
    )


def _repository_rows(
    unit: Unit, facts: RepositoryFacts, licences: Mapping[int, tuple[str, ...]]
) -> RepositoryRows:
    metadata = RepositoryMetadata(
        full_name=facts.full_name,
        created=facts.created,
        stars=facts.stars,
        licence=facts.licence,
    )
    own = msgspec.structs.replace(unit, name=facts.full_name, metadata=metadata)
    return RepositoryRows(own, revision=facts.commit, licence_files=licences.get(facts.id, ()))


def _record(file: _Row, rows: RepositoryRows, frames: FrameReader, limits: ReadLimits) -> Record:
    path = printable_path(file.path)
    if file.reason == "huge" and file.num_bytes > limits.max_file_bytes:
        return rows.huge(path, num_bytes=file.num_bytes, max_bytes=limits.max_file_bytes)
    if file.reason is not None:
        return rows.dropped(path, file.reason, num_bytes=file.num_bytes, error=file.error)
    entry = Entry(file.path, file.mode, file.sha.hex())
    return entry_row(entry, path, _Stored(file, frames), rows, limits)


class _Stored:
    """The one blob of a file of a segment."""

    def __init__(self, file: _Row, frames: FrameReader) -> None:
        self._file = file
        self._frames = frames

    def size(self, oid: str) -> int:
        """Return the blob's size."""
        return self._file.num_bytes

    def read(self, oid: str, max_bytes: int) -> bytes:
        """Return the blob, or raise BrokenObjectError naming the damaged frame."""
        file = self._file
        if (
            file.segment is None
            or file.frame_offset is None
            or file.frame_bytes is None
            or file.member_offset is None
        ):
            raise BrokenObjectError("the index does not say where its content lies")
        place = Place(0, file.frame_offset, file.frame_bytes, file.member_offset)
        try:
            return self._frames.read(file.segment, place, file.sha, file.num_bytes)
        except DamagedFrameError as error:
            raise BrokenObjectError(str(error)) from error
