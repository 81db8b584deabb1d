"""Writes an answer into the archive, and what it means into the ledger, as one step."""

import asyncio
from collections.abc import Callable

from ..fetcher import Answer
from ..transport import host_of
from .admission import Budget
from .archive import Archive, Part
from .exchange import make_exchange
from .warc import Revisit, encode_exchange


def settle_nothing() -> None:
    """Say nothing of an answer but that it came."""


class Recorder:
    """Every answer that counts passes through here, and is paid for from the budget."""

    def __init__(self, archive: Archive, budget: Budget) -> None:
        self._archive = archive
        self._budget = budget

    async def record(
        self,
        answer: Answer,
        part: Part,
        settle: Callable[[], None] = settle_nothing,
        *,
        num_pages: int = 0,
        revisit: Revisit | None = None,
    ) -> None:
        """Write one exchange; `settle` writes to the ledger in the same transaction."""
        exchange = make_exchange(answer, revisit=revisit)
        records = await asyncio.to_thread(encode_exchange, exchange)

        def settle_and_pay() -> None:
            settle()
            self._budget.spend(len(answer.body), num_pages=num_pages)

        self._archive.write(part, host_of(answer.url), records, settle_and_pay)
