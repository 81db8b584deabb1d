"""The report: an audit as one self-contained HTML page, the same bytes for the same build."""

import msgspec

from ..corpus.mixture import Mixture
from ..corpus.storage import join, read_bytes, write_bytes
from . import page
from .audit import Audit, Breakdown, Group, audit_tables
from .funnel import Drop, recipe_rules
from .page import Bar, TableRow
from .report_contamination import contamination_parts
from .report_contributors import contributor_table
from .report_duplicates import duplicate_parts
from .report_facts import read_facts
from .report_groups import group_parts
from .report_languages import detection_parts
from .report_mixture import mixture_parts, paper_language_parts
from .report_recall import recall_parts
from .report_redactions import redaction_parts
from .sql import MEMORY_MB
from .tables import open_tables
from .web_pages import web_pages_parts
from .why_text import rule_conditions

SHOWN = 30  # rows of a table; the rest is folded or summed up
SECTIONS = (
    ("mixture", "Mixture"),
    ("languages", "Languages"),
    ("detection", "How languages were told"),
    ("funnel", "What was dropped"),
    ("rules", "Rules"),
    ("decontamination", "Decontamination"),
    ("duplicates", "Duplicates"),
    ("contributors", "Contributors"),
    ("licences", "Licences"),
    ("sources", "Sources"),
    ("redactions", "Redactions"),
    ("pages", "Web pages"),
    ("recall", "Recall"),
    ("reconciliation", "Reconciliation"),
)
MEASURES = ("documents", "tokens", "share")


def write_report(
    out: str, target: str | None = None, *, check: bool = False, memory_mb: int = MEMORY_MB
) -> str:
    """Write the report of a build and return where: OUT/report.html, or another file.

    Args:
        check: read every row of the shards, which costs as much as all tokens; else their footers.
        memory_mb: what the queries may hold in memory, in MiB.

    Raises:
        GristmillError: `out` holds no build, or the target cannot be written.
    """
    url = target or join(out, "report.html")
    write_bytes(url, render_report(out, check=check, memory_mb=memory_mb).encode())
    return url


def render_report(out: str, *, check: bool = False, memory_mb: int = MEMORY_MB) -> str:
    """Return the page."""
    with open_tables(out, memory_mb=memory_mb) as tables:
        tables.add_ledger()
        found = audit_tables(tables, ("component", "language", "licence", "source"), check=check)
        facts = read_facts(tables)
        redactions = redaction_parts(tables)
        rules = {
            rule.name: f"{rule.signal}: {rule_conditions(rule)}"
            for rule in recipe_rules(tables.record)
        }
        record = tables.record
    mixture = msgspec.json.decode(read_bytes(join(out, "mixture.json")), type=Mixture)
    by = {breakdown.by: breakdown for breakdown in found.breakdowns}
    parts = [
        _head(found, len(record.tokens)),
        _section("mixture", *mixture_parts(found, mixture), *group_parts(mixture)),
        _languages(by["language"]),
        _section("detection", *detection_parts(facts.told)),
        _funnel(found),
        _rules(found, rules),
        _section("decontamination", *contamination_parts(facts.contamination)),
        _section("duplicates", *duplicate_parts(facts.clusters, found.incomplete)),
        _section("contributors", contributor_table(facts, found.totals.tokens)),
        _values("licences", "Tokens by licence", by["licence"]),
        _values("sources", "Tokens by source", by["source"]),
        _section("redactions", *redactions),
        _section("pages", *web_pages_parts(found.web_pages)),
        _section("recall", *recall_parts(out, record.recipe)),
        _reconciliation(found),
        "<footer>"
        + page.paragraph(
            "gristmill audit DIR --json has every number in full; gristmill why DIR DOCUMENT "
            "explains one document, gristmill trace DIR SHARD ROW OFFSET one token."
        )
        + "</footer>",
    ]
    return page.page(f"{found.name}: audit", parts)


def _head(found: Audit, num_shards: int) -> str:
    totals = found.totals
    facts = (
        ("tokens", page.count(totals.tokens)),
        ("documents kept", page.count(totals.kept)),
        ("documents seen", page.count(totals.documents)),
        ("bytes seen", page.size_text(totals.num_bytes)),
        ("token shards", page.count(num_shards)),
    )
    cells = "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in facts)
    links = "".join(f'<li><a href="#{name}-title">{title}</a></li>' for name, title in SECTIONS)
    return (
        f"<header><h1>{page.text(found.name)}</h1>{_verdict(found)}"
        f'<dl class="facts">{cells}</dl><nav aria-label="Sections"><ul>{links}</ul></nav></header>'
    )


def _verdict(found: Audit) -> str:
    if not found.differences:
        return '<p class="verdict good">Shards, ledger and build.json agree</p>'
    number = len(found.differences)
    what = "1 difference" if number == 1 else f"{number:,} differences"
    return f'<p class="verdict bad">{what} between shards, ledger and build.json</p>'


