"""Lists repositories: all by id, those of an account, and those that a search finds.

Every page is one transaction with the address of the next one, so a killed process goes on where it
was. Search shows at most 1,000 results: a query that has more is split by its repositories' births.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta, timezone

import msgspec

from ..attempts import FetchError
from ..ledger import Item, Ledger
from .api import GithubApi, Page
from .facts import ListedRepository, RestRepository
from .id_bound import IdBound
from .intake import Intake, Seen
from .replies import UnavailableError

LISTING = "listing"
PER_PAGE = 100
MAX_RESULTS = 1000
FIRST_BIRTH = datetime(2007, 10, 1, tzinfo=timezone.utc)
SECOND = timedelta(seconds=1)


class Wanted(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a listing item asks for: exactly one of the first four.

    Attributes:
        first, last: births that a query is narrowed to, both included.
    """

    since: int | None = None
    organisation: str | None = None
    user: str | None = None
    query: str | None = None
    first: datetime | None = None
    last: datetime | None = None

    @property
    def item_id(self) -> str:
        """The id of the item that asks for this."""
        if self.since is not None:
            return f"since:{self.since}"
        if self.query is not None:
            return f"query:{self.query}{self.narrowed}"
        return f"org:{self.organisation}" if self.organisation else f"user:{self.user}"

    @property
    def narrowed(self) -> str:
        """What narrows a query down."""
        if self.first is None or self.last is None:
            return ""
        return f" created:{_iso(self.first)}..{_iso(self.last)}"


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """A page of a search."""

    total_count: int = 0
    incomplete_results: bool = False
    items: list[ListedRepository] = []


class Listings:
    """Works off one ledger's listings."""

    def __init__(
        self,
        ledger: Ledger,
        api: GithubApi,
        intake: Intake,
        *,
        created_before: datetime,
        note: Callable[[str], None],
    ) -> None:
        self._ledger = ledger
        self._api = api
        self._intake = intake
        self._created_before = created_before
        self._note = note

    def prepare(self, wanted: Sequence[Wanted]) -> None:
        """Let listings wait; one that ended for want of more repositories waits again."""
        is_open = self._created_before > datetime.now(timezone.utc)
        with self._ledger.transaction():
            for each in wanted:
                facts: dict[str, object] = msgspec.to_builtins(self._bounded(each))
                self._ledger.add(LISTING, [(self._bounded(each).item_id, facts)])
                if each.since is not None and is_open:
                    self._ledger.settle(LISTING, each.item_id, "waiting")

    async def work(self, item: Item) -> None:
        """Read one listing to its end, and settle it."""
        wanted = msgspec.json.decode(item.facts, type=Wanted)
        try:
            if wanted.since is not None:
                await self._list_all(item, wanted.since)
            elif wanted.query is not None:
                await self._search(item, wanted)
            else:
                await self._list_account(item, wanted)
        except UnavailableError as error:
            self._ledger.settle(LISTING, item.id, "refused", reason=error.reason)

    def _bounded(self, wanted: Wanted) -> Wanted:
        if wanted.query is None or "created:" in wanted.query:
            return wanted
        last = self._created_before - SECOND
        return msgspec.structs.replace(wanted, first=FIRST_BIRTH, last=last)

    async def _list_account(self, item: Item, wanted: Wanted) -> None:
        kind, name = (
            ("orgs", wanted.organisation) if wanted.organisation else ("users", wanted.user)
        )
        choice = {"type": "public" if wanted.organisation else "owner", "per_page": str(PER_PAGE)}
        url = self._next_url(item) or self._api.url(f"/{kind}/{name}/repos", choice)
        await self._list_pages(item, url)
        self._ledger.settle(LISTING, item.id, "done")

    async def _list_pages(self, item: Item, url: str) -> None:
        next_url: str | None = url
        while next_url is not None:
            page = await self._api.get_json(next_url, content=list[ListedRepository | None])
            next_url = page.next_url
            self._take_up(item, page.content, next_url or "")

    async def _list_all(self, item: Item, since: int) -> None:
        bound = IdBound(self._created_before.timestamp())
        url: str | None = self._next_url(item)
        url = url or self._api.url("/repositories", {"since": str(since)})
        while True:
            page = await self._read_all_page(url)
            listed = [found for found in page.content if found is not None]
            is_last = page.next_url is None or await self._is_past(bound, listed)
            # The last page of all is asked for again by a later run: it may have grown.
            self._take_up(item, listed, url if page.next_url is None else page.next_url)
            if is_last or page.next_url is None:
                self._ledger.settle(LISTING, item.id, "done")
                return
            url = page.next_url

    async def _read_all_page(self, url: str) -> Page[list[ListedRepository | None]]:
        is_open = self._created_before > datetime.now(timezone.utc)
        return await self._api.get_json(
            url, content=list[ListedRepository | None], is_last_kept=is_open
        )

    async def _is_past(self, bound: IdBound, listed: Sequence[ListedRepository]) -> bool:
        """Tell whether a page reaches what is too young, by the last one that can be seen."""
        if not listed or not bound.is_near(listed[-1].id):
            return False
        for found in reversed(listed):
            try:
                url = self._api.url(f"/repositories/{found.id}")
                page = await self._api.get_json(url, content=RestRepository)
            except UnavailableError:
                continue
            return bound.is_passed(found.id, page.content.created_at.timestamp())
        return False

    async def _search(self, item: Item, wanted: Wanted) -> None:
        params = {
            "q": f"{wanted.query}{wanted.narrowed}",
            "per_page": str(PER_PAGE),
        }
        url: str | None = self._next_url(item) or self._api.url("/search/repositories", params)
        is_first = self._next_url(item) is None
        reason = None
        while url is not None:
            page = await self._api.get_json(url, content=Found)
            if page.content.incomplete_results:
                raise FetchError(url, "incomplete_results", "the search ran out of time")
            if is_first and page.content.total_count > MAX_RESULTS:
                if self._split(item, wanted):
                    return
                reason = "capped"
                self._note(
                    f"{item.id}: {page.content.total_count} results, GitHub shows {MAX_RESULTS}"
                )
            is_first = False
            url = page.next_url
            self._take_up(item, page.content.items, url or "")
        self._ledger.settle(LISTING, item.id, "done", reason=reason)

    def _split(self, item: Item, wanted: Wanted) -> bool:
        """Put two queries in the place of one; return False if it can be narrowed no more."""
        if wanted.first is None or wanted.last is None or wanted.last - wanted.first < SECOND:
            return False
        middle = wanted.first + (wanted.last - wanted.first) // 2
        middle = middle.replace(microsecond=0)
        halves = (
            msgspec.structs.replace(wanted, last=middle),
            msgspec.structs.replace(wanted, first=middle + SECOND),
        )
        with self._ledger.transaction():
            for half in halves:
                self._ledger.add(LISTING, [(half.item_id, msgspec.to_builtins(half))])
            self._ledger.settle(LISTING, item.id, "done", reason="split")
        return True

    def _next_url(self, item: Item) -> str | None:
        return self._ledger.cursor(f"{LISTING}:{item.id}") or None

    def _take_up(
        self, item: Item, listed: Sequence[ListedRepository | None], next_url: str
    ) -> None:
        seen = [
            Seen(id=found.id, full_name=found.full_name, node_id=found.node_id)
            for found in listed
            if found is not None  # GitHub shows null for some it cannot describe
        ]
        with self._ledger.transaction():
            self._intake.take_up(seen)
            self._ledger.set_cursor(f"{LISTING}:{item.id}", next_url)


def _iso(moment: datetime) -> str:
    return moment.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
