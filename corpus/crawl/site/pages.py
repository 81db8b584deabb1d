"""Works off the pages of a site: asks for one, keeps it or says why not, and takes up its links."""

import asyncio
from collections import Counter
from functools import partial
from typing import Final

import msgspec

from ..attempts import FetchError
from ..context import CrawlContext
from ..fetcher import Answer
from ..ledger import Item
from ..settings import SiteCrawl
from .admission import Admission, Budget
from .answer import Judged, judge_page, same_page, skipped_links, wanted_bytes
from .found import Found, PageFacts
from .recorder import Recorder
from .robots_files import RobotsFiles, is_refusal

# After so many pages in a row that a host failed to give, the rest is left for another run.
MAX_FAILURES: Final = 10


class Pages:
    """Fetches one page at a time; a lane is a host."""

    def __init__(
        self,
        crawl: SiteCrawl,
        context: CrawlContext,
        admission: Admission,
        budget: Budget,
        robots: RobotsFiles,
        recorder: Recorder,
        found: Found,
        *,
        agent: str,
    ) -> None:
        self._max_bytes = crawl.max_page_bytes
        self._context = context
        self._ledger = context.ledger
        self._admission = admission
        self._budget = budget
        self._robots = robots
        self._recorder = recorder
        self._found = found
        self._agent = agent
        self._num_failures: Counter[str] = Counter()

    async def work(self, item: Item) -> None:
        """Fetch one page, unless there is a reason not to."""
        facts = msgspec.json.decode(item.facts, type=PageFacts)
        refusal = self._admission.refusal(item.id, depth=facts.depth) or self._budget.spent()
        if refusal is not None:
            self._ledger.settle("page", item.id, "refused", reason=refusal)
            return
        with self._budget.reserved():
            await self._fetch(item, facts, item.lane)

    async def _fetch(self, item: Item, facts: PageFacts, host: str) -> None:
        if self._num_failures[host] >= MAX_FAILURES:
            self._ledger.settle("page", item.id, "failed", reason="host_down")
            return
        rules = await self._robots.of(item.id)
        if rules.fault is not None:
            self._settle_unreachable(item, rules.fault)
            return
        refusal = rules.refusal(item.id)
        if refusal is not None:
            self._ledger.settle("page", item.id, "refused", reason=refusal)
            return
        try:
            answer = await self._context.fetcher.get(
                item.id,
                max_bytes=self._max_bytes,
                limit_of=partial(wanted_bytes, max_bytes=self._max_bytes),
                may_redirect=False,
                may_truncate=True,
            )
            await self._take(item, facts, answer)
        except FetchError as error:
            if not error.reason.startswith("refused_"):
                self._num_failures[host] += 1
            raise
        self._num_failures[host] = 0

    async def _take(self, item: Item, facts: PageFacts, answer: Answer) -> None:
        judge = partial(judge_page, agent=self._agent, via=facts.via, max_bytes=self._max_bytes)
        judged = self._known_by_another(item.id, await asyncio.to_thread(judge, answer))
        if judged.state == "failed":
            await self._recorder.record(answer, "diagnostics", num_pages=1)
            raise FetchError(item.id, str(judged.reason), f"HTTP {answer.status}")
        await self._recorder.record(
            answer,
            "warc" if judged.state == "done" else "diagnostics",
            partial(self._settle, item, facts, answer, judged),
            num_pages=1,
        )

    def _known_by_another(self, url: str, judged: Judged) -> Judged:
        """Refuse a page whose canonical URL, which differs in the query only, is kept already."""
        canonical = judged.links.canonical
        if judged.state != "done" or canonical is None or not same_page(url, canonical):
            return judged
        known = self._ledger.get("page", canonical)
        if known is None or known.state != "done":
            return judged
        return Judged(state="refused", reason="canonical")

    def _settle(self, item: Item, facts: PageFacts, answer: Answer, judged: Judged) -> None:
        if judged.target is not None:
            self._settle_redirect(item, facts, answer, judged.target)
            return
        self._ledger.settle(
            "page", item.id, judged.state, reason=judged.reason, num_bytes=len(answer.body)
        )
        self._found.leave_out(skipped_links(judged.links))
        urls = [link.url for link in judged.links.links]
        self._found.add_pages(urls, PageFacts(depth=facts.depth + 1, found_on=item.id))

    def _settle_redirect(self, item: Item, facts: PageFacts, answer: Answer, target: str) -> None:
        """Take up where a redirect leads, unless that is outside."""
        refusal = self._admission.refusal(target, depth=facts.depth)
        reason = "redirect" if refusal is None else f"redirect_{refusal}"
        num_bytes = len(answer.body)
        self._ledger.settle("page", item.id, "refused", reason=reason, num_bytes=num_bytes)
        if refusal is None:
            moved = msgspec.structs.replace(facts, via=(*facts.via, item.id))
            self._found.add_pages([target], moved)
        elif facts.found_on is None:
            self._context.note(f"{item.id} leads to {target}, which is refused: {refusal}")

    def _settle_unreachable(self, item: Item, fault: str) -> None:
        """Say why a page cannot be asked for: its host's rules are not known."""
        if is_refusal(fault):
            self._ledger.settle("page", item.id, "refused", reason=fault)
        else:
            self._ledger.settle("page", item.id, "failed", reason=f"robots_{fault}")
