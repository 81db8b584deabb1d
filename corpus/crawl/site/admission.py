"""Which pages may be asked for at all: those in scope, of nobody who opted out, within budget."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, Literal

from ..ledger import Ledger
from ..opt_out import OptOut
from ..settings import SiteCrawl
from .scope import Scope

Spent = Literal["max_pages", "max_bytes"]
SPENT: Final[tuple[Spent, ...]] = ("max_pages", "max_bytes")


class Admission:
    """Decides over URLs before anything is asked."""

    def __init__(self, scope: Scope, opt_out: OptOut) -> None:
        self._scope = scope
        self._opt_out = opt_out

    def refusal(self, url: str, *, depth: int) -> str | None:
        """Return why a URL is not a page to fetch, None if it is."""
        return "opt_out" if self.is_opted_out(url) else self._scope.refusal(url, depth=depth)

    def is_opted_out(self, url: str) -> bool:
        """Tell whether the opt-out list covers a URL."""
        return self._opt_out.covers_url(url)


class Budget:
    """What a crawl asks for at most, in all its runs; pages in flight may exceed the bytes."""

    def __init__(self, ledger: Ledger, crawl: SiteCrawl) -> None:
        self._ledger = ledger
        self._max_pages = crawl.max_pages
        self._max_bytes = crawl.max_bytes
        self._num_pages = int(ledger.cursor("num_pages") or 0)
        self._num_bytes = int(ledger.cursor("num_bytes") or 0)
        self._num_in_flight = 0
        if self.spent() is None:  # it may be a larger one than last time
            for reason in SPENT:
                ledger.reopen("page", reason)
                ledger.reopen("sitemap", reason)

    def spent(self) -> Spent | None:
        """Return which budget is spent, None if another page may be asked for."""
        if self._num_pages + self._num_in_flight >= self._max_pages:
            return "max_pages"
        return "max_bytes" if self._num_bytes >= self._max_bytes else None

    @property
    def max_waiting(self) -> int:
        """How many pages may wait: with more, a trap would fill the disk with its links."""
        return 4 * self._max_pages

    @contextmanager
    def reserved(self) -> Iterator[None]:
        """Count a page while it is in flight."""
        self._num_in_flight += 1
        try:
            yield
        finally:
            self._num_in_flight -= 1

    def spend(self, num_bytes: int, *, num_pages: int = 0) -> None:
        """Count an answer, within the caller's transaction."""
        self._num_pages += num_pages
        self._num_bytes += num_bytes
        self._ledger.set_cursor("num_pages", str(self._num_pages))
        self._ledger.set_cursor("num_bytes", str(self._num_bytes))
