"""Repositories whose blobs are gone, because a file is shorter than its ledger says, wait again."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pyarrow.parquet as pq

from ...errors import GristmillError
from ..blob_frames import Place
from ..ledger import Ledger
from ..segments import Segments
from .index import RepositoryFacts, StoredFile, index_name, pack_listing, unpack_listing


def return_lost(ledger: Ledger, segments: Segments, kind: str) -> int:
    """Forget what is beyond the end of a shortened file; return how many repositories wait again.

    A closed segment that holds such a repository is opened again, so that the rest of it is kept.

    Raises:
        GristmillError: if a closed segment's index, which would tell, is gone, too.
    """
    lost = segments.find_lost()
    if not lost:
        return 0
    num_returned = 0
    with ledger.transaction() as connection:
        _forget_blobs(connection, lost)
        names = segments.names()
        lost_names = {names[number]: num_bytes for number, num_bytes in lost.items()}
        for segment in list(segments.list_closed()):
            index = segments.folder / index_name(segment.name)
            if segment.id in lost or _refers(index, lost_names):
                _open_again(connection, segments, segment.id, segment.name)
        ends = _blob_ends(connection, lost)
        rows = connection.execute("SELECT repository, segment, files FROM listings").fetchall()
        for repository, segment_id, packed in rows:
            places = [file.place for file in unpack_listing(packed) if file.place is not None]
            if any(_is_lost(place, lost) for place in places):
                num_returned += 1
                _return(connection, repository, segment_id, kind)
                continue
            for place in places:
                if place.segment in ends:
                    ends[place.segment] = max(ends[place.segment], _end(place))
        connection.executemany(
            "UPDATE segments SET bytes = ? WHERE id = ?",
            [(num_bytes, segment) for segment, num_bytes in ends.items()],
        )
    return num_returned


def _blob_ends(connection: sqlite3.Connection, lost: dict[int, int]) -> dict[int, int]:
    """Return where the last whole frame of each shortened file ends."""
    query = "SELECT max(frame_offset + frame_bytes) FROM blobs WHERE segment = ?"
    ends = {segment: connection.execute(query, (segment,)).fetchone()[0] for segment in lost}
    return {segment: end or 0 for segment, end in ends.items()}


def _forget_blobs(connection: sqlite3.Connection, lost: dict[int, int]) -> None:
    connection.executemany(
        "DELETE FROM blobs WHERE segment = ? AND frame_offset + frame_bytes > ?", lost.items()
    )


def _refers(index: Path, lost_names: dict[str, int]) -> bool:
    """Tell whether a closed segment has a file whose blob is lost in another one."""
    columns = ["segment", "frame_offset", "frame_bytes"]
    for batch in pq.ParquetFile(_existing(index)).iter_batches(columns=columns):
        for row in batch.to_pylist():
            end = lost_names.get(row["segment"])
            if end is not None and row["frame_offset"] + row["frame_bytes"] > end:
                return True
    return False


def _open_again(connection: sqlite3.Connection, segments: Segments, number: int, name: str) -> None:
    ids = {name: number for number, name in segments.names().items()}
    for facts, files in _read_index(segments.folder / index_name(name), ids):
        connection.execute(
            "INSERT INTO listings VALUES (?, ?, ?, ?, ?)",
            (facts.id, facts.full_name, number, msgspec.json.encode(facts), pack_listing(files)),
        )
    connection.execute("UPDATE segments SET is_closed = 0, digest = NULL WHERE id = ?", (number,))


def _read_index(
    index: Path, ids: dict[str, int]
) -> Iterator[tuple[RepositoryFacts, list[StoredFile]]]:
    facts: RepositoryFacts | None = None
    files: list[StoredFile] = []
    for batch in pq.ParquetFile(_existing(index)).iter_batches():
        for row in batch.to_pylist():
            if facts is None or row["repository_id"] != facts.id:
                if facts is not None:
                    yield facts, files
                facts = msgspec.convert({**row, "id": row["repository_id"]}, RepositoryFacts)
                files = []
            files.append(_stored(row, ids))
    if facts is not None:
        yield facts, files


def _stored(row: dict[str, object], ids: dict[str, int]) -> StoredFile:
    place = None
    if isinstance(row["segment"], str):
        values = [row[name] for name in ("frame_offset", "frame_bytes", "member_offset")]
        place = msgspec.convert([ids[row["segment"]], *values], Place)
    names = ("path", "mode", "sha", "num_bytes", "reason", "error")
    return msgspec.structs.replace(
        msgspec.convert([*(row[name] for name in names), None], StoredFile), place=place
    )


def _existing(index: Path) -> Path:
    if not index.exists():
        raise GristmillError(
            "a file of the crawl is shorter than it was, and its index is gone, too",
            where=str(index),
            todo="Restore both from a backup, or crawl into another folder.",
        )
    return index


def _end(place: Place) -> int:
    return place.frame_offset + place.frame_bytes


def _is_lost(place: Place, lost: dict[int, int]) -> bool:
    return place.segment in lost and _end(place) > lost[place.segment]


def _return(connection: sqlite3.Connection, repository: int, segment: int, kind: str) -> None:
    connection.execute("DELETE FROM listings WHERE repository = ?", (repository,))
    connection.execute("UPDATE segments SET num_items = num_items - 1 WHERE id = ?", (segment,))
    connection.execute(
        "UPDATE items SET state = 'waiting', reason = 'lost from the disk', next_try = 0"
        " WHERE kind = ? AND id = ?",
        (kind, str(repository)),
    )
