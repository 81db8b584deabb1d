"""Pages of an iteration for a person's eye: some that are new, and some just below the threshold.

They are drawn by the hash of their ids, so nobody chose them, and the same pages are drawn again.
"""

from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ...corpus.tokenizer import load_tokenizer
from ...filters.recall.passages import first_words
from ...filters.recall.sampling import Keys, Rows, sample_keys
from ...filters.recall.words import WordKind
from .asked import Mask
from .pool import Pages

NEW: Final = "new"
BELOW: Final = "below"
SAMPLE_PAGES: Final = 20  # of each kind
SAMPLES_FILE: Final = "samples.parquet"  # in the folder of an iteration
NEAR_PAGES: Final = 200  # those next to the threshold, which BELOW is drawn from
SHOWN_CHARACTERS: Final = 300  # of a page's words

Logits = npt.NDArray[np.float32]

SAMPLES: Final = pa.schema(
    [
        ("kind", pa.string()),  # new, or below the threshold
        ("url", pa.string()),
        ("language", pa.string()),
        ("score", pa.float32()),
        ("num_tokens", pa.int64()),
        ("words", pa.string()),  # their first characters
    ]
)


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


def draw_new(keys: Keys, is_new: Mask) -> Rows:
    """Return some of the new pages."""
    rows: Rows = np.flatnonzero(is_new)
    return rows[np.argsort(keys[rows], kind="stable")[:SAMPLE_PAGES]]


def draw_below(keys: Keys, is_below: Mask, logits: Logits) -> Rows:
    """Return some of the pages that miss the threshold by the least."""
    rows: Rows = np.flatnonzero(is_below)
    near = rows[np.lexsort((keys[rows], -logits[rows]))[:NEAR_PAGES]]
    return near[np.argsort(keys[near], kind="stable")[:SAMPLE_PAGES]]


def beginnings(words: pa.ChunkedArray, kind: WordKind) -> pa.Array:
    """Return the first characters of each text of a word column; ids are spelled out."""
    if kind == "bpe" and len(words):
        decode = load_tokenizer().decode_bytes
        ids = (head.split() for head in first_words(words, SHOWN_CHARACTERS).to_pylist())
        texts = [decode([int(one) for one in text]).decode("utf-8", "replace") for text in ids]
        words = pa.chunked_array([texts], pa.large_string())
    return pc.utf8_slice_codeunits(words, 0, SHOWN_CHARACTERS).combine_chunks().cast(pa.string())
