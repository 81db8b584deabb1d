"""Scores of a column of words by a collapsed model, batch after batch, without Python per page."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ...corpus.text_batches import text_batches
from ..native import kernel
from .collapse import CollapsedModel
from .words import END_OF_LINE, LABEL

BATCH_BYTES: Final = 1 << 24

_BLANKS: Final = frozenset(b" \t\n\v\f\r\0")
_HASH_START: Final = 2_166_136_261
_HASH_FACTOR: Final = 16_777_619
_NGRAM_FACTOR: Final = 116_049_371
_MASK_32: Final = (1 << 32) - 1
_MASK_64: Final = (1 << 64) - 1

Logits = npt.NDArray[np.float32]


class Scorer:
    """Scores words by one model; make one a process and model."""

    def __init__(self, model: CollapsedModel) -> None:
        self.model = model
        self._native = kernel()
        self._word_data = np.frombuffer(b"".join(model.words), dtype=np.uint8)
        self._word_offsets = np.zeros(len(model.words) + 1, dtype=np.int64)
        np.cumsum([len(word) for word in model.words], out=self._word_offsets[1:])
        self._table = np.ascontiguousarray(model.table)
        self._slots = np.zeros(2 << len(model.words).bit_length(), dtype=np.uint64)
        if self._native is not None:
            self._native.index_words(self._word_data, self._word_offsets, self._slots)

    def logits(self, words: pa.ChunkedArray) -> Logits:
        """Return the logit of each target against the reference, [num_rows, num_targets].

        Equal inputs have equal bits, on every machine and in batches of any size. Words of which
        the model knows none, as only one without n-grams can, have a logit of 0.
        """
        parts = [np.zeros((0, len(self.model.targets)), dtype=np.float32)]
        for batch in text_batches(words, BATCH_BYTES):
            if self._native is None:
                parts.append(slow_logits(self.model, batch.texts()))
                continue
            sums = np.empty((batch.num_texts, len(self.model.targets)), dtype=np.float64)
            counts = np.empty(batch.num_texts, dtype=np.int64)
            self._native.score(
                batch.data,
                np.ascontiguousarray(batch.offsets),
                self._word_data,
                self._word_offsets,
                self._slots,
                self._table,
                len(self.model.targets),
                self.model.num_buckets,
                self.model.word_ngrams,
                sums,
                counts,
            )
            parts.append(_means(sums, counts))
        return np.concatenate(parts)

    def scores(self, words: pa.ChunkedArray) -> Logits:
        """Return the probability of each target, [num_rows, num_targets], as fastText has it."""
        return probabilities(self.logits(words))


def probabilities(logits: Logits) -> Logits:
    """Return the softmax of logits [n, targets], the reference at 0 beside them, without it."""
    wide = logits.astype(np.float64)
    top = np.maximum(wide.max(axis=1, initial=0.0), 0.0)[:, None]
    powers = np.exp(wide - top)
    shares: Logits = (powers / (powers.sum(axis=1, keepdims=True) + np.exp(-top))).astype(
        np.float32
    )
    return shares


def slow_logits(model: CollapsedModel, texts: Sequence[str]) -> Logits:
    """Return what `Scorer.logits` does, word by word; the C kernel's twin and definition."""
    word_ids = {word: i for i, word in reversed(list(enumerate(model.words)))}
    sums = np.zeros((len(texts), len(model.targets)), dtype=np.float64)
    counts = np.zeros(len(texts), dtype=np.int64)
    for i, text in enumerate(texts):
        by_gram = np.zeros((model.word_ngrams, len(model.targets)), dtype=np.float64)
        for gram, row in _rows(model, word_ids, line_words(text.encode())):
            by_gram[gram] += model.table[row]
            counts[i] += 1
        for part in by_gram:
            sums[i] += part
    return _means(sums, counts)


def line_words(text: bytes) -> list[bytes]:
    """Return the words that fastText reads of a line, with its end of line, without labels."""
    words: list[bytes] = []
    word = bytearray()
    for byte in text + b"\n":
        if byte not in _BLANKS:
            word.append(byte)
            continue
        if word and bytes(word) == END_OF_LINE.encode():
            break
        if word and not word.startswith(LABEL.encode()):
            words.append(bytes(word))
        word.clear()
        if byte == ord("\n"):
            break
    return [*words, END_OF_LINE.encode()]


def _rows(
    model: CollapsedModel, word_ids: dict[bytes, int], words: list[bytes]
) -> list[tuple[int, int]]:
    """Return (length - 1, row) of each known word and each n-gram, in the order of their ends."""
    rows = []
    hashes = [word_hash(word) for word in words]
    for last, word in enumerate(words):
        if word in word_ids:
            rows.append((0, word_ids[word]))
        for gram in range(1, min(model.word_ngrams, last + 1)):
            mixed = _signed(hashes[last - gram])
            for later in hashes[last - gram + 1 : last + 1]:
                mixed = (mixed * _NGRAM_FACTOR + _signed(later)) & _MASK_64
            rows.append((gram, len(model.words) + mixed % model.num_buckets))
    return rows


@lru_cache(maxsize=1 << 16)
def word_hash(word: bytes) -> int:
    """Return fastText's hash of a word: FNV-1a of 32 bits, with bytes widened as signed ones."""
    value = _HASH_START
    for byte in word:
        value ^= byte if byte < 128 else (byte | 0xFFFFFF00)
        value = value * _HASH_FACTOR & _MASK_32
    return value


def _signed(value: int) -> int:
    """Return a 32-bit hash as fastText widens it to 64 bits: with its sign."""
    return value if value < 1 << 31 else value | (_MASK_64 ^ _MASK_32)


def _means(sums: npt.NDArray[np.float64], counts: npt.NDArray[np.int64]) -> Logits:
    means: Logits = (sums / np.maximum(counts, 1)[:, None]).astype(np.float32)
    return means
