"""Finds repositories: in a list, in hours of GH Archive, and in GitHub's own listings."""

import asyncio
import re
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

from ...errors import GristmillError
from ..attempts import FetchError
from ..context import CrawlContext
from ..disk import cannot_write
from ..ledger import Item
from ..pool import ITEM_WAIT_SECONDS, work_off
from ..settings import GithubCrawl
from .api import GithubApi
from .archive_hours import Hour, read_hour
from .archive_issues import ArchivedIssues
from .intake import Intake
from .listings import LISTING, Listings, Wanted
from .repository_list import read_repositories
from .rules import Rules

HOUR = "hour"
MAX_HOURS_AT_ONCE = 4  # each is unpacked in a thread of its own
_HOUR = re.compile(r"(\d{4})-(\d\d)-(\d\d)-(\d{1,2})")


class Discovery:
    """Works off the ledger's items of kinds `hour` and `listing`."""

    def __init__(
        self,
        context: CrawlContext,
        settings: GithubCrawl,
        api: GithubApi,
        rules: Rules,
        *,
        wait_seconds: float = ITEM_WAIT_SECONDS,
    ) -> None:
        """Take what a run has.

        Args:
            wait_seconds: before what failed is tried again.
        """
        self._context = context
        self._ledger = context.ledger
        self._settings = settings
        self._rules = rules
        self._wait_seconds = wait_seconds
        self._intake = Intake(context.ledger)
        self._archived = ArchivedIssues(context.ledger)
        self._listings = Listings(
            context.ledger,
            api,
            self._intake,
            created_before=datetime.fromtimestamp(rules.created_before, timezone.utc),
            note=context.note,
        )

    def prepare(self) -> None:
        """Take up what the recipe names.

        Raises:
            GristmillError: if it names something that cannot be.
        """
        settings, ledger = self._settings, self._ledger
        if settings.hours is not None:
            with ledger.transaction():
                ledger.add(HOUR, ((name, {}) for name in hour_names(*settings.hours)))
        if settings.repositories is not None:
            with ledger.transaction():
                path = self._context.base / settings.repositories
                self._intake.take_up(read_repositories(path))
        self._listings.prepare(self._wanted())
        for kind, names in (("org", settings.organisations), ("user", settings.users)):
            for name in filter(self._rules.opt_out.covers_owner, names):
                ledger.settle(LISTING, f"{kind}:{name}", "refused", reason="opted_out")

    async def run(self) -> None:
        """Find until nothing waits, or the crawl is to stop."""
        stop, concurrency = self._context.stop, self._settings.concurrency
        await asyncio.gather(
            work_off(
                self._ledger,
                HOUR,
                self._read_hour,
                concurrency=min(MAX_HOURS_AT_ONCE, concurrency),
                stop=stop,
                wait_seconds=self._wait_seconds,
            ),
            work_off(
                self._ledger,
                LISTING,
                self._listings.work,
                concurrency=concurrency,
                stop=stop,
                wait_seconds=self._wait_seconds,
            ),
        )

    def _wanted(self) -> list[Wanted]:
        settings = self._settings
        wanted = [Wanted(organisation=name) for name in settings.organisations]
        wanted += [Wanted(user=name) for name in settings.users]
        wanted += [Wanted(query=query) for query in settings.queries]
        if settings.since is not None:
            wanted.append(Wanted(since=settings.since))
        return wanted

    async def _read_hour(self, item: Item) -> None:
        path = self._context.folder / "partial" / f"{item.id}.json.gz"
        try:
            await self._download(f"{self._context.endpoints.gharchive}/{item.id}.json.gz", path)
            hour = await asyncio.to_thread(read_hour, path, with_issues=self._settings.issues)
        except FetchError as error:
            if error.reason != "http_404":
                raise
            self._ledger.settle(HOUR, item.id, "refused", reason="not_found")
            return
        finally:
            path.unlink(missing_ok=True)
        self._keep(item, hour)

    async def _download(self, url: str, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with path.open("wb") as file:
                async for chunk in self._context.fetcher.chunks(url):
                    file.write(chunk)
        except OSError as error:
            raise cannot_write(path, error) from error

    def _keep(self, item: Item, hour: Hour) -> None:
        """Take up what an hour holds; a damaged one gives what was readable, and has failed."""
        facts = {
            "num_events": hour.num_events,
            "num_births": len(hour.births),
            "skipped": dict(hour.skipped),
            "damage": hour.damage,
        }
        with self._ledger.transaction():
            self._intake.take_up(hour.births)
            self._archived.add(hour.issues)
            if hour.damage is None:
                self._ledger.settle(HOUR, item.id, "done", facts=facts)
            else:
                self._ledger.settle(HOUR, item.id, "failed", reason="damaged", facts=facts)
        if hour.damage is not None:
            self._context.note(f"hour {item.id}: {hour.damage}; what is before it was read")


def hour_names(first: str, last: str) -> Iterator[str]:
    """Yield the names of all hours from one to another, whose own numbers have no leading zero.

    Raises:
        GristmillError: if one of them is no hour, or they are in the wrong order.
    """
    moment, end = _hour(first), _hour(last)
    if moment > end:
        raise GristmillError(
            f"{first} comes after {last}",
            where="crawl.github.hours",
            todo="Give the first hour, then the last.",
        )
    while moment <= end:
        yield f"{moment:%Y-%m-%d}-{moment.hour}"
        moment += timedelta(hours=1)


def _hour(name: str) -> datetime:
    match = _HOUR.fullmatch(name)
    try:
        if match is None:
            raise ValueError
        year, month, day, hour = (int(part) for part in match.groups())
        return datetime(year, month, day, hour, tzinfo=timezone.utc)
    except ValueError:
        raise GristmillError(
            f"{name!r} is no hour of GH Archive",
            where="crawl.github.hours",
            todo="Write it as 2015-01-01-0, with hours from 0 to 23.",
        ) from None
