"""A cluster plan as a person reads it: rows of steps, totals, the bottleneck."""

from rich.table import Table

from .cluster_plan import ClusterPlan, PlannedStep
from .expect import SourceRate
from .printable import render
from .summary import number

_UNITS = ((10**15, "PB"), (10**12, "TB"), (10**9, "GB"), (10**6, "MB"), (10**3, "kB"))
_COUNTS = ((10**12, "T"), (10**9, "B"), (10**6, "M"), (10**3, "k"))
_LIMITS = {"cores": "cores", "disk": "disks", "network": "network"}


def cluster_text(plan: ClusterPlan) -> str:
    """Return the plan as a table with the sentences that belong to it."""
    cluster, steps = plan.cluster, plan.steps
    wall = sum(step.wall_hours for step in steps)
    worst = next(step for step in steps if step.step == plan.bottleneck)
    lines = [
        f"{plan.recipe} on {cluster.nodes:,} nodes of {cluster.cores:,} cores, with "
        f"{cluster.disk:g} GB/s of disk and {cluster.network:g} GB/s of network each, and "
        f"{cluster.internet:g} GB/s of internet for all.",
        f"Rates: {plan.rates}.",
        *_token_rates(plan.token_rates),
        *(
            f"Of {part.name}: {_scaled(part.tokens, _COUNTS)} tokens x {part.epochs:.2f} epochs = "
            f"{_scaled(part.target_tokens, _COUNTS)}."
            for part in plan.mixture
        ),
        "",
        _table(steps),
        "",
        f"In all: {_hours(sum(step.cpu_hours for step in steps))} CPU hours, {_hours(wall)} hours "
        f"on the clock one step after the other, "
        f"{_bytes(sum(step.written_bytes for step in steps))} written.",
        f"Bottleneck: {worst.step}, {worst.wall_hours / wall:.0%} of the time, limited by its "
        f"{_LIMITS[worst.limited_by]}.",
    ]
    if cluster.used_cores < cluster.cores:
        lines.append(
            f"Memory: {cluster.memory:g} GB are enough for "
            f"{number(cluster.used_cores, 'task')} a node."
        )
    lines += [f"Not in these figures: {what}." for what in plan.unknown]
    return "\n".join(lines)


def _token_rates(rates: tuple[SourceRate, ...]) -> list[str]:
    """Return what bytes come to in tokens, and which languages are assumed and not said."""
    each = ", ".join(f"{rate.source} {rate.bytes_per_token:.2f}" for rate in rates)
    assumed = [
        f"{rate.assumed} for {_part(rate.assumed_fraction)}{rate.source}"
        for rate in rates
        if rate.assumed
    ]
    lines = [f"Bytes a token, by language: {each}."]
    if assumed:
        lines.append(f"Assumed where no language is said: {', '.join(assumed)}.")
    return lines


def _part(fraction: float) -> str:
    return "" if fraction > 1 - 1e-9 else f"{fraction:.0%} of "


def _table(steps: tuple[PlannedStep, ...]) -> str:
    table = Table(box=None, pad_edge=False)
    table.add_column("step")
    for name in ("documents", "text", "tokens", "CPU h", "disk", "network", "hours"):
        table.add_column(name, justify="right")
    table.add_column("limited by")
    for step in steps:
        table.add_row(
            step.step,
            _scaled(step.documents, _COUNTS),
            _bytes(step.text_bytes),
            _scaled(step.tokens, _COUNTS) if step.tokens else "",
            _hours(step.cpu_hours),
            _bytes(step.written_bytes),
            _bytes(step.network_bytes) if step.network_bytes else "",
            _hours(step.wall_hours),
            step.limited_by,
        )
    return render(table)


def _hours(hours: float) -> str:
    """Return hours to the hour, or to three digits."""
    return f"{hours:,.0f}" if hours >= 100 else f"{hours:.3g}"


def _bytes(count: int) -> str:
    return _scaled(count, _UNITS) if count >= 1000 else f"{count} B"


def _scaled(count: int, units: tuple[tuple[int, str], ...]) -> str:
    """Return a count to three digits with its unit."""
    for size, unit in units:
        if count >= size:
            number = count / size
            space = " " if len(unit) > 1 else ""
            return f"{number:.3g}{space}{unit}" if number < 1000 else f"{number:,.0f}{space}{unit}"
    return f"{count:,}"
