"""A chart without a script: for each iteration its tokens, and shares with their intervals."""

from collections.abc import Sequence
from typing import Final

import msgspec

from ...filters.recall.audit import Estimate
from .. import page

STEP: Final = 100  # the width of an iteration
LEFT: Final = 30  # of the scale
TOP: Final = 22
HEIGHT: Final = 140
SCALE: Final = (0.0, 0.5, 1.0)


class Column(msgspec.Struct, frozen=True, kw_only=True):
    """One iteration; precision is a circle and recall a square."""

    name: str
    tokens: int
    precision: Estimate | None
    recall: Estimate | None


def quality_chart(label: str, columns: Sequence[Column]) -> str:
    """Return the chart as SVG, for a table beside it."""
    most = max((column.tokens for column in columns), default=0) or 1
    width = LEFT + STEP * max(len(columns), 1)
    parts = [_line(share, width) for share in SCALE]
    for i, column in enumerate(columns):
        parts.append(_column(column, LEFT + i * STEP, most))
    return (
        f'<svg class="histogram" viewBox="0 0 {width} {TOP + HEIGHT + 42}" role="img" '
        f'aria-label="{page.text(label)}" style="max-width:{width}px">{"".join(parts)}</svg>'
    )


def _line(share: float, width: int) -> str:
    y = _y(share)
    return (
        f'<rect class="track" x="{LEFT}" y="{y:.1f}" width="{width - LEFT}" height="1"/>'
        f'<text class="axis" x="12" y="{y + 4:.1f}">{share:g}</text>'
    )


def _column(column: Column, x: int, most: int) -> str:
    height = HEIGHT * column.tokens / most
    middle = x + STEP / 2
    parts = [
        f'<rect class="more" x="{x + 8}" y="{TOP + HEIGHT - height:.1f}" width="14" '
        f'height="{height:.1f}"/>',
        _share(column.precision, x + 46, "plain", is_round=True),
        _share(column.recall, x + 80, "math", is_round=False),
        f'<text class="axis" x="{middle:g}" y="{TOP + HEIGHT + 18}">'
        f"{page.text(column.name)}</text>",
        f'<text class="axis" x="{middle:g}" y="{TOP + HEIGHT + 34}">'
        f"{page.text(page.count(column.tokens))}</text>",
    ]
    return "".join(parts)


def _share(share: Estimate | None, x: int, tone: str, *, is_round: bool) -> str:
    """Return the mark of a share, its interval and its value."""
    if share is None:
        return ""
    y, top, bottom = _y(share.value), _y(share.upper), _y(share.lower)
    mark = (
        f'<circle class="{tone}" cx="{x}" cy="{y:.1f}" r="5"/>'
        if is_round
        else f'<rect class="{tone}" x="{x - 4.5}" y="{y - 4.5:.1f}" width="9" height="9"/>'
    )
    return (
        f'<rect class="{tone}" x="{x - 1}" y="{top:.1f}" width="2" height="{bottom - top:.1f}"/>'
        f'{mark}<text x="{x}" y="{min(top, y) - 8:.1f}">{share.value:.2f}</text>'
    )


def _y(share: float) -> float:
    return TOP + HEIGHT * (1 - share)
