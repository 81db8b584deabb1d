"""DeepSeek-V2's ids by the C extension: pieces are cut in one pass, and most are looked up."""

import threading
from functools import cache
from types import ModuleType
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from . import deepseek
from .errors import GristmillError
from .native import load_kernel
from .text_batches import TextBatch

CACHE_BYTES: Final = 1 << 20  # of each thread; twice the second-level cache of a small core

_ROOM = 3  # ids that a cached piece may be written with beyond its own

IdArray = npt.NDArray[np.int32]
Offsets = npt.NDArray[np.int64]


@cache
def kernel() -> ModuleType | None:
    """Return the extension of the tokenizer; None where it was not built, which is said once."""
    package = f"{__package__}.native"
    return load_kernel(package, "_tokenizer", slower="fastokens tokenizes, many times slower")


class PieceEngine:
    """Tokenizes with the extension; `data` is DeepSeek-V2's tokenizer.json.

    The tables take about 8 MB, and 0.5 s to make. Threads share them, and each has a cache of
    `cache_bytes`, a power of two.
    """

    def __init__(self, native: ModuleType, data: bytes, *, cache_bytes: int = CACHE_BYTES) -> None:
        tokens, merges, classes = deepseek.tables(data)
        buffers = [None, pa.py_buffer(tokens.starts), pa.py_buffer(tokens.data)]
        column = pa.Array.from_buffers(pa.large_binary(), deepseek.NUM_TOKENS, buffers)
        order = pc.sort_indices(column).to_numpy().astype(np.int32)
        self._native = native
        self._cache_bytes = cache_bytes
        self._threads = threading.local()
        self._vocabulary = native.vocabulary(
            tokens.data, tokens.starts, merges.lefts, merges.rights, order, classes
        )
        self.num_hits = 0  # pieces found in a cache so far, roughly where threads work at once
        self.num_misses = 0

    def encode(self, batch: TextBatch) -> tuple[IdArray, Offsets]:
        """Return the ids of all texts back to back, and where each text's begin.

        A text that is not UTF-8 raises GristmillError.
        """
        # Every byte may be a token of its own. What is not written to costs no memory.
        ids = np.empty(len(batch.data) + _ROOM, dtype=np.int32)
        offsets = np.empty(batch.num_texts + 1, dtype=np.int64)
        data, bounds = np.ascontiguousarray(batch.data), np.ascontiguousarray(batch.offsets)
        done, hits, misses = self._native.encode(
            self._vocabulary, self._cache(), data, bounds, ids, offsets
        )
        if done < batch.num_texts:
            raise GristmillError(
                f"text {done} of the batch is not UTF-8",
                where="tokenizer",
                todo="Decode the input strictly, or drop the text before it is tokenized.",
            )
        self.num_hits += hits
        self.num_misses += misses
        # A copy, so that what is kept is as large as it looks.
        return ids[: offsets[-1]].copy(), offsets

    def count_pieces(self, batch: TextBatch) -> int:
        """Return how many pieces the texts are cut into; one that is not UTF-8 has none."""
        data, bounds = np.ascontiguousarray(batch.data), np.ascontiguousarray(batch.offsets)
        num_pieces: int = self._native.count_pieces(self._vocabulary, data, bounds)
        return num_pieces

    def _cache(self) -> npt.NDArray[np.uint8]:
        if not hasattr(self._threads, "cache"):
            self._threads.cache = np.zeros(self._cache_bytes, dtype=np.uint8)
        cache: npt.NDArray[np.uint8] = self._threads.cache
        return cache
