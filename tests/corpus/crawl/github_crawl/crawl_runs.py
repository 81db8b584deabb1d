"""Runs a crawl of GitHub's stand-in as often as wanted, in this process or in one of its own."""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from datetime import date
from pathlib import Path

import msgspec
import zstandard

from gristmill.corpus.crawl.ledger import Item, Ledger
from gristmill.corpus.crawl.manifest import CrawlManifest, read_manifest
from gristmill.corpus.crawl.manners import Manners
from gristmill.corpus.crawl.run import CrawlResult
from gristmill.corpus.crawl.settings import CrawlSettings, Endpoints, GithubCrawl
from gristmill.corpus.memo import DigestMemo
from gristmill.corpus.record import Record
from gristmill.corpus.sources import ReadLimits, SourceSpec, list_units, read_unit
from gristmill.corpus.standins.github import GithubStandin
from gristmill.pipelines.crawl import CrawlOutcome, run_crawls

FIXTURES = Path(__file__).resolve().parents[4] / "fixtures"
FEW = frozenset(
    (
        "gristmill/edge-cases",
        "hughsk/glsl-noise",
        "hukkin/tomli",
        "byorgey/split",
        "gristmill-fork/tinyxml2",
        "leethomason/tinyxml2",
    )
)
QUICK = Manners(
    requests_per_second=1e6,
    burst=1000,
    max_attempts=3,
    backoff_seconds=0.01,
    max_backoff_seconds=0.05,
    pause_seconds=0.05,
    max_pauses=1,
    connect_seconds=2,
    read_seconds=2,
    low_speed_seconds=0.5,
)
SPEC = SourceSpec(name="s", kind="repository", component="code", crawl="hub")
DEFAULTS: dict[str, object] = {
    "since": 0,
    "created_before": date(2024, 1, 1),
    "shards": 3,
    "api": QUICK,
    "downloads": QUICK,
}


class Runs:
    """One crawl's folder and settings."""

    def __init__(self, standin: GithubStandin, out: Path, changes: dict[str, object]) -> None:
        self.standin = standin
        self.out = out
        self.folder = out / "crawl/hub"
        self.notes: list[str] = []
        self.opt_out: str | None = None
        self.endpoints = msgspec.convert(msgspec.structs.asdict(standin.endpoints), Endpoints)
        self.crawl = GithubCrawl(name="hub", **(DEFAULTS | changes))  # type: ignore[arg-type]

    def run(self, report: Callable[[CrawlResult], None] = lambda result: None) -> CrawlOutcome:
        """Crawl in this process."""
        settings = CrawlSettings(
            contact="mailto:test@example.org",
            allow_loopback=True,
            endpoints=self.endpoints,
            opt_out=self.opt_out,
            github=(self.crawl,),
        )
        return run_crawls(
            settings,
            out=str(self.out),
            base=str(self.out),
            report=report,
            note=self.notes.append,
        )

    def start(self, *prefix: str) -> "subprocess.Popen[str]":
        """Crawl in a process of its own, by the command line."""
        self.out.mkdir(exist_ok=True)
        recipe = self.out / "recipe.toml"
        endpoints = msgspec.structs.asdict(self.endpoints)
        lines = [
            'name = "test"',
            "[crawl]",
            'contact = "mailto:test@example.org"',
            "allow_loopback = true",
            f"endpoints = {_toml(endpoints)}",
            "[[crawl.github]]",
        ]
        lines += [f"{name} = {_toml(value)}" for name, value in _given(self.crawl).items()]
        recipe.write_text("\n".join(lines) + "\n", encoding="utf-8")
        command = [sys.executable, "-m", "gristmill", "crawl", "github", str(recipe)]
        return subprocess.Popen(
            [*prefix, *command, "--out", str(self.out)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def asked(self, part: str) -> Counter[str]:
        """Return how often each path with a part in it was asked for."""
        found = (request.path_qs for request in self.standin.requests)
        return Counter(path for path in found if part in path)

    def items(self, kind: str = "content") -> dict[str, Item]:
        """Return the ledger's items of a kind, by repository."""
        with Ledger(self.folder) as ledger:
            rows = ledger.connection.execute("SELECT id FROM items WHERE kind = ?", (kind,))
            found = [ledger.get(kind, item_id) for (item_id,) in rows.fetchall()]
        return {msgspec.json.decode(item.facts)["full_name"]: item for item in found if item}

    def manifest(self) -> CrawlManifest:
        return read_manifest(str(self.folder))

    def documents(self) -> list[bytes]:
        """Return the discussions that a build reads, sorted."""
        lines: list[bytes] = []
        for file in self.manifest().files:
            if file.name.startswith("issues/"):
                with (self.folder / file.name).open("rb") as stream:
                    lines += (
                        zstandard.ZstdDecompressor()
                        .stream_reader(stream, read_across_frames=True)
                        .read()
                        .splitlines()
                    )
        return sorted(lines)

    def records(self) -> list[Record]:
        """Return what a build reads."""
        units = list_units(SPEC, base=".", memo=DigestMemo(), crawls=str(self.out / "crawl"))
        return [record for unit in units for record in read_unit(unit, ReadLimits())]


def alike(records: list[Record]) -> list[Record]:
    """Return records without the file that they lie in, sorted."""
    plain = [msgspec.structs.replace(record, origin_file="") for record in records]
    return sorted(plain, key=lambda record: (record.collection, record.path))


def _given(crawl: GithubCrawl) -> dict[str, object]:
    fields = msgspec.to_builtins(crawl, builtin_types=(date,))
    return {name: value for name, value in fields.items() if value is not None}


def _toml(value: object) -> str:
    """Return a value as TOML, tables on one line."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_toml(each)}" for key, each in value.items()) + " }"
    return value.isoformat() if isinstance(value, date) else json.dumps(value)
