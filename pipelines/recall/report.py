"""The report of a target: what each iteration found, how good it is, and pages for the eye."""

from collections.abc import Sequence
from typing import Final

import msgspec

from ...filters.recall.audit import Estimate
from .. import page
from ..page import Bar, TableRow
from .chart import Column, quality_chart
from .metrics import IterationMetrics
from .report_cost import cost_parts
from .report_pages import domain_parts, question_parts, sample_parts
from .standing import Standing

NOT_MEASURED: Final = "-"
NO_AUDIT: Final = (
    "No audited page is in the pool, so nothing says how good the collection is. Label pages of "
    "audit-sample.tsv and name them as the target's `audit`."
)


class Section(msgspec.Struct, frozen=True, kw_only=True):
    """A section of the report."""

    name: str
    title: str
    parts: list[str]


def recall_page(standing: Standing) -> str:
    """Return the page of a target; it fetches nothing and runs nothing."""
    sections = recall_sections(standing)
    parts = [page.section(one.name, one.title, *one.parts) for one in sections]
    return page.page(
        f"{standing.counted.target}: recall", [_head(standing, sections), *parts, _footer()]
    )


def recall_sections(standing: Standing) -> list[Section]:
    """Return everything that is known of a target, the overview first."""
    last = standing.iterations[-1]
    contents = {
        "iterations": ("Iterations", _iterations(standing.iterations)),
        "quality": ("Precision and recall", _quality(standing.iterations)),
        "stop": ("Why it stopped", _stop(last)),
        "recalled-languages": ("Languages", [_languages(standing.iterations)]),
        "domains": ("Domains in topic", domain_parts(standing.domains)),
        "questions": ("Open questions", question_parts(standing.questions)),
        "samples": ("Sample pages", sample_parts(standing.samples)),
        "cost": ("What it cost", cost_parts(standing.costs)),
    }
    return [
        Section(name=name, title=title, parts=parts) for name, (title, parts) in contents.items()
    ]


def summary_parts(standing: Standing) -> list[str]:
    """Return what a build's report says of a target: the overview, the rest to be opened."""
    target = standing.counted.target
    first, second, *rest = recall_sections(standing)
    return [
        *(_verdict(last_alarm) for last_alarm in _alarms(standing.iterations[-1])),
        *first.parts,
        *second.parts,
        *(page.details(f"{target}: {one.title}", "".join(one.parts)) for one in rest),
    ]


def _head(standing: Standing, sections: Sequence[Section]) -> str:
    counted, last = standing.counted, standing.iterations[-1]
    quality = last.quality.all
    facts = (
        ("pages in the pool", page.count(counted.pages)),
        ("pages collected", page.count(last.collected_pages)),
        ("about tokens", page.count(last.collected_tokens)),
        ("domains in topic", page.count(last.domains_in_topic)),
        ("precision", f"{quality.precision.value:.2f}" if quality else NOT_MEASURED),
        ("recall", f"{quality.recall.value:.2f}" if quality else NOT_MEASURED),
    )
    cells = "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in facts)
    links = "".join(
        f'<li><a href="#{one.name}-title">{page.text(one.title)}</a></li>' for one in sections
    )
    alarms = "".join(_verdict(alarm) for alarm in _alarms(last))
    left = ", ".join(f"{page.count(n)} {name}" for name, n in counted.left_out.items() if n)
    return (
        f"<header><h1>Recall: {page.text(counted.target)}</h1>{alarms}"
        f'<dl class="facts">{cells}</dl>'
        + page.paragraph(f"Left out of the pool: {left or 'nothing'}.")
        + f'<nav aria-label="Sections"><ul>{links}</ul></nav></header>'
    )


def _footer() -> str:
    text = (
        "The files beside this page hold all of it: iterations.parquet a row an iteration, "
        "collected.parquet a row a page, and a folder for each iteration."
    )
    return f"<footer>{page.paragraph(text)}</footer>"


def _verdict(text: str) -> str:
    return f'<p class="verdict bad">{page.text(text)}</p>'


def _alarms(one: IterationMetrics) -> list[str]:
    """Return the alarms of an iteration, a sentence each."""
    return [
        f"{alarm.name}: {alarm.value:.2f} against {alarm.bar:.2f} ({alarm.detail})"
        for alarm in one.alarms
    ]


