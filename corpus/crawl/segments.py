"""Files of a crawl that only grow; their lengths stand in the ledger, and what is longer is cut.

Appending is safe from several threads; everything else comes from the ledger's thread. A file that
is full is followed by the next generation of its shard.
"""

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

import msgspec

from .disk import cannot_write
from .ledger import Ledger

_TABLE = """
CREATE TABLE IF NOT EXISTS segments(
    id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, shard INTEGER NOT NULL,
    generation INTEGER NOT NULL, bytes INTEGER NOT NULL, num_items INTEGER NOT NULL,
    is_closed INTEGER NOT NULL, digest TEXT
)
"""


class Segment(msgspec.Struct, kw_only=True):
    """One file, open for appending.

    Attributes:
        num_bytes: of the file, with what is not committed yet.
        num_pending: appended pieces that are neither committed nor given up.
    """

    id: int
    name: str
    shard: int
    generation: int
    num_bytes: int = 0
    num_pending: int = 0


class ClosedSegment(msgspec.Struct, frozen=True, kw_only=True):
    """One file that will not change any more."""

    id: int
    name: str
    num_bytes: int
    num_items: int
    digest: str


class Segments:
    """The segment files of one folder; `resume` comes before anything is appended.

    Args:
        stem_of: what the names of a shard's files start with; it may name a folder.
        opening: what a file of a name starts with.
    """

    def __init__(
        self,
        ledger: Ledger,
        folder: Path,
        *,
        suffix: str,
        max_bytes: int,
        stem_of: Callable[[int], str] = "{:04d}".format,
        opening: Callable[[str], bytes] | None = None,
    ) -> None:
        self._ledger = ledger
        self.folder = folder
        self._suffix = suffix
        self._max_bytes = max_bytes
        self._stem_of = stem_of
        self._opening = opening
        self._lock = threading.Lock()
        self._open: dict[int, Segment] = {}  # by shard, the one that is appended to
        self._full: list[Segment] = []
        self._generations: dict[int, int] = {}
        folder.mkdir(parents=True, exist_ok=True)
        ledger.connection.execute(_TABLE)
        (last,) = ledger.connection.execute("SELECT max(id) FROM segments").fetchone()
        self._next_id = 1 if last is None else last + 1

    def find_lost(self) -> dict[int, int]:
        """Return the id and real length of each file that is shorter than the ledger says."""
        rows = self._ledger.connection.execute("SELECT id, name, bytes FROM segments")
        lengths = {number: (_length(self.folder / name), size) for number, name, size in rows}
        return {number: found for number, (found, size) in lengths.items() if found < size}

    def resume(self) -> None:
        """Take up the open files where the ledger says that they end, and cut off the rest."""
        known = set()
        rows = self._ledger.connection.execute(
            "SELECT id, name, shard, generation, bytes, is_closed FROM segments"
            " ORDER BY shard, generation"
        )
        for number, name, shard, generation, num_bytes, is_closed in rows:
            known.add(name)
            self._generations[shard] = generation
            if is_closed:
                continue
            _cut(self.folder / name, num_bytes)
            if shard in self._open:
                self._full.append(self._open[shard])
            self._open[shard] = Segment(
                id=number, name=name, shard=shard, generation=generation, num_bytes=num_bytes
            )
        for path in self.folder.rglob(f"*{self._suffix}"):
            if path.relative_to(self.folder).as_posix() not in known:
                path.unlink()

    def append(self, shard: int, stream: IO[bytes]) -> tuple[Segment, int]:
        """Append a stream to the open file of a shard; return the file and the offset.

        Each call must be followed by `written` after its commit, or by `given_up`.
        """
        with self._lock:
            segment = self._open.get(shard)
            if segment is None or segment.num_bytes >= self._max_bytes:
                segment = self._start(shard)
            before = offset = segment.num_bytes
            path = self.folder / segment.name
            try:
                with path.open("r+b" if offset else "wb") as file:
                    file.seek(offset)
                    if not offset and self._opening is not None:
                        offset = file.write(self._opening(segment.name))
                    shutil.copyfileobj(stream, file, 1 << 20)
                    file.flush()
                    os.fdatasync(file.fileno())
                    segment.num_bytes = file.tell()
            except OSError as error:
                _cut(path, before)
                raise cannot_write(path, error) from error
            segment.num_pending += 1
            return segment, offset

    def commit(self, segment: Segment, end: int) -> None:
        """Say in the ledger, within the caller's transaction, that a file counts up to `end`."""
        self._ledger.connection.execute(
            "INSERT INTO segments VALUES (?, ?, ?, ?, ?, 1, 0, NULL) ON CONFLICT(id) DO UPDATE"
            " SET bytes = max(bytes, excluded.bytes), num_items = num_items + 1",
            (segment.id, segment.name, segment.shard, segment.generation, end),
        )

    def written(self, segment: Segment) -> None:
        """Note that one appended piece is committed."""
        with self._lock:
            segment.num_pending -= 1

    given_up = written

    def full(self) -> list[Segment]:
        """Return the files that nothing is appended to any more, all of whose pieces are in."""
        with self._lock:
            return [segment for segment in self._full if not segment.num_pending]

    def seal(self) -> None:
        """Append no more to the files that are open now."""
        with self._lock:
            self._full += self._open.values()
            self._open.clear()

    def close(self, segment: Segment, digest: str, *, empty: bytes = b"") -> None:
        """Say in the ledger, within the caller's transaction, that a file is closed.

        Args:
            empty: what a file holds that got items and no bytes.
        """
        connection = self._ledger.connection
        if not self._committed_bytes(segment):
            (self.folder / segment.name).write_bytes(empty)
            connection.execute(
                "UPDATE segments SET bytes = ? WHERE id = ?", (len(empty), segment.id)
            )
        connection.execute(
            "UPDATE segments SET is_closed = 1, digest = ? WHERE id = ?", (digest, segment.id)
        )

    def closed(self, segment: Segment) -> None:
        """Forget a file that the ledger calls closed; what is behind its end is cut off."""
        with self._lock:
            self._full.remove(segment)
        self.cut(segment)

    def cut(self, segment: Segment) -> None:
        """Cut off what is behind the end that the ledger says."""
        _cut(self.folder / segment.name, self._committed_bytes(segment))

    def remove(self, segment: Segment) -> None:
        """Delete a full file of which nothing was committed."""
        with self._lock:
            self._full.remove(segment)
        (self.folder / segment.name).unlink(missing_ok=True)

    def names(self) -> dict[int, str]:
        """Return the names of all files by id."""
        return dict(self._ledger.connection.execute("SELECT id, name FROM segments"))

    def list_closed(self) -> Iterator[ClosedSegment]:
        """Yield the closed files that hold anything, by name."""
        rows = self._ledger.connection.execute(
            "SELECT id, name, bytes, num_items, digest FROM segments WHERE is_closed ORDER BY name"
        )
        for number, name, num_bytes, num_items, digest in rows:
            yield ClosedSegment(
                id=number, name=name, num_bytes=num_bytes, num_items=num_items, digest=digest
            )

    def _committed_bytes(self, segment: Segment) -> int:
        query = "SELECT bytes FROM segments WHERE id = ?"
        return int(self._ledger.connection.execute(query, (segment.id,)).fetchone()[0])

    def _start(self, shard: int) -> Segment:
        full = self._open.pop(shard, None)
        if full is not None:
            self._full.append(full)
        generation = self._generations.get(shard, -1) + 1
        self._generations[shard] = generation
        name = f"{self._stem_of(shard)}-{generation:05d}{self._suffix}"
        (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
        segment = Segment(id=self._next_id, name=name, shard=shard, generation=generation)
        self._next_id += 1
        self._open[shard] = segment
        return segment


def _length(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _cut(path: Path, num_bytes: int) -> None:
    if _length(path) > num_bytes:
        os.truncate(path, num_bytes)
