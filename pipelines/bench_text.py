"""The rates of a machine as a table."""

from rich.table import Table

from .machine_rates import MachineRates, Rate
from .printable import render

_MEGA = 10**6


def bench_text(rates: MachineRates) -> str:
    """Return each step's rate on one core, and which machine it is."""
    table = Table(box=None, pad_edge=False)
    for name in ("step", "of"):
        table.add_column(name)
    for name in ("amount", "CPU s", "rate"):
        table.add_column(name, justify="right")
    for rate in rates.rates:
        table.add_row(
            rate.step,
            rate.kind or "all",
            _amount(rate),
            f"{rate.cpu_seconds:.2f}",
            _per_second(rate) if rate.cpu_seconds else "too fast to tell",
        )
    return f"{rates.machine}, {rates.cores} cores; one core does:\n\n{render(table)}"


def _amount(rate: Rate) -> str:
    return f"{rate.amount / _MEGA:.2f} MB" if _is_bytes(rate) else f"{rate.amount:,}"


def _per_second(rate: Rate) -> str:
    if _is_bytes(rate):
        return f"{rate.per_second / _MEGA:.2f} MB/s"
    return f"{rate.per_second:,.0f} {'tokens' if rate.basis == 'tokens' else 'documents'}/s"


def _is_bytes(rate: Rate) -> bool:
    return rate.basis.endswith("_bytes")
