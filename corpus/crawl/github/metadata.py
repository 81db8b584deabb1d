"""All of a GitHub crawl but files: finds repositories, learns what they are, reads issues."""

import asyncio
from collections.abc import Mapping

from ..context import CrawlContext
from ..opt_out import read_opt_out
from ..pool import ITEM_WAIT_SECONDS
from ..settings import GithubCrawl
from .api import GithubApi
from .credentials import read_tokens
from .discovery import Discovery
from .hydration import Hydrator
from .issues import IssueCrawl
from .rules import Rules, decide_again
from .tokens import SECONDARY_SECONDS, TokenPool


class Metadata:
    """One run's discovery, hydration and issues. Made where the event loop runs."""

    def __init__(
        self,
        context: CrawlContext,
        settings: GithubCrawl,
        *,
        environment: Mapping[str, str],
        wait_seconds: float = ITEM_WAIT_SECONDS,
        secondary_seconds: float = SECONDARY_SECONDS,
    ) -> None:
        """Read the tokens and the opt-out list, and take up what the recipe names.

        Args:
            environment: where the tokens' variable is looked up.
            wait_seconds: before an item that failed is tried again.
            secondary_seconds: the least wait after a secondary limit without Retry-After.

        Raises:
            GristmillError: if the recipe names something that cannot be.
        """
        secrets = read_tokens(
            settings, base=context.base, environment=environment, note=context.note
        )
        tokens = TokenPool(secrets, note=context.note, secondary_seconds=secondary_seconds)
        root = context.endpoints.github_api
        api = GithubApi(context.fetcher, tokens, root=root, ledger=context.ledger)
        self.rules = Rules(settings, read_opt_out(context.opt_out))
        self._discovery = Discovery(context, settings, api, self.rules, wait_seconds=wait_seconds)
        self.hydrator = Hydrator(context, api, self.rules, wait_seconds=wait_seconds)
        self.issues = IssueCrawl(context, settings, api, wait_seconds=wait_seconds)
        self._discovery.prepare()
        num_stored = decide_again(context.ledger, self.rules)
        if num_stored:
            context.note(
                f"{num_stored} repositories are stored that the rules now refuse:"
                " crawl into another folder to be without them"
            )

    async def find(self) -> None:
        """Find and hydrate repositories until none waits, or the crawl is to stop."""
        discovered = asyncio.Event()
        discovering = asyncio.ensure_future(self._discovery.run())
        discovering.add_done_callback(lambda _: discovered.set())
        hydrating = asyncio.ensure_future(self.hydrator.run(discovered=discovered))
        try:
            await asyncio.gather(discovering, hydrating)
        finally:
            for task in (discovering, hydrating):
                task.cancel()
            await asyncio.gather(discovering, hydrating, return_exceptions=True)
