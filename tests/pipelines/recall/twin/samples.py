"""Pages of an iteration for a person's eye: some that are new, and some just below the threshold.

They are drawn by the hash of their ids, so nobody chose them, and the same pages are drawn again.
"""

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gristmill.filters.recall.sampling import sample_keys
from gristmill.filters.recall.words import WordKind
from gristmill.pipelines.recall.samples import BELOW, NEW, SAMPLES, beginnings, draw_below, draw_new

from .pages import Mask, Pages

Logits = npt.NDArray[np.float32]


def sample_table(
    pages: Pages,
    logits: Logits,
    *,
    is_new: Mask,
    is_below: Mask,
    iteration: int,
    words: WordKind,
) -> pa.Table:
    """Return SAMPLES, those of one kind from the highest score on.

    Args:
        is_new: pages that the iteration before did not collect.
        is_below: pages that are not collected because of their score alone.
    """
    ids = pages.table["doc_id"]
    new = draw_new(sample_keys(ids, seed=iteration, purpose="new"), is_new)
    below = draw_below(sample_keys(ids, seed=iteration, purpose="below"), is_below, logits)
    rows = np.concatenate([new, below])
    table = pages.table.select(["url", "language", "num_tokens"]).take(rows)
    scores = 1 / (1 + np.exp(-logits[rows].astype(np.float64)))
    kinds = [NEW] * len(new) + [BELOW] * len(below)
    columns = {
        "kind": pa.array(kinds, pa.string()),
        "score": pa.array(scores.astype(np.float32)),
        "words": beginnings(pages.words(rows), words),
        **{name: table[name] for name in table.column_names},
    }
    found = pa.table([columns[name] for name in SAMPLES.names], schema=SAMPLES)
    order = [("kind", "descending"), ("score", "descending"), ("url", "ascending")]
    return found.sort_by(order)
