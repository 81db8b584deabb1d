"""Fetches the files of hydrated repositories: by tarball, and by git where that fails."""

import asyncio
from collections.abc import Awaitable, Callable

from ..attempts import FetchError
from ..context import CrawlContext
from ..ledger import Item
from ..pool import ITEM_WAIT_SECONDS, work_off
from ..settings import GithubCrawl
from .clone_fetch import CloneFetch
from .facts import RepositoryFacts, read_facts
from .files import ContentLimits
from .git_process import CloneSettings
from .partial import PartialFolder
from .replies import UnavailableError
from .rules import CONTENT
from .store import Collected, RepositoryStore
from .tarball_fetch import BadTarballError, TarballFetch
from .wanted import with_content
from .watched import Watched

MAX_LOOKS = 2  # at what a repository is, before it is given up
_MAY_HAVE_MOVED = frozenset(("not_found", "moved", "no_commit"))
_NO_REASON_TO_CLONE = frozenset(("host_paused", "http_429", "http_503", "http_509"))
_SAYS_LESS = frozenset(("clone_failed", "clone_timeout", "moved"))  # than what a tarball's URL said
LookAgain = Callable[[RepositoryFacts], Awaitable[RepositoryFacts | str]]


class ContentCrawl:
    """Works off the ledger's items of kind `content`.

    Args:
        look_again: tells what a repository is by now.
        wait_seconds: before an item that failed is tried again.
    """

    def __init__(
        self,
        context: CrawlContext,
        settings: GithubCrawl,
        store: RepositoryStore,
        look_again: LookAgain,
        *,
        wait_seconds: float = ITEM_WAIT_SECONDS,
    ) -> None:
        self._context = context
        self._ledger = context.ledger
        self._settings = settings
        self._store = store
        self._look_again = look_again
        self._wait_seconds = wait_seconds
        partial = PartialFolder(context.folder)
        max_bytes = settings.max_repository_bytes
        limits = ContentLimits(max_blob_bytes=settings.max_blob_bytes, max_unpacked_bytes=max_bytes)
        self._tarballs = TarballFetch(
            context.fetcher,
            store,
            partial,
            root=context.endpoints.codeload,
            limits=limits,
            max_bytes=max_bytes,
        )
        self._clones = CloneFetch(
            context.fetcher,
            store,
            partial,
            root=context.endpoints.github_git,
            limits=limits,
            settings=CloneSettings(
                max_disk_bytes=max_bytes,
                low_speed_bytes=settings.downloads.low_speed_bytes,
                low_speed_seconds=max(1, round(settings.downloads.low_speed_seconds)),
                user_agent=context.user_agent,
            ),
        )

    async def run(self, *, fed: asyncio.Event | None = None) -> None:
        """Fetch until nothing waits, or the crawl is to stop.

        Args:
            fed: set when no more repositories will be hydrated; None if that is so.
        """
        await work_off(
            self._ledger,
            CONTENT,
            self._work,
            concurrency=self._settings.concurrency,
            stop=self._context.stop,
            fed=fed,
            wait_seconds=self._wait_seconds,
        )

    async def _work(self, item: Item) -> None:
        facts = read_facts(item.facts)
        assert facts is not None
        reason = ""
        for _ in range(MAX_LOOKS):
            try:
                await self._fetch(facts)
                return
            except UnavailableError as error:
                reason = error.reason
            if reason not in _MAY_HAVE_MOVED:
                break
            found = await self._look_again(facts)
            if isinstance(found, str):
                reason = found
                break
            if (found.full_name, found.commit) == (facts.full_name, facts.commit):
                raise FetchError(facts.full_name, reason, "yet GitHub says that it is there")
            facts = found
        self._ledger.settle(CONTENT, item.id, "refused", reason=reason)

    async def _fetch(self, facts: RepositoryFacts) -> None:
        watched = Watched()
        if self._settings.content == "clone":
            self._keep(facts, await self._clones.collect(facts, watched), watched, "clone")
            return
        try:
            collected = await self._tarballs.collect(facts, watched)
        except (BadTarballError, FetchError) as error:
            self._keep(facts, await self._clone_instead(facts, watched, error), watched, "clone")
        else:
            self._keep(facts, collected, watched, "tarball")

    async def _clone_instead(
        self, facts: RepositoryFacts, watched: Watched, problem: Exception
    ) -> Collected:
        """Clone a repository whose tarball is no use, unless the host wants to be left alone."""
        if isinstance(problem, FetchError):
            reason = problem.reason
            if reason in _NO_REASON_TO_CLONE or reason.startswith("refused_"):
                raise problem
        self._context.note(f"{facts.full_name}: no use of its tarball, cloning it: {problem}")
        try:
            return await self._clones.collect(facts, watched)
        except (FetchError, UnavailableError) as error:
            if isinstance(problem, FetchError) and error.reason in _SAYS_LESS:
                raise problem from error
            raise

    def _keep(
        self, facts: RepositoryFacts, collected: Collected, watched: Watched, way: str
    ) -> None:
        def settle() -> None:
            self._ledger.settle(
                CONTENT,
                str(facts.id),
                "done",
                num_bytes=collected.num_bytes,
                facts=with_content(facts, watched, way),
            )

        self._store.commit(collected, settle=settle)
        self._store.close_full()
