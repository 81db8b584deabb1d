"""The line that people read: where a run stands, how well it learns, how fast it goes."""

from .records import EvaluationRecord, Record, SkipRecord, StepRecord

_GIB = 1 << 30


def progress_line(record: Record) -> str:
    """Return one line without its end."""
    if isinstance(record, StepRecord):
        return " | ".join(_step_parts(record))
    if isinstance(record, SkipRecord):
        last = record.first_sample + record.num_samples - 1
        return (
            f"step {record.step:,} {record.stage} skipped: loss {record.loss:.3f}, grad "
            f"{record.grad_norm:.3g}, samples {record.first_sample:,} to {last:,}"
        )
    return " | ".join(_evaluation_parts(record))


def _step_parts(record: StepRecord) -> list[str]:
    loss = record.losses.all
    bits, mfu, left = loss.bits_per_byte, record.mfu, record.seconds_left
    parts = {
        f"step {record.step:,}/{record.num_steps:,} {record.stage}": True,
        f"loss {loss.nats_per_token:.3f}": True,
        f"{bits or 0:.3f} bits/byte": bits is not None,
        f"lr {record.lr:.2e}": True,
        f"grad {record.grad_norm:.3g}": True,
        f"{record.tokens_per_second:,.0f} tok/s": True,
        f"mfu {100 * (mfu or 0):.1f} %": mfu is not None,
        f"{record.memory_bytes / _GIB:.2f} GiB": True,
        f"{record.skipped} skipped": record.skipped > 0,
        f"{duration(left or 0)} left": left is not None,
    }
    return [part for part, is_shown in parts.items() if is_shown]


def _evaluation_parts(record: EvaluationRecord) -> list[str]:
    totals = {
        name.removesuffix("/all"): bits
        for name, bits in record.bits_per_byte.items()
        if name.endswith("/all")
    }
    bits = ", ".join(f"{name} {value:.3f}" for name, value in totals.items())
    matches = record.fim_exact_match
    return [
        f"held out after step {record.step:,}",
        f"bits/byte {bits}",
        *(f"FIM {name} {100 * share:.1f} %" for name, share in matches.items()),
    ]


def duration(seconds: float) -> str:
    """Return a span of time in its two greatest units."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days} d {hours:02} h"
    if hours:
        return f"{hours} h {minutes:02} min"
    return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"
