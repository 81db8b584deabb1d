"""The files that a run of a loop writes anew, each by rename and only if its bytes change."""

from collections.abc import Sequence
from io import BytesIO
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ...corpus.record import ID
from ...corpus.storage import exists, write_bytes
from ...filters.recall.audit import AuditSettings
from ...filters.recall.decisions import format_decisions
from ...filters.recall.sampling import Rows
from ..recall_pages import COLLECTED_FILE
from ..recall_settings import RecallTarget
from ..stages.recalled import RECALLED
from .asked import Mask
from .costs import COSTS_FILE, LoopCosts
from .iterate import Iteration, Logits
from .metrics import IterationMetrics, iterations_table
from .pool import Pages
from .quality import audit_sample
from .report import recall_page
from .samples import SAMPLES_FILE, sample_table
from .standing import read_standing
from .state import State, as_lines, write_changed
from .topic import review_text

ITERATIONS_FILE: Final = "iterations.parquet"
REPORT_FILE: Final = "report.html"
ROW_GROUP_ROWS = 1 << 15  # what a reader of one file's pages has to look through
COLLECTED = pa.schema(
    [
        ("url", pa.string()),  # in its normal form
        ("doc_id", ID),  # of the pool's page; a build that reads it alike names it so too
        ("language", pa.string()),
        ("num_tokens", pa.int64()),  # a fourth of its bytes
        ("score", pa.float32()),  # the last model's probability
        ("iteration", pa.int32()),  # that collected it first
        ("reason", pa.string()),  # rank: the model's score; prefix: an accepted prefix alone
        *RECALLED,  # which record of which file it is
    ]
)


def write_iteration(state: State, target: RecallTarget, pages: Pages, iteration: Iteration) -> None:
    """Write the tables, questions, decisions, samples and metrics of an iteration."""
    topic, number = iteration.topic, iteration.metrics.iteration
    review = review_text(topic.review, target=target.name, iteration=number)
    samples = sample_table(
        pages,
        iteration.logits,
        is_new=iteration.is_new,
        is_below=iteration.is_below,
        iteration=number,
        words=target.tokens,
    )
    for name, data in (
        ("domains.parquet", _parquet(topic.domains)),
        ("prefixes.parquet", _parquet(topic.prefixes)),
        ("decisions.tsv", format_decisions(topic.decisions).encode()),
        ("review.tsv", review.encode()),
        (SAMPLES_FILE, _parquet(samples)),
    ):
        write_changed(str(state.path(number, name)), data)
    state.write(number, "metrics.json", iteration.metrics)


def write_audit_sample(
    state: State, pages: Pages, logits: Logits, settings: AuditSettings, *, barred: Mask
) -> None:
    """Write pages for people to label, once: later pages do not change what they were given."""
    path = str(state.folder / "audit-sample.tsv")
    if not exists(path):
        write_bytes(path, audit_sample(pages, logits, settings, barred=barred).encode())


def write_collected(state: State, pages: Pages, last: Iteration, first: Rows) -> None:
    """Write COLLECTED, sorted by file and URL, so that a reader of one file finds its pages.

    Args:
        first: the iteration that collected each page of the pool first.
    """
    rows = np.flatnonzero(last.is_collected)
    table = pages.table.select(["url", "doc_id", "language", "num_tokens"]).take(rows)
    scores = 1 / (1 + np.exp(-last.logits[rows].astype(np.float64)))
    reasons = np.where(last.is_ranked[rows], "rank", "prefix").tolist()
    columns = [
        *table.columns,
        pa.array(scores.astype(np.float32)),
        pa.array(first[rows].astype(np.int32)),
        pa.array(reasons, pa.string()),
        *pages.origins(rows).columns,
    ]
    found = pa.table(columns, schema=COLLECTED)
    found = found.sort_by([(name, "ascending") for name in ("origin_file", "url", "doc_id")])
    write_changed(str(state.folder / COLLECTED_FILE), _parquet(found))


def write_report(
    state: State, target: str, iterations: Sequence[IterationMetrics], costs: LoopCosts
) -> None:
    """Write the iterations as a table, what they cost, and the report of all that is there."""
    table = iterations_table(target, iterations)
    write_changed(str(state.folder / ITERATIONS_FILE), _parquet(table))
    write_changed(str(state.folder / COSTS_FILE), as_lines(costs))
    standing = read_standing(state.out, target)
    assert standing is not None, "its record was written before"
    write_changed(str(state.folder / REPORT_FILE), recall_page(standing).encode())


def _parquet(table: pa.Table) -> bytes:
    stream = BytesIO()
    pq.write_table(
        table.combine_chunks(), stream, compression="zstd", row_group_size=ROW_GROUP_ROWS
    )
    return stream.getvalue()
