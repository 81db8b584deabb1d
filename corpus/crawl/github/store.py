"""Where crawled repositories are kept: every blob once, however many repositories hold it.

A repository's new blobs are appended to the segment of its shard as frames; then one transaction
says where its files' contents lie and that it is done. What a killed process had not committed is
cut off when the store is opened again.
"""

import sqlite3
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from urllib.parse import quote

import msgspec

from ...ids import digest_parts
from ..blob_frames import EMPTY_FRAME, FramePacker, Place
from ..ledger import Ledger
from ..manifest import CrawlFile
from ..segments import Segment, Segments
from .files import RepositoryFile
from .index import (
    SEGMENT_SUFFIX,
    RepositoryFacts,
    StoredFile,
    index_name,
    pack_listing,
    unpack_listing,
    write_index,
)
from .lost import return_lost

FOLDER = "repositories"
SPOOL_BYTES = 16 << 20
_TABLES = """
CREATE TABLE IF NOT EXISTS blobs(
    sha BLOB PRIMARY KEY, segment INTEGER NOT NULL, frame_offset INTEGER NOT NULL,
    frame_bytes INTEGER NOT NULL, member_offset INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS listings(
    repository INTEGER PRIMARY KEY, full_name TEXT NOT NULL, segment INTEGER NOT NULL,
    facts BLOB NOT NULL, files BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS listings_of_segment ON listings(segment, full_name, repository);
"""


class StoreSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How crawled repositories lie on the disk.

    Args:
        max_segment_bytes: a longer file is closed and followed by another.
        num_shards: into how many files at a time the repositories are hashed by id.
        frame_bytes: how many bytes of blobs are packed, and later unpacked, together.
        compression_level: zstd's.
    """

    max_segment_bytes: int = 1 << 30
    num_shards: int = 8
    frame_bytes: int = 4 << 20
    compression_level: int = 3


class Collected(msgspec.Struct, frozen=True, kw_only=True):
    """A repository whose blobs are on the disk and not in the ledger yet."""

    facts: RepositoryFacts
    segment: Segment
    end: int
    places: dict[bytes, Place]
    listing: bytes
    num_files: int
    num_bytes: int  # of all files with content
    num_new_bytes: int  # appended, compressed
    num_known_blobs: int  # that another repository had brought


class RepositoryStore:
    """The repositories of one crawl. `collect` may run in any thread, all else in the ledger's.

    Attributes:
        num_returned: repositories that wait again because their blobs were gone from the disk.
    """

    def __init__(
        self, ledger: Ledger, settings: StoreSettings, *, kind: str = "repository"
    ) -> None:
        """Open the store in the ledger's folder.

        Args:
            kind: of the ledger's items that are repositories; their ids are the forge's.
        """
        self._ledger = ledger
        self._settings = settings
        self._folder = ledger.folder / FOLDER
        ledger.connection.executescript(_TABLES)
        self._segments = Segments(
            ledger,
            self._folder,
            suffix=SEGMENT_SUFFIX,
            max_bytes=settings.max_segment_bytes,
        )
        self.num_returned = return_lost(ledger, self._segments, kind)
        self._segments.resume()

    def collect(self, facts: RepositoryFacts, files: Iterable[RepositoryFile]) -> Collected:
        """Append a repository's new blobs to its segment; `commit` or `give_up` must follow.

        What `files` raises is passed on, and nothing has been appended then.
        """
        settings = self._settings
        with (
            tempfile.SpooledTemporaryFile(SPOOL_BYTES, dir=str(self._folder)) as spool,
            closing(self._reader()) as reader,
        ):
            packer = FramePacker(
                spool, frame_bytes=settings.frame_bytes, level=settings.compression_level
            )
            listed, known = _pack(files, packer, reader)
            spool.seek(0)
            shard = digest_parts("crawl-shard", (str(facts.id),), size=8)
            segment, offset = self._segments.append(
                int.from_bytes(shard, "little") % settings.num_shards, spool
            )
        places = packer.places(segment.id, offset)
        found = {**known, **places}
        stored = [
            msgspec.structs.replace(file, place=found[file.sha]) if file.reason is None else file
            for file in listed
        ]
        return Collected(
            facts=facts,
            segment=segment,
            end=offset + packer.num_bytes,
            places=places,
            listing=pack_listing(stored),
            num_files=len(stored),
            num_bytes=sum(file.num_bytes for file in stored if file.reason is None),
            num_new_bytes=packer.num_bytes,
            num_known_blobs=len(known),
        )

    def commit(self, collected: Collected, *, settle: Callable[[], None] | None = None) -> None:
        """Take a repository up, in one transaction with what `settle` writes to the ledger."""
        facts, segment = collected.facts, collected.segment
        with self._ledger.transaction() as connection:
            connection.executemany(
                "INSERT OR IGNORE INTO blobs VALUES (?, ?, ?, ?, ?)",
                (
                    (sha, place.segment, place.frame_offset, place.frame_bytes, place.member_offset)
                    for sha, place in collected.places.items()
                ),
            )
            encoded = msgspec.json.encode(facts)
            connection.execute(
                "INSERT INTO listings VALUES (?, ?, ?, ?, ?)",
                (facts.id, facts.full_name, segment.id, encoded, collected.listing),
            )
            self._segments.commit(segment, collected.end)
            if settle is not None:
                settle()
        self._segments.written(segment)

    def give_up(self, collected: Collected) -> None:
        """Leave a collected repository out."""
        self._segments.given_up(collected.segment)

    def close_full(self) -> None:
        """Close the segments that are full, and index them."""
        for segment in self._segments.full():
            self._close(segment)

    def close(self) -> None:
        """Close and index every segment; a later `collect` starts new ones."""
        self._segments.seal()
        self.close_full()

    def files(self) -> list[CrawlFile]:
        """Return the closed files, for the manifest: every segment and its index."""
        found = []
        for segment in self._segments.list_closed():
            index = index_name(segment.name)
            sizes = {segment.name: segment.num_bytes}
            sizes[index] = (self._folder / index).stat().st_size
            found += [
                CrawlFile(
                    name=f"{FOLDER}/{name}",
                    size_bytes=size,
                    digest=segment.digest,
                    num_items=segment.num_items,
                )
                for name, size in sizes.items()
            ]
        return found

    def _reader(self) -> sqlite3.Connection:
        """Return a connection of the calling thread's own, which sees what is committed."""
        path = quote(str((self._ledger.folder / "ledger.sqlite").absolute()))
        reader = sqlite3.connect(f"file:{path}?mode=ro", uri=True, isolation_level=None)
        reader.execute("BEGIN")  # one snapshot: a lock for each question costs more than it
        return reader

    def _close(self, segment: Segment) -> None:
        if segment.id not in self._segments.names():  # all that came was given up
            self._segments.remove(segment)
            return
        target = self._folder / index_name(segment.name)
        digest = write_index(target, self._listings(segment), self._segments.names())
        with self._ledger.transaction() as connection:
            self._segments.close(segment, digest, empty=EMPTY_FRAME)
            connection.execute("DELETE FROM listings WHERE segment = ?", (segment.id,))
        self._segments.closed(segment)

    def _listings(self, segment: Segment) -> Iterator[tuple[RepositoryFacts, list[StoredFile]]]:
        connection = self._ledger.connection
        ids = connection.execute(
            "SELECT repository FROM listings WHERE segment = ? ORDER BY full_name, repository",
            (segment.id,),
        ).fetchall()
        for (repository,) in ids:
            facts, files = connection.execute(
                "SELECT facts, files FROM listings WHERE repository = ?", (repository,)
            ).fetchone()
            yield msgspec.json.decode(facts, type=RepositoryFacts), unpack_listing(files)


def _pack(
    files: Iterable[RepositoryFile], packer: FramePacker, reader: sqlite3.Connection
) -> tuple[list[StoredFile], dict[bytes, Place]]:
    """Pack the blobs that are new; return the listing without places, and the known places."""
    listed: list[StoredFile] = []
    known: dict[bytes, Place] = {}
    query = "SELECT segment, frame_offset, frame_bytes, member_offset FROM blobs WHERE sha = ?"
    for file in files:
        sha = bytes.fromhex(file.sha)
        listed.append(
            StoredFile(file.path, file.mode, sha, file.num_bytes, file.reason, file.error, None)
        )
        if file.data is None or sha in packer or sha in known:
            continue
        if (row := reader.execute(query, (sha,)).fetchone()) is not None:
            known[sha] = Place(*row)
        else:
            packer.add(sha, file.data)
    packer.finish()
    return listed, known
