"""The robots.txt of every host: asked for before its pages, and kept in the ledger for a day."""

import asyncio
import time
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable
from typing import Final, NamedTuple

import msgspec

from ...urls import fetch_url
from ..fetcher import Fetcher
from ..ledger import Item, ItemState, Ledger
from ..manners import Manners
from ..transport import host_of
from .found import Found, PageFacts
from .robots import CACHE_SECONDS, RobotsAnswer, read_robots, robots_url
from .robots_fetch import StoredRobots

# A site that wants longer pauses than this does not want to be crawled.
MAX_DELAY_SECONDS: Final = 3600.0
Ask = Callable[[str, StoredRobots], Awaitable[StoredRobots]]


class HostRules(NamedTuple):
    """What a host allows.

    Args:
        fault: why nothing is allowed now, where that is no rule.
    """

    answer: RobotsAnswer
    fault: str | None = None

    def refusal(self, url: str) -> str | None:
        """Return why a URL may not be fetched, None if it may."""
        delay = self.answer.crawl_delay_seconds
        if delay is not None and delay > MAX_DELAY_SECONDS:
            return "crawl_delay"
        return None if self.answer.allows(url) else "robots"


def is_refusal(fault: str | None) -> bool:
    """Tell whether we do not ask, in which case there is nothing to try again."""
    return fault is not None and (fault == "opt_out" or fault.startswith("refused_"))


class RobotsFiles:
    """The rules of every host that is met.

    Args:
        ask: fetches a robots.txt, given what was last answered.
        sitemap_hosts: whose sitemaps are taken up.
    """

    def __init__(
        self,
        ledger: Ledger,
        fetcher: Fetcher,
        found: Found,
        ask: Ask,
        *,
        manners: Manners,
        agent: str,
        sitemap_hosts: frozenset[str],
    ) -> None:
        self._ledger = ledger
        self._fetcher = fetcher
        self._found = found
        self._ask = ask
        self._manners = manners
        self._agent = agent
        self._sitemap_hosts = sitemap_hosts
        self._rules: dict[str, tuple[HostRules, float]] = {}  # by URL, and until when
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def work(self, item: Item) -> None:
        """Fetch one robots.txt that waits in the ledger."""
        await self.of(item.id)

    async def of(self, url: str) -> HostRules:
        """Return the rules for a URL; its host is asked if they are unknown or a day old."""
        place = robots_url(url)
        async with self._locks[place]:
            known = self._rules.get(place)
            if known is None or time.time() >= known[1]:
                known = self._rules[place] = await self._look_up(place)
            return known[0]

    async def _look_up(self, place: str) -> tuple[HostRules, float]:
        self._ledger.add("robots", [(place, {})], lane=host_of(place))
        item = self._ledger.get("robots", place)
        assert item is not None, "it was just added"
        stored = msgspec.json.decode(item.facts, type=StoredRobots)
        if item.state != "done" or time.time() - stored.answered_at >= CACHE_SECONDS:
            stored = await self._ask(place, stored)
            answer = self._read(stored)
            with self._ledger.transaction():
                self._settle(place, stored, answer)
        else:
            answer = self._read(stored)
        self._slow_down(place, answer.crawl_delay_seconds)
        fault = stored.fault if answer.state == "unreachable" else None
        return HostRules(answer, fault), stored.answered_at + answer.use_seconds

    def _settle(self, place: str, stored: StoredRobots, answer: RobotsAnswer) -> None:
        state: ItemState = "done"
        if answer.state == "unreachable":
            state = "refused" if is_refusal(stored.fault) else "failed"
        self._ledger.settle(
            "robots", place, state, reason=stored.fault, num_bytes=len(stored.body), facts=stored
        )
        if host_of(place) in self._sitemap_hosts:
            urls = [fetch_url(sitemap) for sitemap in answer.sitemaps]
            facts = PageFacts(depth=0, found_on=place)
            self._found.add_sitemaps([url for url in urls if url is not None], facts)
            self._found.leave_out(Counter({"no_url": urls.count(None)}))

    def _read(self, stored: StoredRobots) -> RobotsAnswer:
        since = stored.unreachable_since
        return read_robots(
            None if stored.fault else stored.status,
            stored.body,
            agent=self._agent,
            unreachable_seconds=0.0 if since is None else stored.answered_at - since,
        )

    def _slow_down(self, place: str, delay: float | None) -> None:
        """Let requests be as far apart as the host asks, if that is farther than they are."""
        if delay is None or not 0 < delay <= MAX_DELAY_SECONDS:
            return
        if 1 / delay < self._manners.requests_per_second:
            slower = msgspec.structs.replace(
                self._manners, requests_per_second=1 / delay, burst=1, concurrency=1
            )
            self._fetcher.hosts.set_manners(host_of(place), slower)
