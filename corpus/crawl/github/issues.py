"""Fetches the discussions of repositories and keeps them as documents, a page at a time.

With hours of GH Archive in the recipe they come from its events, which costs no request; else the
API is asked, page by page in the order of their birth, so that a page that is done stays done.
"""

from collections.abc import Iterable
from datetime import datetime, timezone

import msgspec

from ..context import CrawlContext
from ..ledger import Item
from ..pool import ITEM_WAIT_SECONDS, work_off
from ..settings import GithubCrawl
from .api import GithubApi
from .archive_issues import ArchivedIssues
from .document_files import Document, DocumentFiles
from .events import User
from .facts import RepositoryFacts, read_facts
from .issue_text import thread_text
from .issue_thread import Comment, Thread, is_app
from .replies import UnavailableError
from .rules import ISSUES

PER_PAGE = 100
DROPS = "issue_drops"


class RestIssue(msgspec.Struct, frozen=True, kw_only=True):
    """An issue or pull request of a REST listing."""

    number: int
    title: str
    created_at: datetime
    body: str | None = None
    user: User | None = None
    comments: int = 0
    pull_request: dict[str, object] | None = None


class RestComment(msgspec.Struct, frozen=True, kw_only=True):
    """A comment of a REST listing."""

    created_at: datetime
    body: str | None = None
    user: User | None = None


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """How far a repository's issues were read.

    Attributes:
        next_url: of the page that comes next; None when all were read.
        started: when this reading began; the next one asks for what changed since.
        num_bytes: of the documents so far.
    """

    next_url: str | None
    started: str
    num_bytes: int = 0


