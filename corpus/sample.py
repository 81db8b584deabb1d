"""One training document to one row of tokens, and back to the text of every piece.

A training document is one piece (a page, a file) or many (a repository's files in order). Every
piece of several ends with a newline, and every newline is a token of its own, so pieces meet
between tokens and each token belongs to exactly one piece.
"""

import itertools
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from .errors import GristmillError
from .fim import FimMode, FimSettings, FimSplit, restore, split_fim, whole_spans
from .fim_epochs import LaterEpoch, StoredRow, make_later_epochs
from .record import Component
from .tokenizer import Tokenizer
from .tokenizer_info import Sentinels

IdArray = npt.NDArray[np.int32]


class Piece(msgspec.Struct, frozen=True, kw_only=True):
    """One document inside a sample; `header` is the line that names its path, without newline."""

    doc_id: bytes
    header: str | None = None
    text: str

    @property
    def shape(self) -> "PieceShape":
        """What has to be remembered to cut this piece out of its sample again."""
        return PieceShape(
            doc_id=self.doc_id,
            header=self.header,
            num_chars=len(self.text),
            ends_with_newline=self.text.endswith("\n"),
        )


class PieceShape(msgspec.Struct, frozen=True, kw_only=True):
    """A piece without its text."""

    doc_id: bytes
    header: str | None = None
    num_chars: int
    ends_with_newline: bool


class Segment(NamedTuple):
    """A run of tokens of one document: it ends where the next begins, the last with the row."""

    doc_id: bytes
    offset: int


