"""From scores to sites: the pages collected, the domains they show, and what holds for prefixes."""

from collections.abc import Sequence
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ...filters.recall.decisions import AUTO, Decision, combine, format_decisions
from ...filters.recall.domains import domain_table, in_topic
from ...filters.recall.prefix_lookup import NONE, PrefixLookup, find_column
from ...filters.recall.prefixes import Scope
from ...filters.recall.proposals import automatic_decisions, propose_prefixes
from ..recall_settings import RecallTarget
from .asked import Mask
from .pool import Pages

ACCEPTED: Final = 0
LEFT: Final = 1  # by an interval: pages that the model collects stay
TAKEN_OUT: Final = 2  # by a person: rejected, or on hold
NOBODY: Final = "?"  # who has not decided yet


class Topic(msgspec.Struct, frozen=True, kw_only=True):
    """What an iteration says of sites and of pages."""

    domains: pa.Table  # with `in_topic`
    prefixes: pa.Table  # proposals
    decisions: list[Decision]  # those that hold: people's, and automatic ones elsewhere
    review: pa.Table  # proposals that nobody has decided, most tokens first
    is_accepted: Mask
    is_taken_out: Mask


def find_topic(
    pages: Pages,
    is_ranked: Mask,
    written: Sequence[Decision],
    target: RecallTarget,
    iteration: int,
    *,
    may_join: Mask,
) -> Topic:
    """Return the sites in topic and the verdict on their pages.

    Args:
        is_ranked: the pages that the model collects.
        may_join: the pages with the evidence that is asked for. A site and a prefix are judged by
            these alone: what share of the pages that may be collected the model would collect.
        written: what people decided; below their prefixes nothing is decided automatically.
    """
    judged = _judged(pages.table, is_ranked, may_join)
    collected = np.asarray(judged["collected"])
    domains = domain_table(judged["host"], collected, judged["num_tokens"].to_numpy())
    flags = in_topic(domains, target.domains)
    domains = domains.append_column("in_topic", flags)
    hosts = domains["host"].filter(flags).to_pylist()
    prefixes = propose_prefixes(judged, hosts, target.prefixes)
    people = [one for one in written if one.who != AUTO]
    is_open = _undecided(prefixes, people)
    proposals = prefixes.filter(pa.array(is_open))
    automatic = automatic_decisions(proposals, target=target.name, iteration=iteration)
    decisions = combine(people, automatic)
    verdicts = _verdicts(decisions, pages.table)
    review = proposals.filter(pc.equal(proposals["proposal"], "review"))
    order = [("new_tokens", "descending"), ("host", "ascending"), ("prefix", "ascending")]
    return Topic(
        domains=domains,
        prefixes=prefixes,
        decisions=decisions,
        review=review.sort_by([*order, ("scope", "ascending")]),
        is_accepted=verdicts == ACCEPTED,
        is_taken_out=verdicts == TAKEN_OUT,
    )


def _judged(table: pa.Table, is_ranked: Mask, may_join: Mask) -> pa.Table:
    """Return the pages that sites and prefixes are judged by, as the evidence of proposals."""
    judged = table.append_column("id", table["doc_id"])
    judged = judged.append_column("collected", pa.array(is_ranked))
    return judged if may_join.all() else judged.filter(pa.array(may_join))


def _undecided(prefixes: pa.Table, people: Sequence[Decision]) -> Mask:
    """Return which prefixes no person has decided, by themselves or by one that holds them."""
    exact = {(one.host, one.prefix, one.scope) for one in people}
    lookup = PrefixLookup((one.host, one.prefix, one.scope, one) for one in people)
    keys = zip(*(prefixes[name].to_pylist() for name in ("host", "prefix", "scope")), strict=True)
    return np.array(
        [
            (host, prefix, scope) not in exact and lookup.find_prefix(host, prefix) is None
            for host, prefix, scope in keys
        ],
        dtype=np.bool_,
    )


def _verdicts(decisions: Sequence[Decision], table: pa.Table) -> npt.NDArray[np.int64]:
    entries: list[tuple[str, str, Scope, int]] = []
    for one in decisions:
        code = TAKEN_OUT if one.who != AUTO else LEFT
        code = ACCEPTED if one.verdict == "accept" else code
        entries.append((one.host, one.prefix, one.scope, code))
    assert ACCEPTED != NONE, "NONE means that nothing holds"
    return find_column(PrefixLookup(entries), table)


def review_text(review: pa.Table, *, target: str, iteration: int) -> str:
    """Return the open prefixes as lines for a decisions file: edit verdict and who, and copy them.

    Most tokens first; the last column holds sample URLs.
    """
    header, lines = "", []
    for row in review.to_pylist():
        one = Decision(
            target=target,
            host=row["host"],
            prefix=row["prefix"],
            scope=row["scope"],
            verdict="hold",
            who=NOBODY,
            date="",
            iteration=iteration,
            pages=row["num_pages"],
            collected=row["num_collected"],
            lower=row["lower"],
            upper=row["upper"],
            note=_note(row["new_tokens"], row["formulas"], row["code_lines"], row["samples"]),
        )
        lines.append(format_decisions([one]).splitlines()[1])
    header = format_decisions([]).rstrip("\n")
    return "".join(f"{line}\n" for line in (header, *lines))


def _note(new_tokens: int, formulas: int, code_lines: int, samples: list[str]) -> str:
    counts = f"{new_tokens} new tokens, {formulas} formulas, {code_lines} lines of code"
    return " ".join([counts, *map(_one_word, samples)])


def _one_word(url: str) -> str:
    return "".join(char if char.isprintable() and char != " " else "%20" for char in url)
