"""What a recall loop came to, for a person to read."""

from rich.table import Table

from .printable import printable, render
from .recall.iterate import IterationMetrics
from .recall_command import RecallResult, StageCost, TargetResult

CRAWL_PAGES = 3_000_000_000  # of one crawl of Common Crawl, in CRAWL_WARCS files
CRAWL_WARCS = 90_000
MOST_LANGUAGES = 8
MANY_FILES = 1_000_000  # of repositories, of which nobody knows how many there are
_NAMES = {
    "read": "text",
    "language": "language",
    "recall_names": "names",
    "near": "near-duplicates",
    "recall_pool": "words",
    "recall_described": "descriptions",
    "recall_score": "score (each model)",
}


def recall_text(result: RecallResult) -> str:
    """Return a table of the iterations of each target, and why they stopped."""
    lines = []
    for target in result.targets:
        lines += _target_lines(target)
    for failure in result.failures:
        lines.append(f"failed: {failure.stage} of {printable(failure.shard)}: {failure.message}")
    if result.failures:
        lines.append("Mend the input and run again: what is done is not done again.")
    lines.append(f"{result.num_ran:,} tasks ran, {result.num_cached:,} were done already.")
    return "\n".join(lines)


def _target_lines(target: TargetResult) -> list[str]:
    record = target.record
    left = ", ".join(f"{count:,} {name}" for name, count in record.left_out.items() if count)
    things = "files" if record.has_files else "pages"
    lines = [f"{record.target}: a pool of {record.pages:,} {things} ({left or 'nothing'} left out)"]
    lines.append(_table(target.iterations))
    lines += _language_lines(target.iterations[-1])
    stop = target.iterations[-1].stop
    for condition in stop.conditions:
        mark = "holds" if condition.holds else "open"
        value, bar = f"{condition.value:.4f}", f"{condition.bar:g}"
        lines.append(f"  {condition.name}: {value} against {bar}, {mark} ({condition.detail})")
    lines.append(f"  stopped: {stop.reason}")
    lines += [f"  note: {printable(note)}" for note in target.notes]
    lines.append(f"  {cost_line(target.costs, has_files=record.has_files)}")
    return lines


def _table(iterations: tuple[IterationMetrics, ...]) -> str:
    table = Table(box=None, padding=(0, 2, 0, 0))
    names = ("it", "seeds", "pages", "tokens", "new", "score", "domains", "accept", "open")
    for name in (*names, "precision", "recall"):
        table.add_column(name, justify="right", no_wrap=True)
    for one in iterations:
        quality = one.quality.all
        shares = (quality.precision, quality.recall) if quality is not None else ()
        table.add_row(
            str(one.iteration),
            f"{one.seed_pages:,}",
            f"{one.collected_pages:,}",
            f"{one.collected_tokens:,}",
            f"{one.new_pages:,}",
            f"{one.threshold:.2f}",
            f"{one.domains_in_topic:,}",
            f"{one.prefixes_accepted:,}",
            f"{one.prefixes_open:,}",
            *(f"{share.value:.2f} ({share.lower:.2f}-{share.upper:.2f})" for share in shares),
        )
    return render(table)


def _language_lines(last: IterationMetrics) -> list[str]:
    """Return a line for each language of the last iteration, the most tokens first."""
    if len(last.languages) < 2:
        return []
    order = sorted(last.languages.items(), key=lambda one: (-one[1].collected_tokens, one[0]))
    lines = [
        f"  {printable(name)}: {one.collected_pages:,} of {one.pages:,} pages,"
        f" {one.collected_tokens:,} tokens, {one.seed_pages:,} seeds,"
        f" score from {one.threshold:.2f} on"
        for name, one in order
    ]
    if len(lines) > MOST_LANGUAGES:
        lines[MOST_LANGUAGES:] = [f"  and {len(lines) - MOST_LANGUAGES} languages more"]
    return lines


def cost_line(costs: dict[str, StageCost], *, has_files: bool = False) -> str:
    """Return what a whole crawl, or so many files, would cost at these rates, on one core."""
    parts, total = [], 0.0
    digits = 2 if has_files else 0
    number = MANY_FILES if has_files else CRAWL_PAGES
    for stage, name in _NAMES.items():
        cost = costs.get(stage)
        if cost is None or not cost.pages:
            continue
        hours = cost.seconds / cost.pages * number / 3600
        total += hours
        parts.append(f"{name} {hours:,.{digits}f}")
    what = (
        f"{MANY_FILES:,} files"
        if has_files
        else f"a crawl of {CRAWL_PAGES / 1e9:g} G pages in {CRAWL_WARCS:,} WARCs"
    )
    hours_text = f"{total:,.{digits}f} core-hours ({', '.join(parts)})"
    return f"{what} at these rates: {hours_text}, training aside"
