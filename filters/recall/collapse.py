"""A softmax model collapsed to one number a row: 2 GB become 8 MB, and the decisions stay.

fastText averages the input rows of a page and multiplies the mean by one output row a label. Both
are linear, so the product can be made once for each row: t = in . (out_label - out_reference).
The mean of t over a page's rows is then the logit of the label against the reference, exactly but
for rounding.
"""

from pathlib import Path
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from ...corpus.errors import GristmillError
from ...corpus.ids import bytes_digest
from .fasttext_file import FastTextFile

FORMAT: Final = "gristmill recall table 1"
MAX_WORD_NGRAMS: Final = 8
_BLOCK_ROWS: Final = 1 << 14


class _File(msgspec.Struct, frozen=True, kw_only=True):
    format: str
    reference: str
    targets: list[str]
    word_ngrams: int
    num_buckets: int
    words: list[bytes]
    table: bytes


class CollapsedModel(msgspec.Struct, frozen=True, kw_only=True):
    """A model as its table; row i belongs to word i, row len(words) + j to bucket j."""

    reference: str  # the label that logits are relative to
    targets: tuple[str, ...]  # the other labels, one a column
    word_ngrams: int
    num_buckets: int
    words: tuple[bytes, ...]
    table: npt.NDArray[np.float32]  # [words + buckets, targets]


def collapse(model: FastTextFile, reference: str) -> CollapsedModel:
    """Return the table of a model; the same model gives the same bytes on every machine.

    Args:
        reference: the label of pages that no target wants.
    """
    if reference not in model.labels or len(model.labels) < 2:
        raise GristmillError(
            f"the model has the labels {', '.join(sorted(model.labels)) or '(none)'}",
            where=f"label {reference}",
            todo="Train with pages of this label and of another one.",
        )
    if model.word_ngrams > MAX_WORD_NGRAMS:
        raise GristmillError(
            f"the model has n-grams of {model.word_ngrams} words",
            where="wordNgrams",
            todo=f"Train with {MAX_WORD_NGRAMS} at most.",
        )
    targets = tuple(sorted(label for label in model.labels if label != reference))
    output = model.output.astype(np.float64)
    base = output[model.labels.index(reference)]
    weights = np.stack([output[model.labels.index(label)] - base for label in targets])
    num_rows = len(model.words) + model.num_buckets
    return CollapsedModel(
        reference=reference,
        targets=targets,
        word_ngrams=model.word_ngrams,
        num_buckets=model.num_buckets,
        words=tuple(model.words),
        table=_products(model.input[:num_rows], weights),
    )


def _products(
    rows: npt.NDArray[np.float32], weights: npt.NDArray[np.float64]
) -> npt.NDArray[np.float32]:
    """Return rows . weights^T, [rows, targets].

    Summed in one order, a dimension after the other: a BLAS would sum as its machine likes.
    """
    table = np.empty((len(rows), len(weights)), dtype=np.float32)
    for first in range(0, len(rows), _BLOCK_ROWS):
        block = np.ascontiguousarray(rows[first : first + _BLOCK_ROWS].T)
        sums = np.zeros((len(weights), block.shape[1]), dtype=np.float64)
        for values, factors in zip(block, weights.T, strict=True):
            sums += factors[:, None] * values.astype(np.float64)
        table[first : first + _BLOCK_ROWS] = sums.T
    return table


def write_table(model: CollapsedModel) -> bytes:
    """Return the model as the bytes of a file; equal models have equal bytes."""
    return msgspec.msgpack.encode(
        _File(
            format=FORMAT,
            reference=model.reference,
            targets=list(model.targets),
            word_ngrams=model.word_ngrams,
            num_buckets=model.num_buckets,
            words=list(model.words),
            table=model.table.astype("<f4").tobytes(),
        )
    )


def read_table(path: Path) -> CollapsedModel:
    """Return the model that a file holds.

    Raises:
        GristmillError: the file is not one that `write_table` made.
    """
    try:
        stored = msgspec.msgpack.decode(path.read_bytes(), type=_File)
        shape = (len(stored.words) + stored.num_buckets, len(stored.targets))
        table = np.frombuffer(stored.table, dtype="<f4").reshape(shape).astype(np.float32)
    except (msgspec.DecodeError, ValueError) as error:
        raise _damaged(str(error), path) from error
    if stored.format != FORMAT:
        raise _damaged(f"its format is {stored.format}", path)
    return CollapsedModel(
        reference=stored.reference,
        targets=tuple(stored.targets),
        word_ngrams=stored.word_ngrams,
        num_buckets=stored.num_buckets,
        words=tuple(stored.words),
        table=table,
    )


def table_digest(model: CollapsedModel) -> str:
    """Return what keys name the model by, as hexadecimal digits."""
    return bytes_digest(write_table(model)).hex()


def _damaged(what: str, path: Path) -> GristmillError:
    return GristmillError(
        f"this is no table of a recall model: {what}",
        where=str(path),
        todo="Delete it; the next run trains the model again.",
    )
