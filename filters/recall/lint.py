"""What is odd about decisions that can be read: warnings for people, never a refusal."""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from .decisions import Decision
from .prefix_lookup import PrefixLookup

ODD_ACCEPT: Final = 0.1  # an upper bound below which nobody would accept
ODD_REJECT: Final = 0.9


class Finding(NamedTuple):
    """A decision and what is odd about it."""

    decision: Decision
    message: str


def lint_decisions(decisions: Sequence[Decision], hosts: Iterable[str]) -> list[Finding]:
    """Return what a person should look at again, in the order of the decisions.

    Args:
        hosts: all hosts of the pool.
    """
    known = frozenset(hosts)
    lookups = {
        target: PrefixLookup(
            (row.host, row.prefix, row.scope, row) for row in decisions if row.target == target
        )
        for target in {row.target for row in decisions}
    }
    return [
        Finding(row, message)
        for row in decisions
        for message in _odd(row, known, lookups[row.target])
    ]


def _odd(row: Decision, hosts: frozenset[str], lookup: PrefixLookup[Decision]) -> list[str]:
    found = []
    if row.host not in hosts:
        found.append("no page of the pool has this host")
    outer = _enclosing(row, lookup)
    if outer is not None and outer.verdict == row.verdict:
        found.append(f"{outer.prefix} has the same verdict, so this line changes nothing")
    if row.pages and row.verdict == "accept" and row.upper < ODD_ACCEPT:
        found.append(f"it is accepted, but at most {row.upper:.0%} of its pages were collected")
    if row.pages and row.verdict == "reject" and row.lower > ODD_REJECT:
        found.append(f"it is rejected, but at least {row.lower:.0%} of its pages were collected")
    return found


def _enclosing(row: Decision, lookup: PrefixLookup[Decision]) -> Decision | None:
    """Return what would decide about the pages of a prefix without its own line."""
    if row.scope == "page":
        return lookup.find_prefix(row.host, row.prefix)
    parent, slash, _ = row.prefix.rstrip("/?").rpartition("/")
    return lookup.find_prefix(row.host, f"{parent}/") if slash else None
