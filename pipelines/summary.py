"""What a command tells a person on stdout, and the same as JSON for a tool."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:  # each command loads its own
    from .build import BuildResult
    from .dedup_command import DedupResult
    from .gc import Garbage
    from .plan import Plan
    from .plan_mixtures import MixtureChange
    from .reasons import PlannedTask
    from .remove import Receipt
    from .stage import Failure

MAX_LINES = 20


def to_json(value: object) -> str:
    """Return any result as one JSON object."""
    return msgspec.json.encode(value).decode()


def build_json(result: "BuildResult") -> str:
    """Return a build's result without the long list of its artifacts."""
    record = result.record
    return to_json(
        {
            "out": result.out,
            "ran": result.num_ran,
            "cached": result.num_cached,
            "written": result.published.written,
            "removed": result.published.removed,
            "totals": record.totals if record is not None else None,
            "failures": result.failures,
        }
    )


def build_text(result: "BuildResult") -> str:
    """Return what a build did, in a few lines."""
    if result.failures:
        return _failed_text(result.failures, result.out, "Mend the input and build again.")
    assert result.record is not None
    totals, changed = result.record.totals, result.published
    corpus = (
        f"{totals.documents:,} documents seen, {totals.kept:,} kept, {totals.tokens:,} tokens "
        f"in {number(len(result.record.tokens), 'shard')}"
    )
    for source, pages in totals.fell_back.items():
        corpus += f", {pages:,} pages of {source} by the cheap tier (audit says why)"
    if not result.num_ran and not changed.written and not changed.removed:
        if changed.mixtures:
            return f"{result.out}: {corpus}.\nNo task ran; {', '.join(changed.mixtures)} written."
        return f"{result.out}: nothing to do. {corpus}."
    shards = sum(path.startswith("tokens/") for path in changed.written)
    gone = sum(path.startswith("tokens/") for path in changed.removed)
    ran, written = number(result.num_ran, "task"), number(shards, "token shard")
    did = f"{ran} ran, {result.num_cached:,} already done; {written} written"
    return f"{result.out}: {corpus}.\n{did}{f', {gone} removed' if gone else ''}."


def dedup_text(result: "DedupResult") -> str:
    """Return what a dedup of files did, in a few lines."""
    if result.failures:
        return _failed_text(result.failures, result.out, "Mend the input and run it again.")
    record = result.record
    assert record is not None
    rows = (
        f"{record.rows:,} rows, {record.kept:,} kept; left out: {record.exact_duplicates:,} exact "
        f"and {record.near_duplicates:,} near duplicates"
    )
    if not result.num_ran:
        return f"{result.out}: nothing to do. {rows}."
    ran = number(result.num_ran, "task")
    return f"{result.out}: {rows}.\n{ran} ran, {result.num_cached:,} already done."


def _failed_text(failures: "Sequence[Failure]", out: str, todo: str) -> str:
    lines = [f"{number(len(failures), 'task')} failed; nothing was published:"]
    for failure in failures[:MAX_LINES]:
        lines.append(f"  {failure.stage} of {failure.shard}: {failure.message}")
    lines.append(f"Details: {out}/work/quarantine. {todo}")
    return "\n".join(lines)


def plan_text(plan: "Plan") -> str:
    """Return a plan as a person reads it: why, what is written, and what each language gains."""
    failed = [f"{f.stage} of {f.shard} failed: {f.message}" for f in plan.failures]
    has_shards = bool(failed or plan.tasks or plan.shards or not plan.is_exact)
    if not has_shards and not plan.mixtures:
        return "Nothing to do."
    lines = [*failed, *_reasons(plan)]
    if not has_shards:
        lines.append("No shard changes, and no task has to run.")
    elif plan.is_exact:
        verb = "changes" if len(plan.shards) == 1 else "change"
        lines.append(f"{number(len(plan.shards), 'token shard')} {verb}:")
        lines += _shortened([f"  {shard.change:<8} {shard.path}" for shard in plan.shards])
        lines.append(_language_table(plan))
    else:
        lines.append("The shards and tokens that change are known once these are read:")
        lines += _shortened([f"  {name}" for name in plan.unknown])
        lines += [
            f"The recipe expects {tokens:,} tokens of {source}."
            for source, tokens in plan.expected_tokens.items()
        ]
    for mixture in plan.mixtures:
        lines += [f"{mixture.change} {mixture.path}", _mixture_table(mixture)]
    lines.append(f"Expected: {plan.seconds:.1f} s on one core.")
    return "\n".join(lines)


