"""The report's table of the repositories, hosts and data sets that most tokens come from."""

from . import page
from .page import Bar, TableRow
from .report_facts import Facts


def contributor_table(facts: Facts, tokens: int) -> str:
    """Return the largest contributors, and what the others come to."""
    largest = max((found.tokens for found in facts.contributors), default=0) or 1
    rows = [
        TableRow(
            name=found.collection,
            note=f"{found.source}, {found.licence}",
            cells=(
                page.count(found.documents),
                page.count(found.tokens),
                page.percent(found.tokens / max(tokens, 1)),
            ),
            bar=Bar(fraction=found.tokens / largest, tone=found.component),
        )
        for found in facts.contributors
    ]
    hidden = facts.num_contributors - len(rows)
    if hidden:
        rows.append(
            TableRow(name=f"and {hidden:,} more", cells=_rest(facts, tokens), is_total=True)
        )
    caption = "Repositories, hosts and data sets with most tokens"
    return page.table(caption, ("", "documents", "tokens", "share"), rows)


def _rest(facts: Facts, tokens: int) -> tuple[str, str, str]:
    rest = tokens - sum(found.tokens for found in facts.contributors)
    return "", page.count(rest), page.percent(rest / max(tokens, 1))