class SampleTokens(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """A row of a token shard: shape (num_tokens,), EOS last."""

    sample_id: bytes
    tokens: IdArray
    fim: FimMode
    segments: tuple[Segment, ...]
    later: tuple[LaterEpoch, ...] = ()


class _Plan(NamedTuple):
    """How a sample is cut: its whole text where cuts are drawn at all, and those of each epoch."""

    text: str
    splits: list[FimSplit | None]
    fragments: "list[_Fragment]"


class _Fragment(NamedTuple):
    """A text of one piece, or a sentinel that follows it."""

    doc_id: bytes
    text: str
    sentinel: int | None = None


def build_sample(
    sample_id: bytes,
    pieces: Sequence[Piece],
    *,
    component: Component,
    tokenizer: Tokenizer,
    fim: FimSettings,
) -> SampleTokens:
    """Return the tokens of one training document, rearranged if its id says so."""
    samples = [(sample_id, pieces)]
    return build_samples(samples, component=component, tokenizer=tokenizer, fim=fim)[0]


def build_samples(
    samples: Sequence[tuple[bytes, Sequence[Piece]]],
    *,
    component: Component,
    tokenizer: Tokenizer,
    fim: FimSettings,
) -> list[SampleTokens]:
    """Return the tokens of each training document, given as (sample id, pieces).

    The tokenizer is called once for all of them, so memory grows with the batch.
    """
    plans = [
        _plan(sample_id, pieces, component, fim, tokenizer.sentinels)
        for sample_id, pieces in samples
    ]
    texts = [f.text for plan in plans for f in plan.fragments if f.sentinel is None]
    encoded = iter(tokenizer.encode_batch(texts))
    rows = [
        _assemble(sample_id, plan, encoded)
        for (sample_id, _), plan in zip(samples, plans, strict=True)
    ]
    if all(len(plan.splits) == 1 for plan in plans):
        return rows
    later = make_later_epochs(
        [
            StoredRow(plan.text, row.tokens, plan.splits[0])
            for plan, row in zip(plans, rows, strict=True)
        ],
        [plan.splits[1:] for plan in plans],
        tokenizer,
    )
    return [
        msgspec.structs.replace(row, later=epochs) for row, epochs in zip(rows, later, strict=True)
    ]


def restore_pieces(
    tokens: IdArray | Sequence[int], pieces: Sequence[PieceShape], *, tokenizer: Tokenizer
) -> list[str]:
    """Return the text of each piece of a row, exactly as it was before the row was built."""
    text = restore(tokens, tokenizer).decode("utf-8")
    texts, position = [], 0
    for piece in pieces:
        start = position + (0 if piece.header is None else len(piece.header) + 1)
        stop = start + piece.num_chars
        texts.append(text[start:stop])
        position = stop + (_is_framed(pieces) and not piece.ends_with_newline)
    if position != len(text):
        raise GristmillError(
            f"the row holds {len(text):,} characters, its pieces {position:,}",
            where="token row",
            todo="Pass the pieces that this row was built from, in order.",
        )
    return texts


def _is_framed(pieces: Sequence[Piece] | Sequence[PieceShape]) -> bool:
    """Whether every piece ends with a newline; a lone document without header stays as it is."""
    return len(pieces) > 1 or any(piece.header is not None for piece in pieces)


def _frame(piece: Piece, *, framed: bool) -> str:
    head = "" if piece.header is None else f"{piece.header}\n"
    tail = "\n" if framed and not piece.text.endswith("\n") else ""
    return f"{head}{piece.text}{tail}"


def _plan(
    sample_id: bytes,
    pieces: Sequence[Piece],
    component: Component,
    fim: FimSettings,
    sentinels: Sentinels,
) -> _Plan:
    assert pieces, "a sample has at least one piece"
    framed = _is_framed(pieces)
    whole = [_Fragment(piece.doc_id, _frame(piece, framed=framed)) for piece in pieces]
    text, splits = "", list[FimSplit | None]([None])
    if component in fim.apply_to and fim.rate > 0:
        text = "".join(fragment.text for fragment in whole)
        spans = whole_spans(text)
        splits = [
            split_fim(sample_id, len(text), fim.at(number), forbidden=spans)
            for number in range(fim.epochs)
        ]
    if splits[0] is None:
        return _Plan(text, splits, [*whole, _Fragment(pieces[-1].doc_id, "", sentinels.eos)])
    return _Plan(text, splits, _rearrange(whole, splits[0], sentinels))


def _rearrange(whole: list[_Fragment], split: FimSplit, sentinels: Sentinels) -> list[_Fragment]:
    """Return the fragments of a rearranged sample; a sentinel belongs to the text before it."""
    prefix = list(_slice(whole, 0, split.start))
    middle = list(_slice(whole, split.start, split.stop))
    suffix = list(_slice(whole, split.stop, sum(len(fragment.text) for fragment in whole)))
    ids = (sentinels.fim_begin, sentinels.fim_hole, sentinels.fim_end, sentinels.eos)
    assert None not in ids, "a recipe without them rearranges nothing"
    begin, hole, end, eos = ([_Fragment(b"", "", i)] for i in ids)
    if split.mode == FimMode.PSM:
        order = [begin, prefix, hole, suffix, end, middle, eos]
    else:
        order = [begin, hole, suffix, end, prefix, middle, eos]
    fragments = list(itertools.chain.from_iterable(order))
    owner = next((f.doc_id for f in fragments if f.sentinel is None), whole[0].doc_id)
    owned = []
    for fragment in fragments:
        owner = fragment.doc_id if fragment.sentinel is None else owner
        owned.append(fragment._replace(doc_id=owner))
    return owned


def _slice(whole: list[_Fragment], start: int, stop: int) -> Iterator[_Fragment]:
    """Yield the pieces' parts between two characters of the sample; none of them is empty."""
    position = 0
    for fragment in whole:
        text = fragment.text[max(start - position, 0) : max(stop - position, 0)]
        if text:
            yield fragment._replace(text=text)
        position += len(fragment.text)


def _assemble(sample_id: bytes, plan: _Plan, encoded: Iterator[IdArray]) -> SampleTokens:
    parts, segments, offset = [], list[Segment](), 0
    for fragment in plan.fragments:
        sentinel = fragment.sentinel
        ids = next(encoded) if sentinel is None else np.array([sentinel], dtype=np.int32)
        if not segments or (len(ids) and segments[-1].doc_id != fragment.doc_id):
            segments.append(Segment(fragment.doc_id, offset))
        parts.append(ids)
        offset += len(ids)
    split = plan.splits[0]
    return SampleTokens(
        sample_id=sample_id,
        tokens=np.concatenate(parts),
        fim=split.mode if split else FimMode.NONE,
        segments=tuple(segments),
    )
