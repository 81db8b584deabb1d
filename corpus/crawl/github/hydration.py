"""Asks GitHub what the found repositories are, a hundred at a time, and decides over them.

GraphQL gives all facts of a batch for one point. What it does not answer to, and everything where
there is no token, is asked for one by one: REST for the description, git for the commit.
"""

import asyncio
from collections.abc import Sequence

from ..attempts import FetchError
from ..context import CrawlContext
from ..ledger import Item
from ..pool import IDLE_SECONDS, ITEM_ATTEMPTS, ITEM_WAIT_SECONDS
from .api import GithubApi, QueryFailedError
from .facts import RepositoryFacts, RestRepository, from_rest
from .git_head import fetch_head
from .intake import NAME, Intake, Seen, read_seen
from .node_ids import repository_node_id
from .queries import BATCH, Missing, ask_by_ids, ask_by_names
from .replies import UnavailableError
from .rules import REPOSITORY, Rules, decide

Outcome = RepositoryFacts | str | FetchError  # what it is, why it is refused, or why not now
NUM_PROOFS = 3  # computed node ids that must have been answered to before a null is believed


class Hydrator:
    """Works off the ledger's items of kind `repository`."""

    def __init__(
        self,
        context: CrawlContext,
        api: GithubApi,
        rules: Rules,
        *,
        wait_seconds: float = ITEM_WAIT_SECONDS,
    ) -> None:
        """Take what a run has.

        Args:
            wait_seconds: before a repository that could not be asked for is tried again.
        """
        self._context = context
        self._ledger = context.ledger
        self._api = api
        self._rules = rules
        self._intake = Intake(context.ledger)
        self._wait_seconds = wait_seconds
        self._num_proofs = 0

    async def run(self, *, discovered: asyncio.Event | None = None) -> None:
        """Hydrate until nothing waits, or the crawl is to stop, or the host is given up.

        Args:
            discovered: set when no more repositories will be found; None if that is so.
        """
        ledger, stop = self._ledger, self._context.stop
        num_at_once = 1 if self._api.tokens.is_anonymous else self._api.tokens.num_tokens
        while not stop.is_set():
            was_last = discovered is None or discovered.is_set()
            items = ledger.take(REPOSITORY, BATCH * num_at_once)
            if not items:
                if was_last and ledger.next_due(REPOSITORY) is None:
                    return
                await asyncio.sleep(IDLE_SECONDS)
                continue
            if not await self._until_stop(items):
                return

    async def look_again(self, facts: RepositoryFacts) -> RepositoryFacts | str:
        """Return what a repository is by now, or why it is not wanted or not to be had any more.

        Raises:
            FetchError: if it cannot be asked for now.
        """
        item = self._ledger.get(REPOSITORY, str(facts.id))
        assert item is not None
        try:
            found = await self._ask_rest(item)
        except UnavailableError as error:
            return error.reason
        rule = self._rules.refusal(found)
        if rule is None:
            self._ledger.settle(REPOSITORY, item.id, "done", facts=found)
        return rule or found

    async def _until_stop(self, items: Sequence[Item]) -> bool:
        """Hydrate items in batches at once; return whether to go on."""
        named = [item for item in items if item.id.startswith(NAME)]
        numbered = [item for item in items if not item.id.startswith(NAME)]
        tasks = [
            asyncio.ensure_future(self._hydrate(group[start : start + BATCH]))
            for group in (named, numbered)
            for start in range(0, len(group), BATCH)
        ]
        everything = asyncio.gather(*tasks)
        stopping = asyncio.ensure_future(self._context.stop.wait())
        stopping.add_done_callback(lambda _: everything.cancel())
        try:
            return all(await everything)
        except asyncio.CancelledError:
            if not self._context.stop.is_set():
                raise
            return False
        finally:
            for task in (*tasks, stopping):
                task.cancel()
            await asyncio.gather(*tasks, stopping, return_exceptions=True)

    async def _hydrate(self, items: Sequence[Item]) -> bool:
        wanted = [item for item in items if not self._is_opted_out(item)]
        self._settle([(item, "opted_out") for item in items if item not in wanted])
        if self._api.tokens.is_anonymous:
            return await self._one_by_one(wanted)
        return await self._in_batch(wanted)

    async def _in_batch(self, items: Sequence[Item]) -> bool:
        if not items:
            return True
        try:
            answered = await self._ask(items)
        except QueryFailedError:
            if len(items) == 1:
                return await self._one_by_one(items)
            half = len(items) // 2
            return await self._in_batch(items[:half]) and await self._in_batch(items[half:])
        except UnavailableError as error:  # a token that may not use GraphQL
            self._context.note(f"GraphQL cannot be used ({error.reason}): asking REST")
            return await self._one_by_one(items)
        except FetchError as error:
            return self._settle([(item, error) for item in items])
        known, unsure = self._believed(items, answered)
        return self._settle(known) and await self._one_by_one(unsure)

    async def _ask(self, items: Sequence[Item]) -> list[RepositoryFacts | Missing]:
        if items[0].id.startswith(NAME):
            names = [item.id.removeprefix(NAME) for item in items]
            return await ask_by_names(self._api, names)
        return await ask_by_ids(self._api, [_node_id(item) for item in items])

    def _believed(
        self, items: Sequence[Item], answered: Sequence[RepositoryFacts | Missing]
    ) -> tuple[list[tuple[Item, Outcome]], list[Item]]:
        """Return what an answer settles, and the items that REST must be asked about.

        Only REST tells a takedown from a deletion. And if node ids had got another form, every
        repository would seem to be gone.
        """
        known: list[tuple[Item, Outcome]] = []
        unsure: list[Item] = []
        for item, found in zip(items, answered, strict=True):
            if isinstance(found, RepositoryFacts):
                if item.id == str(found.id):
                    self._num_proofs += 1
                elif not item.id.startswith(NAME):
                    unsure.append(item)  # the node of another repository
                    continue
                known.append((item, found))
        for item, found in zip(items, answered, strict=True):
            if isinstance(found, Missing):
                is_proved = item.id.startswith(NAME) or self._num_proofs >= NUM_PROOFS
                if found.type == "NOT_FOUND" and is_proved:
                    known.append((item, "not_found"))
                else:
                    unsure.append(item)
        return known, unsure

    async def _one_by_one(self, items: Sequence[Item]) -> bool:
        for item in items:
            try:
                outcome: Outcome = await self._ask_rest(item)
            except UnavailableError as error:
                outcome = error.reason
            except FetchError as error:
                outcome = error
            if not self._settle([(item, outcome)]):
                return False
        return True

    async def _ask_rest(self, item: Item) -> RepositoryFacts:
        is_name = item.id.startswith(NAME)
        path = f"/repos/{item.id.removeprefix(NAME)}" if is_name else f"/repositories/{item.id}"
        page = await self._api.get_json(self._api.url(path), content=RestRepository)
        described = from_rest(page.content, None)
        rule = self._rules.refusal(described)
        if rule not in (None, "empty"):
            return described  # its commit is not needed
        root = self._context.endpoints.github_git
        commit = await fetch_head(self._context.fetcher, root, described.full_name)
        return from_rest(page.content, commit)

    def _settle(self, outcomes: Sequence[tuple[Item, Outcome]]) -> bool:
        """Write what was found out; return False if GitHub is given up."""
        is_given_up = False
        with self._ledger.transaction():
            for item, outcome in outcomes:
                if isinstance(outcome, RepositoryFacts):
                    self._take_up(item, outcome)
                elif isinstance(outcome, str):
                    self._ledger.settle(REPOSITORY, item.id, "refused", reason=outcome)
                elif outcome.reason == "host_paused":
                    is_given_up = True
                elif outcome.reason.startswith("refused_"):
                    self._ledger.settle(REPOSITORY, item.id, "refused", reason=outcome.reason)
                else:
                    self._retry(item, outcome)
        return not is_given_up

    def _retry(self, item: Item, error: FetchError) -> None:
        wait = max(error.wait_seconds, self._wait_seconds * 2.0**item.attempts)
        self._ledger.retry(
            REPOSITORY, item.id, reason=error.reason, max_attempts=ITEM_ATTEMPTS, wait_seconds=wait
        )

    def _take_up(self, item: Item, facts: RepositoryFacts) -> None:
        if item.id.startswith(NAME):
            self._intake.resolve(item.id, facts.id)
        decide(self._ledger, self._rules, facts)

    def _is_opted_out(self, item: Item) -> bool:
        name = _seen(item).full_name
        return name is not None and self._rules.opt_out.covers_repository(name)


def _seen(item: Item) -> Seen:
    if item.id.startswith(NAME):
        return Seen(full_name=item.id.removeprefix(NAME))
    return read_seen(item.facts)


def _node_id(item: Item) -> str:
    return _seen(item).node_id or repository_node_id(int(item.id))