def _iterations(iterations: Sequence[IterationMetrics]) -> list[str]:
    most = max(one.collected_tokens for one in iterations) or 1
    rows = [
        TableRow(
            name=f"iteration {one.iteration}",
            note=f"{page.count(one.lacking_pages)} lack evidence" if one.lacking_pages else "",
            cells=(
                page.count(one.seed_pages),
                page.count(one.collected_pages),
                page.count(one.new_pages),
                page.count(one.lost_pages),
                page.count(one.collected_tokens),
                page.count(one.new_tokens),
                page.percent(one.overlap) if one.iteration > 1 else NOT_MEASURED,
                f"{one.threshold:.3f}",
                page.count(one.domains_in_topic),
            ),
            bar=Bar(
                fraction=(one.collected_tokens - one.new_tokens) / most,
                second=one.new_tokens / most,
                second_tone="text",
            ),
        )
        for one in iterations
    ]
    head = ("", "seeds", "pages", "new", "lost", "tokens", "new tokens", "overlap", "score from")
    return [
        page.paragraph(
            "New and lost are pages against the iteration before. The bar is tokens, the new ones "
            "in green. Tokens are a fourth of a text's bytes."
        ),
        page.table("What each iteration collected", (*head, "domains"), rows),
    ]


def _quality(iterations: Sequence[IterationMetrics]) -> list[str]:
    if all(one.quality.all is None for one in iterations):
        return [page.paragraph(NO_AUDIT), _quality_table(iterations)]
    label = "Precision, recall and tokens of each iteration"
    columns = []
    for one in iterations:
        quality = one.quality.all
        columns.append(
            Column(
                name=f"iteration {one.iteration}",
                tokens=one.collected_tokens,
                precision=quality.precision if quality else None,
                recall=quality.recall if quality else None,
            )
        )
    return [
        page.paragraph(
            "On audited pages, which no model was trained on. Circles are precision, squares "
            "recall, each with the interval that holds 95% of redraws of hosts; columns, and the "
            "numbers below, are the tokens collected."
        ),
        quality_chart(label, columns),
        _quality_table(iterations),
    ]


def _quality_table(iterations: Sequence[IterationMetrics]) -> str:
    rows = []
    for one in iterations:
        quality = one.quality.all
        purity = one.quality.seed_purity
        rows.append(
            TableRow(
                name=f"iteration {one.iteration}",
                note="; ".join(alarm.name for alarm in one.alarms),
                cells=(
                    estimate(quality.precision if quality else None),
                    estimate(quality.recall if quality else None),
                    estimate(one.quality.new_precision),
                    NOT_MEASURED if purity is None else f"{purity:.2f}",
                    page.count(quality.num_pages) if quality else "0",
                    f"{one.drift:.3f}",
                ),
            )
        )
    head = ("", "precision", "recall", "precision of new", "seed purity", "audited", "drift")
    return page.table("How good each iteration is", head, rows)


def estimate(share: Estimate | None) -> str:
    """Return a share with its interval."""
    if share is None:
        return NOT_MEASURED
    return f"{share.value:.2f} ({share.lower:.2f}-{share.upper:.2f})"


def _stop(last: IterationMetrics) -> list[str]:
    rows = [
        TableRow(
            name=condition.name,
            note=condition.detail,
            cells=(
                f"{condition.value:.4f}",
                f"{condition.bar:g}",
                "holds" if condition.holds else "open",
            ),
        )
        for condition in last.stop.conditions
    ]
    head = ("", "value", "bar", "")
    return [
        page.paragraph(f"{last.stop.reason[:1].upper()}{last.stop.reason[1:]}."),
        page.table("Conditions after the last iteration", head, rows),
    ]


def _languages(iterations: Sequence[IterationMetrics]) -> str:
    last = iterations[-1]
    total = last.collected_pages or 1
    rows = []
    collected = {name: taken.collected_pages for name, taken in last.languages.items()}
    for name, number in sorted(collected.items(), key=lambda pair: (-pair[1], pair[0])):
        quality = last.quality.languages.get(name)
        rows.append(
            TableRow(
                name=name,
                cells=(
                    page.count(number),
                    page.percent(number / total),
                    estimate(quality.precision if quality else None),
                    estimate(quality.recall if quality else None),
                ),
                bar=Bar(fraction=number / total),
            )
        )
    head = ("", "pages", "share", "precision", "recall")
    return page.table("Collected pages by language", head, rows)
