"""The files that a run of a loop writes anew, each by rename and only if its bytes change."""

from io import BytesIO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from gristmill.corpus.storage import exists, write_bytes
from gristmill.filters.recall.audit import AuditSettings
from gristmill.filters.recall.decisions import format_decisions
from gristmill.filters.recall.sampling import Rows
from gristmill.pipelines.recall.samples import SAMPLES_FILE
from gristmill.pipelines.recall.state import State, write_changed
from gristmill.pipelines.recall_pages import COLLECTED_FILE
from gristmill.pipelines.recall_settings import RecallTarget
from gristmill.pipelines.stages.recall_verdicts import COLLECTED

from .iterate import Iteration, Logits
from .pages import Mask, Pages
from .quality import audit_sample
from .samples import sample_table
from .topic import review_text

ROW_GROUP_ROWS = 1 << 15


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


def _parquet(table: pa.Table) -> bytes:
    stream = BytesIO()
    pq.write_table(
        table.combine_chunks(), stream, compression="zstd", row_group_size=ROW_GROUP_ROWS
    )
    return stream.getvalue()
