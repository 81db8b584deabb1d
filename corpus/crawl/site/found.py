"""Takes up the pages that a page, a sitemap or a redirect names, and counts those left out."""

from collections import Counter
from collections.abc import Iterable

import msgspec

from ..ledger import Ledger
from ..transport import host_of
from .admission import Admission, Budget


class PageFacts(msgspec.Struct, frozen=True, kw_only=True):
    """How a page or sitemap was found.

    Args:
        depth: links between a seed and a page; indexes between robots.txt and a sitemap.
        found_on: what names it, None for a seed.
        via: the URLs that redirected to it, oldest first.
    """

    depth: int
    found_on: str | None = None
    via: tuple[str, ...] = ()


class Found:
    """What is taken up; call it within a transaction."""

    def __init__(self, ledger: Ledger, admission: Admission, budget: Budget) -> None:
        self._ledger = ledger
        self._admission = admission
        self._budget = budget

    def add_pages(self, urls: Iterable[str], facts: PageFacts) -> None:
        """Take up pages that may be asked for."""
        left_out: Counter[str] = Counter()
        admitted: list[str] = []
        waiting = self._ledger.counts().get("page", {}).get("waiting", 0)
        for url in urls:
            refusal = self._admission.refusal(url, depth=facts.depth)
            if refusal is None and waiting + len(admitted) >= self._budget.max_waiting:
                refusal = "max_pages"
            if refusal is None:
                admitted.append(url)
            elif refusal != "depth" or self._ledger.get("page", url) is None:
                left_out[refusal] += 1  # nothing is lost of a page that is known from nearer by
        self._add("page", admitted, facts)
        self.leave_out(left_out)

    def add_sitemaps(self, urls: Iterable[str], facts: PageFacts) -> None:
        """Take up sitemaps."""
        self._add("sitemap", urls, facts)

    def leave_out(self, reasons: Counter[str]) -> None:
        """Count links that are not followed."""
        for reason, count in sorted(reasons.items()):
            self._ledger.add_tally("link", "refused", reason, count)

    def _add(self, kind: str, urls: Iterable[str], facts: PageFacts) -> None:
        known = msgspec.to_builtins(facts)
        for url in urls:
            self._ledger.add(kind, [(url, known)], rank=facts.depth, lane=host_of(url))