def _section(identity: str, *parts: str) -> str:
    return page.section(identity, dict(SECTIONS)[identity], *parts)


def _languages(breakdown: Breakdown) -> str:
    groups = [group for group in breakdown.groups if group.tokens]
    without = len(breakdown.groups) - len(groups)
    caption = f"Tokens by component and language, {len(groups):,} in all"
    parts = [_groups(caption, groups[:SHOWN], groups)]
    if groups[SHOWN:]:
        rest = groups[SHOWN:]
        content = _groups("The other languages", rest, groups)
        parts.append(page.details(f"and {len(rest):,} more", content))
    parts += paper_language_parts(breakdown)
    if without:
        parts.append(page.paragraph(f"In {without:,} more languages every document was dropped."))
    return _section("languages", *parts)


def _groups(caption: str, shown: list[Group], every: list[Group]) -> str:
    largest = max((group.tokens for group in every), default=0) or 1
    rows = [
        TableRow(
            name=group.value,
            note=group.component,
            cells=(
                page.count(group.kept),
                page.count(group.tokens),
                page.percent(group.token_fraction),
            ),
            bar=Bar(fraction=group.tokens / largest, tone=group.component),
        )
        for group in shown
    ]
    return page.table(caption, ("", *MEASURES), rows)


def _values(identity: str, caption: str, breakdown: Breakdown) -> str:
    groups = list(breakdown.groups)
    parts = [_groups(caption, groups[:SHOWN], groups)]
    if groups[SHOWN:]:
        content = _groups(f"{caption}, the rest", groups[SHOWN:], groups)
        parts.append(page.details(f"and {len(groups) - SHOWN:,} more", content))
    return _section(identity, *parts)


def _funnel(found: Audit) -> str:
    totals = found.totals
    left, rows = totals.documents, [_funnel_end("seen", totals.documents, totals.num_bytes, 1.0)]
    for drop in found.funnel:
        left -= drop.documents
        rows.append(_funnel_row(drop, left, totals.documents))
    share = totals.kept / max(totals.documents, 1)
    rows.append(_funnel_end("kept", totals.kept, totals.kept_bytes, share))
    return _section(
        "funnel",
        page.paragraph(
            "Reasons stand in the order in which they are tried; a document counts for the first. "
            "Tokens of dropped documents are estimates: they were never tokenized."
        ),
        page.table(
            "Documents left after each reason",
            ("", "dropped", "bytes", "about tokens", "left"),
            rows,
        ),
    )


def _funnel_end(name: str, documents: int, num_bytes: int, fraction: float) -> TableRow:
    cells = ("", page.size_text(num_bytes), "", page.count(documents))
    return TableRow(name=name, cells=cells, bar=Bar(fraction=fraction), is_total=True)


def _funnel_row(drop: Drop, left: int, seen: int) -> TableRow:
    return TableRow(
        name=drop.reason,
        cells=(
            page.count(drop.documents),
            page.size_text(drop.num_bytes),
            page.count(drop.estimated_tokens),
            page.count(left),
        ),
        bar=Bar(fraction=left / max(seen, 1), second=drop.documents / max(seen, 1)),
    )


def _rules(found: Audit, conditions: dict[str, str]) -> str:
    drops = {drop.reason: drop for drop in found.funnel}
    most = max((drop.hits for drop in found.funnel if drop.kind == "rule"), default=0) or 1
    rows = []
    for name, condition in conditions.items():
        drop = drops.get(name) or Drop(reason=name, kind="rule")
        rows.append(
            TableRow(
                name=name,
                note=condition,
                cells=(
                    page.count(drop.documents),
                    page.count(drop.hits),
                    page.count(drop.only),
                    page.count(drop.hit_estimated_tokens),
                ),
                bar=Bar(
                    fraction=drop.documents / most,
                    second=(drop.hits - drop.documents) / most,
                    second_tone="more",
                ),
            )
        )
    return _section(
        "rules",
        page.paragraph(
            "What each rule dropped as the first, what it would drop if it stood alone (all of "
            "the bar), and what no other rule would drop."
        ),
        page.table("Documents by rule", ("", "first", "alone", "only it", "about tokens"), rows),
    )


def _reconciliation(found: Audit) -> str:
    if not found.differences:
        verdict = (
            "Every row of the shards was read. Tokens counted in the shards equal the ledger's "
            "for every component, language, licence and source, every document of a shard is kept "
            "in the ledger and every kept document is in its shard; build.json and mixture.json "
            "have the same totals."
            if found.is_checked
            else "The footers of the shards hold as many tokens as the ledger places in each, and "
            "build.json and mixture.json have the same totals. gristmill audit DIR --check reads "
            "every row of the shards besides."
        )
        return _section("reconciliation", page.paragraph(verdict))
    shown = [page.items(found.differences[:SHOWN])]
    if found.differences[SHOWN:]:
        shown.append(page.paragraph(f"and {len(found.differences) - SHOWN:,} more"))
    return _section("reconciliation", *shown)
