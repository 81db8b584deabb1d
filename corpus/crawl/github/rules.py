"""Which repositories are wanted, decided over what is known of them, as often as the rules change.

Facts are asked for once; a crawl with other rules decides anew without a request.
"""

from datetime import datetime, time, timezone
from typing import Literal

import msgspec

from ..ledger import Item, Ledger
from ..opt_out import OptOut
from ..settings import GithubCrawl
from .facts import RepositoryFacts, read_facts

Rule = Literal[
    "opted_out",
    "private",
    "disabled",
    "created_after",
    "fork",
    "archived",
    "too_few_stars",
    "too_large",
    "empty",
]
REPOSITORY = "repository"
CONTENT = "content"
ISSUES = "issues"
CHANGES = 1000  # decided in one transaction


class Rules:
    """The rules of one crawl.

    Attributes:
        opt_out: asked before anything else.
    """

    def __init__(self, settings: GithubCrawl, opt_out: OptOut) -> None:
        self.opt_out = opt_out
        self._settings = settings
        day = datetime.combine(settings.created_before, time(), timezone.utc)
        self.created_before = int(day.timestamp())

    @property
    def wanted_kinds(self) -> tuple[str, ...]:
        """The kinds of items that a wanted repository gives."""
        settings = self._settings
        kinds = () if settings.content == "none" else (CONTENT,)
        return (*kinds, ISSUES) if settings.issues else kinds

    def refusal(self, facts: RepositoryFacts) -> Rule | None:
        """Return the first rule that a repository breaks."""
        settings = self._settings
        broken: tuple[tuple[Rule, bool], ...] = (
            ("opted_out", self.opt_out.covers_repository(facts.full_name)),
            ("private", facts.is_private),
            ("disabled", facts.is_disabled),
            ("created_after", facts.created >= self.created_before),
            ("fork", facts.is_fork and not settings.forks),
            ("archived", facts.is_archived and not settings.archived),
            ("too_few_stars", facts.stars < settings.min_stars),
            ("too_large", facts.disk_kib * 1024 > settings.max_repository_bytes),
            ("empty", facts.commit is None),
        )
        return next((rule for rule, is_broken in broken if is_broken), None)

    def fingerprint(self) -> str:
        """Return what tells these rules from others."""
        settings = self._settings
        said = (
            settings.created_before.isoformat(),
            settings.forks,
            settings.archived,
            settings.min_stars,
            settings.max_repository_bytes,
            self.wanted_kinds,
            self.opt_out.digest,
        )
        return msgspec.json.encode(said).decode()


def decide(ledger: Ledger, rules: Rules, facts: RepositoryFacts) -> None:
    """Settle a hydrated repository, and make its content wait if it is wanted.

    Within the caller's transaction.
    """
    number = str(facts.id)
    rule = rules.refusal(facts)
    state: Literal["refused", "done"] = "refused" if rule else "done"
    ledger.settle(REPOSITORY, number, state, reason=rule, facts=facts)
    for kind in (CONTENT, ISSUES):
        known = ledger.get(kind, number)
        is_wanted = rule is None and kind in rules.wanted_kinds
        is_wanted = is_wanted and (kind != ISSUES or facts.has_issues)
        if is_wanted and known is None:
            ledger.add(kind, [(number, msgspec.structs.asdict(facts))])
        elif is_wanted and known is not None and known.state == "refused" and _is_ours(known):
            ledger.settle(kind, number, "waiting", facts=facts)
        elif not is_wanted and known is not None and known.state in ("waiting", "failed"):
            ledger.settle(kind, number, "refused", reason=rule or "not_wanted")


def decide_again(ledger: Ledger, rules: Rules) -> int:
    """Decide over all repositories if the rules are not those of the last run.

    Returns:
        How many repositories are refused now whose content or issues are stored already.
    """
    fingerprint = rules.fingerprint()
    if ledger.cursor("rules") == fingerprint:
        return 0
    num_stored = 0
    for state in ("refused", "done"):
        pending: list[Item] = []
        for item in ledger.each(REPOSITORY, state):
            pending.append(item)
            if len(pending) >= CHANGES:
                num_stored += _decide_all(ledger, rules, pending)
                pending.clear()
        num_stored += _decide_all(ledger, rules, pending)
    ledger.set_cursor("rules", fingerprint)
    return num_stored


def _decide_all(ledger: Ledger, rules: Rules, items: list[Item]) -> int:
    num_stored = 0
    with ledger.transaction():
        for item in items:
            facts = read_facts(item.facts)
            if facts is None:
                if item.reason == "opted_out":  # before it was asked for
                    ledger.settle(REPOSITORY, item.id, "waiting")
                continue
            decide(ledger, rules, facts)
            if rules.refusal(facts) is not None:
                kept = (ledger.get(kind, item.id) for kind in (CONTENT, ISSUES))
                num_stored += any(found is not None and found.state == "done" for found in kept)
    return num_stored


def _is_ours(item: Item) -> bool:
    return item.reason in Rule.__args__ or item.reason == "not_wanted"  # type: ignore[attr-defined]
