"""Where one test crawls a small Common Crawl, with short waits."""

from pathlib import Path
from typing import Any

import msgspec

from gristmill.corpus.crawl.manifest import CrawlManifest, read_manifest
from gristmill.corpus.crawl.manners import Manners
from gristmill.corpus.crawl.run import CrawlResult
from gristmill.corpus.crawl.settings import CommonCrawl, CrawlSettings, Endpoints
from gristmill.corpus.standins.commoncrawl.tree import Tree
from gristmill.pipelines.crawl import run_crawls

QUICK = Manners(
    requests_per_second=1e6,
    burst=1000,
    max_attempts=3,
    backoff_seconds=0.005,
    max_backoff_seconds=0.02,
    pause_seconds=0.02,
    max_pauses=1,
    connect_seconds=2,
    read_seconds=2,
)


Table = dict[str, Any]  # keys of [[crawl.commoncrawl]]


class Place(msgspec.Struct, kw_only=True):
    """Where one test crawls: its archive, and its build directory."""

    url: str
    out: Path
    tree: Tree
    notes: list[str]

    @property
    def folder(self) -> Path:
        return self.out / "crawl/cc"

    def crawl(self, *, url: str | None = None, **changes: Any) -> CrawlResult:
        """Crawl, all WARC files unless told otherwise."""
        table: Table = {"name": "cc", "crawl": self.tree.crawl, "manners": QUICK}
        settings = CrawlSettings(
            contact="mailto:test@example.org",
            allow_loopback=True,
            opt_out="opt_out.txt" if (self.out / "opt_out.txt").exists() else None,
            endpoints=Endpoints(commoncrawl=url or self.url),
            commoncrawl=(CommonCrawl(**(table | changes)),),
        )
        outcome = run_crawls(
            settings,
            out=str(self.out),
            base=str(self.out),
            report=lambda _: None,
            note=self.notes.append,
        )
        return outcome.crawls[0]

    def manifest(self) -> CrawlManifest:
        return read_manifest(str(self.folder))

    def outputs(self) -> dict[str, bytes]:
        """Return what a build would read."""
        names = [file.name for file in self.manifest().files]
        return {Path(name).name: (self.folder / name).read_bytes() for name in names}
