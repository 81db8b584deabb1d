"""Works off the sitemaps that robots.txt names, and those that they name."""

import asyncio
from collections import Counter

import msgspec

from ..attempts import FetchError
from ..context import CrawlContext
from ..fetcher import Answer
from ..ledger import Item, ItemState
from ..transport import host_of
from .admission import Admission, Budget
from .answer import judge_status
from .found import Found, PageFacts
from .recorder import Recorder
from .robots_files import RobotsFiles
from .sitemap import MAX_BYTES, Sitemap, read_sitemap

_INDEX_DEPTH = 1  # an index lists sitemaps, no indexes
_PAGE_DEPTH = 1


class Sitemaps:
    """Fetches and reads one sitemap at a time."""

    def __init__(
        self,
        context: CrawlContext,
        admission: Admission,
        budget: Budget,
        robots: RobotsFiles,
        recorder: Recorder,
        found: Found,
        *,
        hosts: frozenset[str],
    ) -> None:
        self._context = context
        self._ledger = context.ledger
        self._admission = admission
        self._budget = budget
        self._robots = robots
        self._recorder = recorder
        self._found = found
        self._hosts = hosts

    async def work(self, item: Item) -> None:
        """Fetch one sitemap and take up what it lists."""
        facts = msgspec.json.decode(item.facts, type=PageFacts)
        refusal = await self._refusal(item.id)
        if refusal is not None:
            self._ledger.settle("sitemap", item.id, "refused", reason=refusal)
            return
        answer = await self._context.fetcher.get(
            item.id, max_bytes=MAX_BYTES, may_redirect=False, may_truncate=True
        )
        if answer.status != 200:
            await self._no_sitemap(item, facts, answer)
            return
        sitemap = await asyncio.to_thread(read_sitemap, [answer.body])
        if answer.is_truncated:
            sitemap = msgspec.structs.replace(sitemap, fault="too_large")
        if sitemap.fault is not None:
            self._context.note(f"{item.id} was read up to a fault: {sitemap.fault}")
        await self._recorder.record(
            answer, "diagnostics", lambda: self._take_up(item, facts, answer, sitemap)
        )

    async def _refusal(self, url: str) -> str | None:
        if self._admission.is_opted_out(url):
            return "opt_out"
        if host_of(url) not in self._hosts:
            return "other_host"
        refusal = self._budget.spent() or self._num_waiting()
        if refusal is not None:
            return refusal
        return (await self._robots.of(url)).refusal(url)

    def _num_waiting(self) -> str | None:
        """Refuse sitemaps beyond the budget: a bomb of them would name pages without end."""
        waiting = self._ledger.counts().get("page", {}).get("waiting", 0)
        return "max_pages" if waiting >= self._budget.max_waiting else None

    async def _no_sitemap(self, item: Item, facts: PageFacts, answer: Answer) -> None:
        judged = judge_status(answer, via=facts.via)
        if judged.state == "failed":
            await self._recorder.record(answer, "diagnostics")
            raise FetchError(item.id, str(judged.reason), "no sitemap")

        def settle() -> None:
            self._settle(item, "refused", judged.reason, answer)
            if judged.target is not None:
                moved = msgspec.structs.replace(facts, via=(*facts.via, item.id))
                self._found.add_sitemaps([judged.target], moved)

        await self._recorder.record(answer, "diagnostics", settle)

    def _take_up(self, item: Item, facts: PageFacts, answer: Answer, sitemap: Sitemap) -> None:
        urls = [entry.url for entry in sitemap.entries]
        reason: str | None = sitemap.fault
        if sitemap.kind != "index":
            self._found.add_pages(urls, PageFacts(depth=_PAGE_DEPTH, found_on=item.id))
        elif facts.depth < _INDEX_DEPTH:
            deeper = PageFacts(depth=facts.depth + 1, found_on=item.id)
            self._found.add_sitemaps(urls, deeper)
        else:
            reason = "nested_index"
        left_out = {str(key): count for key, count in sitemap.skipped.items() if key != "bad_date"}
        self._found.leave_out(Counter(left_out))
        self._settle(item, "done" if reason is None else "refused", reason, answer)

    def _settle(self, item: Item, state: ItemState, reason: str | None, answer: Answer) -> None:
        num_bytes = len(answer.body)
        self._ledger.settle("sitemap", item.id, state, reason=reason, num_bytes=num_bytes)