def _reasons(plan: "Plan") -> list[str]:
    """Return each cause with the tasks it concerns, then how many tasks follow from them."""
    tasks = (*plan.done, *plan.tasks)
    roots = [task for task in tasks if not task.is_consequence]
    groups: dict[tuple[str, str], list[PlannedTask]] = {}
    for task in roots:
        groups.setdefault((task.stage, task.reason), []).append(task)
    lines = []
    for (stage, reason), found in groups.items():
        where = found[0].shard if len(found) == 1 else number(len(found), "shard")
        lines.append(f"{stage} of {where}: {reason}")
    lines = _shortened(lines)
    if len(tasks) > len(roots):
        lines.append(f"Tasks that follow from that: {len(tasks) - len(roots):,} (--json has all)")
    return lines


def _shortened(lines: list[str]) -> list[str]:
    if len(lines) <= MAX_LINES:
        return lines
    return [*lines[:MAX_LINES], f"  and {len(lines) - MAX_LINES} more (--json has all)"]


def _language_table(plan: "Plan") -> str:
    from rich.table import Table

    from .printable import render

    table = Table(box=None, pad_edge=False)
    for name in ("component", "language"):
        table.add_column(name)
    for name in ("documents", "change", "tokens", "change"):
        table.add_column(name, justify="right")
    for row in plan.languages:
        table.add_row(
            row.component,
            row.language,
            f"{row.documents_after:,}",
            f"{row.documents_after - row.documents_before:+,}",
            f"{row.tokens_after:,}",
            f"{row.tokens_after - row.tokens_before:+,}",
        )
    return render(table)


def _mixture_table(mixture: "MixtureChange") -> str:
    from rich.table import Table

    from .printable import render

    table = Table(box=None, pad_edge=False)
    table.add_column("component")
    for name in ("training tokens", "change", "epochs", "before"):
        table.add_column(name, justify="right")
    for row in mixture.components:
        table.add_row(
            row.component,
            f"{row.target_after:,}",
            f"{row.target_after - row.target_before:+,}",
            f"{row.epochs_after:.2f}",
            f"{row.epochs_before:.2f}",
        )
    return render(table)


def receipt_text(receipt: "Receipt") -> str:
    """Return a removal's receipt as a person reads it."""
    lines = [f"{number(receipt.documents, 'document')} taken out of the training data."]
    for line, count in receipt.entries.items():
        found = f"{number(count, 'document')} seen" if count else "matches nothing"
        lines.append(f"  {line}: {found}")
    end = ":" if receipt.shards else "."
    lines.append(f"{number(len(receipt.shards), 'token shard')} changed{end}")
    for shard in receipt.shards:
        fate = "removed" if not shard.digest_after else "rewritten"
        change = shard.tokens_after - shard.tokens_before
        lines.append(f"  {fate:<9} {shard.path} {change:+,} tokens")
    purged = number(receipt.purged_files, "earlier file")
    lines.append(f"{purged} deleted from the work folder. Receipt: {receipt.path}")
    return "\n".join(lines)


def garbage_text(garbage: "Garbage", *, dry_run: bool) -> str:
    """Return what a collection removed."""
    verb = "would be removed" if dry_run else "removed"
    megabytes = garbage.num_bytes / 1e6
    files = number(garbage.num_files, "file")
    return f"{files}, {megabytes:,.1f} MB {verb}; {garbage.kept_files:,} needed."


def number(count: int, noun: str) -> str:
    """Return a count with its noun, which takes an s unless there is one of it."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
