"""The report's table of groups: which tokens are seen how often, and what limits them."""

from ..corpus.groups import MixtureGroup
from ..corpus.mixture import Mixture
from . import page
from .page import TableRow

_NAMED = 6  # languages of a group; the rest are counted
_BOUNDS = {"": "", "max_share": "largest share", "max_epochs": "most epochs"}


def group_parts(mixture: Mixture) -> tuple[str, ...]:
    """Return the table of groups, and which components ceilings have moved; often nothing."""
    parts = []
    moved = [
        f"{component.name} ({page.percent(component.weight)} asked, "
        f"{page.percent(component.target_tokens / mixture.total_tokens)} given)"
        for component in mixture.components
        if abs(component.target_tokens - component.weight * mixture.total_tokens) > 1
    ]
    if moved:
        parts.append(
            page.paragraph(f"Ceilings have moved tokens between components: {', '.join(moved)}.")
        )
    if any(len(component.groups) > 1 for component in mixture.components):
        rows = [_row(group) for part in mixture.components for group in part.groups]
        head = ("group", "tokens", "target", "epochs", "at its limit")
        parts.append(page.table("Tokens that are seen equally often", head, rows))
    return tuple(parts)


def _row(group: MixtureGroup) -> TableRow:
    more = len(group.languages) - _NAMED
    named = ", ".join(group.languages[:_NAMED])
    return TableRow(
        name=group.name,
        note=f"{named} and {more} more" if more > 0 else named,
        cells=(
            page.count(group.tokens),
            page.count(group.target_tokens),
            f"{group.epochs:,.2f}",
            _BOUNDS[group.bound],
        ),
    )
