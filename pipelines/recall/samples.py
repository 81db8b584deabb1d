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
from ...filters.recall.sampling import Keys, Rows
from ...filters.recall.words import WordKind

Mask = npt.NDArray[np.bool_]

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
