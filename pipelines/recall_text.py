"""What a recall loop came to, for a person to read."""

from rich.table import Table

from ..corpus.storage import join
from .printable import printable, render
from .recall.costs import cost_lines
from .recall.metrics import IterationMetrics
from .recall.output import REPORT_FILE
from .recall_command import RecallResult, TargetResult
from .recall_pages import FOLDER

MOST_LANGUAGES = 8


def recall_text(result: RecallResult) -> str:
    """Return a table of the iterations of each target, and why they stopped."""
    lines = []
    for target in result.targets:
        lines += _target_lines(target)
        lines.append(f"  report: {join(result.out, FOLDER, target.record.target, REPORT_FILE)}")
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
    lines += _alarm_lines(target.iterations)
    lines += [f"  note: {printable(note)}" for note in target.notes]
    lines += [f"  {line}" for line in cost_lines(target.costs)]
    return lines


def _alarm_lines(iterations: tuple[IterationMetrics, ...]) -> list[str]:
    """Return every alarm; what to do is said of those of the last iteration."""
    last = iterations[-1].iteration
    return [
        f"  ALARM after iteration {one.iteration}: {alarm.name},"
        f" {alarm.value:.2f} against {alarm.bar:.2f}"
        + (f"; {printable(alarm.detail)}" if one.iteration == last else "")
        for one in iterations
        for alarm in one.alarms
    ]


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
