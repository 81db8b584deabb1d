"""Audit: how many tokens per language, licence, source and rule, reconciled with the shards.

All counting is SQL over Parquet: the ledger is never loaded into Python.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Final

import msgspec
from rich.box import SIMPLE_HEAD
from rich.table import Table

from ..corpus.toml_settings import unknown_name
from ..filters.languages import language_table
from .cells import add_cells
from .funnel import Drop, read_funnel
from .held_out_languages import HeldOutLanguage, held_out_languages, held_out_text
from .incomplete import Incomplete, read_incomplete
from .printable import printable, render
from .reconcile import reconcile
from .splits import ComponentSplits, read_splits, splits_text
from .sql import MEMORY_MB
from .tables import BuildTables, open_tables
from .web_pages import WebPages, read_web_pages, web_pages_text

# What --by takes, and what its values are when the column is null.
DIMENSIONS: Final = (
    "component",
    "language",
    "licence",
    "source",
    "rule",
    "encoding",
    "kind",
    "evidence",
)
SYNONYMS: Final[Mapping[str, str]] = {"license": "licence"}
KEPT: Final = "(kept)"

MAX_ROWS = 40  # of a table for people; the rest becomes one line


class Totals(msgspec.Struct, frozen=True, kw_only=True):
    """Counts over the whole ledger; bytes are those of the original files."""

    documents: int
    kept: int
    dropped: int
    num_bytes: int
    kept_bytes: int
    tokens: int


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """The documents of one component with one value; `token_fraction` is of the whole corpus."""

    component: str
    value: str
    documents: int
    kept: int
    dropped: int
    num_bytes: int
    kept_bytes: int
    tokens: int
    token_fraction: float = 0.0


class Breakdown(msgspec.Struct, frozen=True, kw_only=True):
    """The whole ledger split by one column, most tokens first."""

    by: str
    groups: tuple[Group, ...]


class Audit(msgspec.Struct, frozen=True, kw_only=True):
    """What a build holds and whether its files agree; a sound build has no `differences`."""

    name: str
    totals: Totals
    breakdowns: tuple[Breakdown, ...]
    funnel: tuple[Drop, ...]
    incomplete: Incomplete  # repositories that lack files whose duplicates are kept elsewhere
    web_pages: WebPages
    differences: tuple[str, ...]
    splits: tuple[ComponentSplits, ...]
    held_out: tuple[HeldOutLanguage, ...]  # what is evaluated on, most tokens first
    is_checked: bool  # every row of the shards was read, not their footers alone


def audit(out: str, *, by: Sequence[str], check: bool = True, memory_mb: int = MEMORY_MB) -> Audit:
    """Count a build and reconcile shards, ledger and build.json with each other.

    Args:
        out: the build directory.
        by: names of DIMENSIONS, one breakdown each.
        check: read every row of the shards; else their footers, which have the same totals.
        memory_mb: what the queries may hold in memory, in MiB; more goes to a temporary folder.

    Raises:
        GristmillError: a name is unknown, or `out` holds no build.
    """
    dimensions = [_dimension(name) for name in by]
    with open_tables(out, memory_mb=memory_mb) as tables:
        tables.add_ledger()
        return audit_tables(tables, dimensions, check=check)


def audit_tables(tables: BuildTables, dimensions: Collection[str], *, check: bool) -> Audit:
    """Return the audit of an open build whose ledger has been added."""
    totals, breakdowns = count_groups(tables, dimensions)
    return Audit(
        name=tables.record.name,
        totals=totals,
        breakdowns=breakdowns,
        funnel=read_funnel(tables),
        incomplete=read_incomplete(tables),
        web_pages=read_web_pages(tables),
        differences=tuple(reconcile(tables, check=check)),
        is_checked=check,
        held_out=held_out_languages(tables.record),
        splits=read_splits(tables) if check else (),  # of the token rows that a check reads
    )


def count_groups(
    tables: BuildTables, dimensions: Collection[str]
) -> tuple[Totals, tuple[Breakdown, ...]]:
    """Sum the ledger, which has been added, up into cells, and return the totals of these."""
    seldom = {"evidence": "language_evidence", "encoding": "encoding"}
    add_cells(tables, [seldom[name] for name in dimensions if name in seldom])
    (totals,) = tables.fetch(Totals, _TOTALS)
    return totals, tuple(_breakdown(tables, name, totals.tokens) for name in dimensions)


_SUMS = """
    coalesce(sum(documents), 0)::BIGINT AS documents,
        coalesce(sum(documents) FILTER (dropped_by IS NULL), 0)::BIGINT AS kept,
        coalesce(sum(documents) FILTER (dropped_by IS NOT NULL), 0)::BIGINT AS dropped,
        coalesce(sum(num_bytes), 0)::BIGINT AS num_bytes,
        coalesce(sum(num_bytes) FILTER (dropped_by IS NULL), 0)::BIGINT AS kept_bytes,
        coalesce(sum(tokens), 0)::BIGINT AS tokens
"""

_TOTALS = f"SELECT {_SUMS} FROM cells"  # noqa: S608  a constant

_GROUPS = f"""
    SELECT component,
        CASE ?
            WHEN 'component' THEN component
            WHEN 'language' THEN coalesce(family, language, 'und')
            WHEN 'licence' THEN licence
            WHEN 'source' THEN source
            WHEN 'rule' THEN coalesce(dropped_by, ?)
            WHEN 'encoding' THEN coalesce(encoding, 'unknown')
            WHEN 'kind' THEN kind
            WHEN 'evidence' THEN coalesce(language_evidence, 'none')
        END AS value,
        {_SUMS}
    FROM cells LEFT JOIN (SELECT unnest(?) AS member, unnest(?) AS family)
        ON language = member AND kind = 'file'
    GROUP BY ALL
    ORDER BY tokens DESC, documents DESC, component, value
