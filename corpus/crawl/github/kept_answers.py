"""Ends of listings, kept with their ETag, so that asking again costs nothing unless they grew.

GitHub does not count an answer 304 to a request with a token.
"""

import msgspec
import zstandard

from ..ledger import Ledger

MAX_KEPT_BYTES = 8 << 20
_TABLE = """
CREATE TABLE IF NOT EXISTS kept_answers(
    url TEXT PRIMARY KEY, etag TEXT NOT NULL, body BLOB NOT NULL
) WITHOUT ROWID
"""


class KeptAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A body and its ETag."""

    etag: str
    body: bytes


class KeptAnswers:
    """The kept answers of one crawl."""

    def __init__(self, ledger: Ledger) -> None:
        self._connection = ledger.connection
        self._connection.execute(_TABLE)

    def get(self, url: str) -> KeptAnswer | None:
        """Return what is kept of a URL."""
        row = self._connection.execute(
            "SELECT etag, body FROM kept_answers WHERE url = ?", (url,)
        ).fetchone()
        if row is None:
            return None
        body = zstandard.ZstdDecompressor().decompress(row[1], max_output_size=MAX_KEPT_BYTES)
        return KeptAnswer(etag=row[0], body=body)

    def keep(self, url: str, *, etag: str, body: bytes) -> None:
        """Keep an answer, unless it is too long."""
        if len(body) > MAX_KEPT_BYTES:
            return
        packed = zstandard.ZstdCompressor().compress(body)
        self._connection.execute(
            "INSERT OR REPLACE INTO kept_answers VALUES (?, ?, ?)", (url, etag, packed)
        )