class IssueCrawl:
    """Works off the ledger's items of kind `issues`."""

    def __init__(
        self,
        context: CrawlContext,
        settings: GithubCrawl,
        api: GithubApi,
        *,
        wait_seconds: float = ITEM_WAIT_SECONDS,
    ) -> None:
        self._context = context
        self._ledger = context.ledger
        self._settings = settings
        self._api = api
        self._files = DocumentFiles(context.ledger, max_file_bytes=settings.max_segment_bytes)
        self._archived = ArchivedIssues(context.ledger)
        self._wait_seconds = wait_seconds

    @property
    def files(self) -> DocumentFiles:
        """Where the documents are."""
        return self._files

    async def run(self) -> None:
        """Fetch until nothing waits, or the crawl is to stop."""
        work = self._from_archive if self._settings.hours is not None else self._from_api
        await work_off(
            self._ledger,
            ISSUES,
            work,
            concurrency=self._settings.concurrency,
            stop=self._context.stop,
            wait_seconds=self._wait_seconds,
        )

    def drops(self) -> dict[str, int]:
        """Return how many discussions gave no document, by reason."""
        encoded = self._ledger.cursor(DROPS)
        return {} if encoded is None else msgspec.json.decode(encoded, type=dict[str, int])

    def refresh(self) -> int:
        """Let what is done wait again, for the discussions that changed since; return how many."""
        items = list(self._ledger.each(ISSUES, "done"))
        with self._ledger.transaction():
            for item in items:
                self._ledger.settle(ISSUES, item.id, "waiting", num_bytes=item.num_bytes)
        return len(items)

    async def _from_archive(self, item: Item) -> None:
        facts = _facts(item)
        threads = self._archived.threads(facts.id)
        documents, drops = _documents(facts, threads)
        with self._ledger.transaction():
            num_bytes = self._keep(documents, drops)
            self._archived.forget(facts.id)
            self._ledger.settle(ISSUES, item.id, "done", num_bytes=num_bytes)

    async def _from_api(self, item: Item) -> None:
        facts = _facts(item)
        progress = self._progress(facts)
        try:
            while progress.next_url is not None:
                progress = await self._read_page(facts, progress)
        except UnavailableError as error:
            self._ledger.settle(ISSUES, item.id, "refused", reason=error.reason)
            return
        self._ledger.settle(ISSUES, item.id, "done", num_bytes=progress.num_bytes)

    def _progress(self, facts: RepositoryFacts) -> Progress:
        encoded = self._ledger.cursor(_cursor(facts))
        known = None if encoded is None else msgspec.json.decode(encoded, type=Progress)
        if known is not None and known.next_url is not None:
            return known
        params = {"state": "all", "sort": "created", "direction": "asc", "per_page": str(PER_PAGE)}
        if known is not None:
            params["since"] = known.started
        return Progress(
            next_url=self._api.url(f"/repositories/{facts.id}/issues", params),
            started=datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
            num_bytes=0 if known is None else known.num_bytes,
        )

    async def _read_page(self, facts: RepositoryFacts, progress: Progress) -> Progress:
        assert progress.next_url is not None
        page = await self._api.get_json(progress.next_url, content=list[RestIssue])
        threads = []
        drops: dict[str, int] = {}
        for issue in page.content:
            if issue.pull_request is not None:
                drops["pull_request"] = drops.get("pull_request", 0) + 1
                continue
            try:
                threads.append(await self._thread(facts, issue))
            except UnavailableError as error:  # it was deleted meanwhile
                drops[error.reason] = drops.get(error.reason, 0) + 1
        documents, more = _documents(facts, threads)
        with self._ledger.transaction():
            num_bytes = self._keep(documents, _sum(drops, more))
            done = Progress(
                next_url=page.next_url,
                started=progress.started,
                num_bytes=progress.num_bytes + num_bytes,
            )
            self._ledger.set_cursor(_cursor(facts), msgspec.json.encode(done).decode())
        return done

    async def _thread(self, facts: RepositoryFacts, issue: RestIssue) -> Thread:
        opened = RestComment(created_at=issue.created_at, body=issue.body, user=issue.user)
        comments = [_comment(opened)]
        if issue.comments:
            path = f"/repositories/{facts.id}/issues/{issue.number}/comments"
            url = self._api.url(path, {"per_page": str(PER_PAGE)})
            async for page in self._api.pages(url, content=list[RestComment]):
                comments += [_comment(found) for found in page.content]
        return Thread(number=issue.number, title=issue.title, comments=tuple(comments))

    def _keep(self, documents: list[Document], drops: dict[str, int]) -> int:
        """Write documents and count what is none, within the caller's transaction."""
        self._files.append(documents)
        if drops:
            encoded = msgspec.json.encode(_sum(self.drops(), drops)).decode()
            self._ledger.set_cursor(DROPS, encoded)
        return sum(len(document.text.encode()) for document in documents)


def _documents(
    facts: RepositoryFacts, threads: Iterable[Thread]
) -> tuple[list[Document], dict[str, int]]:
    documents = []
    drops: dict[str, int] = {}
    for thread in threads:
        text = thread_text(thread)
        if text in ("only_bots", "too_short", "long_monologue"):
            drops[text] = drops.get(text, 0) + 1
            continue
        documents.append(
            Document(
                id=f"{facts.full_name}#{thread.number}",
                text=text,
                url=f"https://github.com/{facts.full_name}/issues/{thread.number}",
                repository=facts.full_name,
                repository_id=facts.id,
                created=thread.comments[0].created,
                licence=facts.licence,
                stars=facts.stars,
                num_comments=len(thread.comments) - 1,
            )
        )
    return documents, drops


def _comment(found: RestComment) -> Comment:
    user = found.user or User(login="ghost")  # as GitHub calls accounts that are gone
    return Comment(
        author=user.login,
        is_bot=is_app(user.type),
        text=found.body or "",
        created=int(found.created_at.timestamp()),
    )


def _facts(item: Item) -> RepositoryFacts:
    facts = read_facts(item.facts)
    assert facts is not None
    return facts


def _cursor(facts: RepositoryFacts) -> str:
    return f"issues:{facts.id}"


def _sum(some: dict[str, int], more: dict[str, int]) -> dict[str, int]:
    return {key: some.get(key, 0) + more.get(key, 0) for key in {**some, **more}}
