"""The report's section on costs: what each stage took, and what a whole crawl would take."""

from .. import page
from ..page import TableRow
from .costs import NAMES, LoopCosts, cost_lines, crawl_hours


def cost_parts(costs: LoopCosts) -> list[str]:
    """Return the table of stages, and what follows for a crawl."""
    hours, digits = crawl_hours(costs), 2 if costs.has_files else 0
    rows = [
        TableRow(
            name=NAMES.get(stage, stage),
            cells=(
                page.count(cost.tasks),
                f"{cost.cpu_seconds:,.1f}",
                f"{cost.seconds:,.1f}",
                f"{1000 * cost.cpu_seconds / max(costs.pages, 1):,.3f}",
                page.size_text(cost.num_bytes),
                f"{hours[stage]:,.{digits}f}" if stage in hours else "",
            ),
        )
        for stage, cost in costs.stages.items()
    ]
    head = (
        "",
        "tasks",
        "CPU s",
        "s on the clock",
        "CPU ms a page",
        "written",
        "core-hours a million" if costs.has_files else "core-hours a crawl",
    )
    lines = [f"{line[0].upper()}{line[1:]}." for line in cost_lines(costs)]
    return [page.table("Cost by stage", head, rows), *(page.paragraph(line) for line in lines)]
