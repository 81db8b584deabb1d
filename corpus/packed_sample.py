"""One training sample: its tokens, and what follows from where its documents lie in it."""

import itertools
from typing import Final, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from .record import Component

_PADDING_DOCUMENT: Final = -1


class DocumentSpan(NamedTuple):
    """A training document's part in a sample, from `start` to the next span or the length."""

    start: int  # in the sample
    offset: int  # of the token at `start` in its document
    doc_id: bytes
    shard: str  # path relative to the build
    row_group: int
    row: int  # in the row group


class PackedSample(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """One training sample: tokens of shape (S,), of which `length` are real and the rest EOS."""

    tokens: npt.NDArray[np.int32]
    length: int
    component: Component
    epoch: int
    documents: tuple[DocumentSpan, ...]


def document_ids(sample: PackedSample) -> npt.NDArray[np.int32]:
    """Return each token's document as a number within the sample, -1 for padding; shape (S,).

    Attention between tokens of equal numbers only is the mask of separate documents.
    """
    ids = np.full(len(sample.tokens), _PADDING_DOCUMENT, dtype=np.int32)
    numbers = np.arange(len(sample.documents), dtype=np.int32)
    ids[: sample.length] = np.repeat(numbers, _span_lengths(sample))
    return ids


def position_ids(sample: PackedSample, *, continued: bool = False) -> npt.NDArray[np.int32]:
    """Return each token's position, which restarts with every document; shape (S,).

    A document that began in an earlier window starts at 0 here, or, when `continued`, where it was
    cut. Padding restarts at 0 too.
    """
    lengths = _span_lengths(sample)
    firsts = [span.start - (span.offset if continued else 0) for span in sample.documents]
    padding = len(sample.tokens) - sample.length
    origins = np.repeat([*firsts, sample.length], [*lengths, padding])
    positions: npt.NDArray[np.int32] = (np.arange(len(origins)) - origins).astype(np.int32)
    return positions


def loss_mask(sample: PackedSample, *, across_documents: bool = False) -> npt.NDArray[np.bool_]:
    """Return at which positions the next token is to be predicted; shape (S,).

    The last position of a document has no next token in it, as the last of a sample has none: a
    sample with n documents has `length` - n predictions. With `across_documents` the first token of
    a document is predicted from the one before it, and `length` - 1 are left.
    """
    mask = np.zeros(len(sample.tokens), dtype=np.bool_)
    mask[: max(sample.length - 1, 0)] = True
    if not across_documents:
        mask[[span.start - 1 for span in sample.documents if span.start]] = False
    return mask


def _span_lengths(sample: PackedSample) -> list[int]:
    starts = [*(span.start for span in sample.documents), sample.length]
    return [stop - start for start, stop in itertools.pairwise(starts)]