"""  # noqa: S608  a constant


def _dimension(name: str) -> str:
    name = SYNONYMS.get(name, name)
    if name not in DIMENSIONS:
        known = [*DIMENSIONS, *SYNONYMS]
        raise unknown_name(name, known, where="--by", what="grouping")
    return name


def _breakdown(tables: BuildTables, dimension: str, tokens: int) -> Breakdown:
    # Names that mean one language (Docker and Dockerfile) are counted as one.
    members = [row for row in language_table().languages if row.family]
    names, families = [row.name for row in members], [row.family for row in members]
    groups = tables.fetch(Group, _GROUPS, (dimension, KEPT, names, families))
    shared = [
        msgspec.structs.replace(group, token_fraction=group.tokens / max(tokens, 1))
        for group in groups
    ]
    return Breakdown(by=dimension, groups=tuple(shared))


def format_table(audit: Audit) -> str:
    """Return an audit as people read it: tables at most 100 columns wide, then the verdict."""
    totals = audit.totals
    lines = [
        f"{printable(audit.name)}: {totals.documents:,} documents seen, {totals.kept:,} kept, "
        f"{totals.tokens:,} tokens",
    ]
    lines += [_breakdown_text(breakdown, totals) for breakdown in audit.breakdowns]
    lines += [*web_pages_text(audit.web_pages), _funnel_text(audit)]
    lines += [*_incomplete_text(audit.incomplete), *splits_text(audit.splits)]
    lines += held_out_text(audit.held_out)
    lines.append(_verdict_text(audit))
    return "\n\n".join(lines)


def _breakdown_text(breakdown: Breakdown, totals: Totals) -> str:
    table = _table(breakdown.by, ("documents", "kept", "dropped", "bytes", "tokens", "share"))
    for group in breakdown.groups[:MAX_ROWS]:
        name = group.value
        if breakdown.by != "component":
            name = f"{group.component}/{name}"
        table.add_row(printable(name), *_cells(group))
    rest = breakdown.groups[MAX_ROWS:]
    if rest:
        table.add_row(f"and {len(rest):,} more", *_cells(_sum(rest)))
    table.add_section()
    table.add_row("total", *_cells(_sum(breakdown.groups)))
    return render(table)


def _sum(groups: Sequence[Group]) -> Group:
    return Group(
        component="",
        value="",
        documents=sum(group.documents for group in groups),
        kept=sum(group.kept for group in groups),
        dropped=sum(group.dropped for group in groups),
        num_bytes=sum(group.num_bytes for group in groups),
        kept_bytes=sum(group.kept_bytes for group in groups),
        tokens=sum(group.tokens for group in groups),
        token_fraction=sum(group.token_fraction for group in groups),
    )


def _cells(group: Group) -> list[str]:
    numbers = (group.documents, group.kept, group.dropped, group.num_bytes, group.tokens)
    return [*(f"{number:,}" for number in numbers), f"{group.token_fraction:.1%}"]


def _funnel_text(audit: Audit) -> str:
    names = ("dropped", "bytes", "~ tokens", "left", "would drop", "only it")
    table = _table("dropped by, in order", names)
    left = audit.totals.documents
    table.add_row("seen", "", f"{audit.totals.num_bytes:,}", "", f"{left:,}", "", "")
    for drop in audit.funnel:
        left -= drop.documents
        numbers = (drop.documents, drop.num_bytes, drop.estimated_tokens, left)
        alone = (f"{drop.hits:,}", f"{drop.only:,}") if drop.kind == "rule" else ("", "")
        table.add_row(printable(drop.reason), *(f"{number:,}" for number in numbers), *alone)
    table.add_section()
    totals = audit.totals
    kept = ("", f"{totals.kept_bytes:,}", f"{totals.tokens:,}", f"{totals.kept:,}", "", "")
    table.add_row("kept", *kept)
    return render(table)


def _incomplete_text(found: Incomplete) -> list[str]:
    """Return a line about repositories with a part of their files, if there are any."""
    if not found.repositories:
        return []
    first = found.most[0]
    noun = "repository" if found.repositories == 1 else "repositories"
    return [
        f"Dedup of files left {found.repositories:,} {noun} incomplete: {found.files:,} files "
        f"({found.num_bytes:,} bytes)\nof them are kept elsewhere only. Most are missing in "
        f"{printable(first.repository)[:40]},\nwhich keeps {first.kept:,} and lacks "
        f"{first.missing:,}. Languages in dedup.repository_languages are compared whole."
    ]


def _verdict_text(audit: Audit) -> str:
    if not audit.differences:
        if audit.is_checked:
            return "Shards, ledger, build.json and mixture.json agree."
        return "Footers of shards, ledger, build.json and mixture.json agree; --check reads rows."
    count = len(audit.differences)
    lines = ["1 difference:" if count == 1 else f"{count:,} differences:"]
    lines += [f"  {printable(difference)}" for difference in audit.differences[:MAX_ROWS]]
    if count > MAX_ROWS:
        lines.append(f"  and {count - MAX_ROWS:,} more (--json has all)")
    return "\n".join(lines)


def _table(first: str, numbers: Sequence[str]) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column(first, overflow="fold")
    for name in numbers:
        table.add_column(name, justify="right", no_wrap=True)
    return table
