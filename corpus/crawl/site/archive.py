"""The archive of a site's crawl: WARC files that only grow, each exchange written and then counted.

As Common Crawl does, pages lie in `warc/` and everything else, such as robots.txt, redirects and
errors, in `diagnostics/`: a build reads the former only. Called from the ledger's thread.
"""

import io
import re
import time
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import Final, Literal

from ...errors import GristmillError
from ...storage import digest_file
from ..ledger import Ledger
from ..manifest import CrawlFile
from ..segments import Segment, Segments
from .warc import CrawlFacts, encode_warcinfo

Part = Literal["warc", "diagnostics"]
SUFFIX: Final = ".warc.gz"
_MAX_STEM = 200  # a file name has at most 255 bytes
_NOT_NAME = re.compile(r"[^a-z0-9.-]")
_TABLE = """
CREATE TABLE IF NOT EXISTS archives(
    shard INTEGER PRIMARY KEY, part TEXT NOT NULL, host TEXT NOT NULL, stem TEXT NOT NULL UNIQUE,
    UNIQUE(part, host)
)
"""


class Archive:
    """The WARC files of one crawl, for each host its own."""

    def __init__(self, ledger: Ledger, folder: Path, *, max_bytes: int, facts: CrawlFacts) -> None:
        """Take the files up where the ledger says that they end.

        Raises:
            GristmillError: if one is shorter than that.
        """
        self._ledger = ledger
        self._facts = facts
        ledger.connection.execute(_TABLE)
        self._segments = Segments(
            ledger,
            folder,
            suffix=SUFFIX,
            max_bytes=max_bytes,
            stem_of=self._stem_of,
            opening=self._warcinfo,
        )
        lost = self._segments.find_lost()
        if lost:
            name = self._segments.names()[min(lost)]
            raise GristmillError(
                f"its file {name} is shorter than its ledger says",
                where=str(folder),
                todo="Restore the file, or remove the folder and crawl again.",
            )
        self._segments.resume()

    def write(self, part: Part, host: str, records: bytes, settle: Callable[[], None]) -> None:
        """Append the records of one exchange, and commit them with what `settle` says of it."""
        shard = self._shard(part, host)
        segment, _ = self._segments.append(shard, io.BytesIO(records))
        try:
            with self._ledger.transaction():
                self._segments.commit(segment, segment.num_bytes)
                settle()
        finally:
            self._segments.written(segment)

    def close(self) -> list[CrawlFile]:
        """Close all files, so that later exchanges start new ones; return them for the manifest."""
        self._segments.seal()
        for segment in self._segments.full():
            self._close(segment)
        return [
            CrawlFile(
                name=closed.name,
                size_bytes=closed.num_bytes,
                digest=closed.digest,
                num_items=closed.num_items,
            )
            for closed in self._segments.list_closed()
        ]

    def _close(self, segment: Segment) -> None:
        if segment.id not in self._segments.names():  # nothing in it was committed
            self._segments.remove(segment)
            return
        self._segments.cut(segment)
        digest = digest_file(str(self._segments.folder / segment.name))
        self._segments.close(segment, digest)
        self._segments.closed(segment)

    def _shard(self, part: Part, host: str) -> int:
        connection = self._ledger.connection
        query = "SELECT shard FROM archives WHERE part = ? AND host = ?"
        found = connection.execute(query, (part, host)).fetchone()
        if found is not None:
            return int(found[0])
        stem = f"{part}/{_NOT_NAME.sub('_', host)[:_MAX_STEM]}"
        (shard,) = connection.execute("SELECT count(*) FROM archives").fetchone()
        if connection.execute("SELECT 1 FROM archives WHERE stem = ?", (stem,)).fetchone():
            stem += f"_{shard}"
        connection.execute("INSERT INTO archives VALUES (?, ?, ?, ?)", (shard, part, host, stem))
        return int(shard)

    def _stem_of(self, shard: int) -> str:
        query = "SELECT stem FROM archives WHERE shard = ?"
        (stem,) = self._ledger.connection.execute(query, (shard,)).fetchone()
        return str(stem)

    def _warcinfo(self, name: str) -> bytes:
        now = datetime.fromtimestamp(time.time(), timezone.utc)
        return encode_warcinfo(Path(name).name, now, self._facts)
