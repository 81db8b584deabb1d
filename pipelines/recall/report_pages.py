"""The report's sections on sites and pages: domains, open questions, and samples for the eye."""

from collections.abc import Sequence
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from ...filters.recall.decisions import Decision
from .. import page
from ..page import Bar, TableRow
from .samples import BELOW, NEW

SHOWN: Final = 30  # rows of a table
_KINDS: Final = {NEW: "New pages", BELOW: "Pages just below the threshold"}


def domain_parts(domains: pa.Table) -> list[str]:
    """Return the hosts in topic, those of most collected pages first."""
    if not domains.num_rows:
        return [page.paragraph("No host is in topic.")]
    rows = [
        TableRow(
            name=row["host"],
            cells=(
                page.count(row["num_collected"]),
                page.count(row["num_pages"]),
                page.count(row["num_tokens"]),
                page.percent(row["num_collected"] / max(row["num_pages"], 1)),
                f"{row['lower']:.2f}-{row['upper']:.2f}",
            ),
            bar=Bar(fraction=row["num_collected"] / max(row["num_pages"], 1)),
        )
        for row in domains.slice(0, SHOWN).to_pylist()
    ]
    head = ("", "collected", "pages", "tokens", "share", "interval")
    caption = "Hosts of which the model collects enough, those of most collected pages first"
    return [page.table(caption, head, rows), *_more(domains.num_rows)]


def question_parts(questions: Sequence[Decision]) -> list[str]:
    """Return the prefixes that nobody has decided, most tokens first."""
    if not questions:
        return [page.paragraph("No prefix waits for a person.")]
    rows = [
        TableRow(
            name=f"{one.host}{one.prefix}",
            note=one.note,
            cells=(
                page.count(one.pages),
                page.count(one.collected),
                f"{one.lower:.2f}-{one.upper:.2f}",
            ),
        )
        for one in questions[:SHOWN]
    ]
    text = (
        "Neither accepted nor rejected by their intervals. Copy lines of review.tsv to the "
        "decisions file, with accept, reject or hold, and a name."
    )
    head = ("", "pages", "collected", "interval")
    caption = "Open prefixes, those worth most tokens first"
    table = page.table(caption, head, rows, has_long_names=True)
    return [page.paragraph(text), table, *_more(len(questions))]


def sample_parts(samples: Sequence[pa.Table]) -> list[str]:
    """Return the sample pages of each iteration, the last one's open."""
    parts = [page.paragraph("Drawn by hash; below each URL stand the first words of the page.")]
    for i in reversed(range(len(samples))):
        content = "".join(_samples(samples[i], i + 1, kind) for kind in _KINDS)
        is_last = i == len(samples) - 1
        parts.append(content if is_last else page.details(f"iteration {i + 1}", content))
    return parts


def _samples(samples: pa.Table, iteration: int, kind: str) -> str:
    found = samples.filter(pc.equal(samples["kind"], kind)).to_pylist()
    caption = f"{_KINDS[kind]}, iteration {iteration}"
    if not found:
        return page.paragraph(f"{caption}: none.")
    rows = [
        TableRow(
            name=row["url"],
            note=row["words"],
            cells=(row["language"] or "", f"{row['score']:.3f}"),
        )
        for row in found
    ]
    return page.table(caption, ("", "language", "score"), rows, has_long_names=True)


def _more(number: int) -> list[str]:
    return [page.paragraph(f"and {number - SHOWN:,} more")] if number > SHOWN else []
