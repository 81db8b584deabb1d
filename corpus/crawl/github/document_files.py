"""Files of documents that only grow: JSON lines in zstd frames, closed when they are long enough.

How long a file is stands in the ledger; what a killed process had written behind that is cut off.
"""

import os
from collections.abc import Sequence
from hashlib import blake2b
from pathlib import Path

import msgspec
import zstandard

from ...errors import StorageError
from ...ids import ID_BYTES
from ..disk import cannot_write
from ..ledger import Ledger
from ..manifest import CrawlFile

FOLDER = "issues"
SUFFIX = ".jsonl.zst"
READ_BYTES = 1 << 20
_TABLE = """
CREATE TABLE IF NOT EXISTS document_files(
    number INTEGER PRIMARY KEY, bytes INTEGER NOT NULL, num_items INTEGER NOT NULL,
    digest TEXT
)
"""


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """One discussion, in the fields that a source of documents reads.

    Args:
        id: `owner/name#number`.
        created: Unix seconds, UTC, of the issue.
        licence: SPDX id of the repository.
    """

    id: str
    text: str
    url: str
    language: str = "Markdown"
    repository: str
    repository_id: int
    created: int
    licence: str | None
    stars: int
    num_comments: int


class DocumentFiles:
    """The documents of one crawl."""

    def __init__(self, ledger: Ledger, *, max_file_bytes: int) -> None:
        """Open them in the ledger's folder, and cut off what was never committed."""
        self._connection = ledger.connection
        self._folder = ledger.folder / FOLDER
        self._max_file_bytes = max_file_bytes
        self._connection.execute(_TABLE)
        self._cut()

    def append(self, documents: Sequence[Document]) -> None:
        """Write documents, within the caller's transaction: they count once it is committed."""
        if not documents:
            return
        lines = b"".join(msgspec.json.encode(document) + b"\n" for document in documents)
        frame = zstandard.ZstdCompressor(level=10, write_checksum=True).compress(lines)
        number, start = self._open_file()
        path = self._path(number)
        try:
            self._folder.mkdir(exist_ok=True)
            with path.open("r+b" if start else "wb") as file:
                file.truncate(start)  # what a transaction that failed had written
                file.seek(start)
                file.write(frame)
                file.flush()
                os.fdatasync(file.fileno())
        except OSError as error:
            raise cannot_write(path, error) from error
        self._connection.execute(
            "UPDATE document_files SET bytes = ?, num_items = num_items + ? WHERE number = ?",
            (start + len(frame), len(documents), number),
        )

    def close(self) -> list[CrawlFile]:
        """Close the file that is open, and return all that hold anything, for the manifest."""
        rows = self._connection.execute("SELECT number FROM document_files WHERE digest IS NULL")
        for (number,) in rows.fetchall():
            self._connection.execute(
                "UPDATE document_files SET digest = ? WHERE number = ?",
                (_digest(self._path(number)), number),
            )
        rows = self._connection.execute(
            "SELECT number, bytes, num_items, digest FROM document_files"
            " WHERE num_items > 0 ORDER BY number"
        )
        return [
            CrawlFile(
                name=f"{FOLDER}/{number:05d}{SUFFIX}",
                size_bytes=size,
                num_items=num_items,
                digest=digest,
            )
            for number, size, num_items, digest in rows
        ]

    def _open_file(self) -> tuple[int, int]:
        row = self._connection.execute(
            "SELECT number, bytes FROM document_files WHERE digest IS NULL ORDER BY number DESC"
        ).fetchone()
        if row is not None and row[1] < self._max_file_bytes:
            return int(row[0]), int(row[1])
        (last,) = self._connection.execute("SELECT max(number) FROM document_files").fetchone()
        number = 0 if last is None else last + 1
        self._connection.execute("INSERT INTO document_files VALUES (?, 0, 0, NULL)", (number,))
        return number, 0

    def _cut(self) -> None:
        known = set()
        for number, size in self._connection.execute("SELECT number, bytes FROM document_files"):
            path = self._path(number)
            known.add(path.name)
            found = path.stat().st_size if path.exists() else 0
            if found < size:
                raise StorageError(
                    f"it has {found} bytes, {size} were written",
                    where=str(path),
                    todo="Restore it from a backup, or crawl into another folder.",
                )
            if found > size:
                os.truncate(path, size)
        for path in self._folder.glob(f"*{SUFFIX}"):
            if path.name not in known:
                path.unlink()

    def _path(self, number: int) -> Path:
        return self._folder / f"{number:05d}{SUFFIX}"


def _digest(path: Path) -> str:
    hasher = blake2b(digest_size=ID_BYTES)
    with path.open("rb") as stream:
        while piece := stream.read(READ_BYTES):
            hasher.update(piece)
    return hasher.hexdigest()
