"""A crawl of GitHub's stand-in with short waits, and the repositories that the tests serve."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path

import msgspec

from gristmill.corpus.crawl.context import CrawlContext
from gristmill.corpus.crawl.fetcher import Fetcher
from gristmill.corpus.crawl.github.facts import RepositoryFacts, read_facts
from gristmill.corpus.crawl.github.metadata import Metadata
from gristmill.corpus.crawl.guard import Guard
from gristmill.corpus.crawl.ledger import Ledger
from gristmill.corpus.crawl.manners import Manners
from gristmill.corpus.crawl.settings import Endpoints, GithubCrawl
from gristmill.corpus.standins.github import (
    GithubStandin,
    StandinComment,
    StandinIssue,
    StandinRepository,
)

TOKEN = "loopback-token"
BORN = datetime(2020, 1, 1, 12, tzinfo=timezone.utc)
COMMIT = "0123456789abcdef0123456789abcdef01234567"
AGENT = "gristmill-test (+mailto:test@example.org)"
QUICK = Manners(
    requests_per_second=1e6,
    burst=1000,
    max_attempts=3,
    backoff_seconds=0.01,
    pause_seconds=0.1,
    max_pauses=1,
    connect_seconds=2,
    read_seconds=2,
)
Make = Callable[..., GithubStandin]


def repository(number: int, full_name: str, **changes: object) -> StandinRepository:
    fields: dict[str, object] = {
        "id": number,
        "full_name": full_name,
        "created_at": BORN,
        "pushed_at": BORN,
        "commit": COMMIT,
        "stars": 5,
        "licence": "MIT",
    }
    return StandinRepository(**(fields | changes))  # type: ignore[arg-type]


def issue(number: int, body: str, *answers: tuple[str, str], **changes: object) -> StandinIssue:
    comments = tuple(
        StandinComment(
            id=1000 * number + index,
            author=author,
            body=text,
            created_at=BORN + timedelta(minutes=number, seconds=index + 1),
        )
        for index, (author, text) in enumerate(answers)
    )
    fields: dict[str, object] = {
        "id": number,
        "number": number,
        "title": f"Problem {number}",
        "author": "reporter",
        "created_at": BORN + timedelta(minutes=number),
        "body": body,
        "comments": comments,
    }
    return StandinIssue(**(fields | changes))  # type: ignore[arg-type]


class Crawl:
    """One crawl's folder, which may be run again and again."""

    def __init__(self, standin: GithubStandin, folder: Path, **settings: object) -> None:
        self.standin = standin
        self.folder = folder
        self.notes: list[str] = []
        self.opt_out: Path | None = None
        self.environment = {"GITHUB_TOKEN": TOKEN}
        self.secondary_seconds = 0.2
        self.stop_at_note = ""
        self.is_refreshed = False
        self.endpoints = msgspec.convert(msgspec.structs.asdict(standin.endpoints), Endpoints)
        self.settings = GithubCrawl(name="test", **settings)  # type: ignore[arg-type]

    def change(self, **settings: object) -> "Crawl":
        self.settings = msgspec.structs.replace(self.settings, **settings)
        return self

    def run(self) -> "Crawl":
        asyncio.run(self._run())
        return self

    async def _run(self) -> None:
        stop = asyncio.Event()

        def note(text: str) -> None:
            self.notes.append(text)
            if self.stop_at_note and self.stop_at_note in text:
                stop.set()

        fetcher = Fetcher(
            guard=Guard(allow_loopback=True), user_agent=AGENT, manners=QUICK, note=note
        )
        with Ledger(self.folder) as ledger:
            ledger.revive()
            async with fetcher:
                context = CrawlContext(
                    folder=self.folder,
                    base=self.folder.parent,
                    ledger=ledger,
                    fetcher=fetcher,
                    endpoints=self.endpoints,
                    allow_loopback=True,
                    opt_out=self.opt_out,
                    stop=stop,
                    note=note,
                    user_agent=AGENT,
                )
                metadata = Metadata(
                    context,
                    self.settings,
                    environment=self.environment,
                    wait_seconds=0.05,
                    secondary_seconds=self.secondary_seconds,
                )
                if self.is_refreshed:
                    metadata.issues.refresh()
                await metadata.find()
                await metadata.issues.run()
                metadata.issues.files.close()
            ledger.add_host_counts(fetcher.hosts.take_counts())

    def items(self, kind: str) -> dict[str, str]:
        """Return of each item its reason, or its state if it has none."""
        with Ledger(self.folder) as ledger:
            rows = ledger.connection.execute(
                "SELECT id, state, reason FROM items WHERE kind = ? ORDER BY id", (kind,)
            )
            return {item_id: reason or state for item_id, state, reason in rows}

    def facts(self, kind: str, item_id: str) -> RepositoryFacts:
        with Ledger(self.folder) as ledger:
            item = ledger.get(kind, item_id)
            assert item is not None
            facts = read_facts(item.facts)
            assert facts is not None
            return facts

    def asked(self, part: str = "") -> list[str]:
        """Return the paths of requests that contain something."""
        requests = self.standin.requests
        return [request.path_qs for request in requests if part in request.path_qs]

    def listing(self, *lines: str) -> "Crawl":
        """Write the list of repositories, and crawl by it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder.parent / "repositories.txt"
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return self
