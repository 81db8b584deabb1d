"""Held-out documents measured: bits per byte by component and language, and infilled lines.

Legend: B rows, T tokens of a row, S strata.
Each token but a document's first is predicted, EOS included, and the sum is divided by the bytes of
the texts. Ranks that each have rows of their own take turns, and add up.
"""

import math
from collections.abc import Callable, Collection, Iterable, Sequence
from itertools import islice
from typing import NamedTuple

import torch
from torch import Tensor

from ...corpus.held_out import HeldOutDocument
from ...corpus.tokenizer import Tokenizer
from ...corpus.tokenizer_info import TokenizerInfo
from ..data.strata import Stratum
from ..model.model import IGNORED
from ..recipe import EvaluationSettings
from .generate import NextIds
from .held_out_rows import Chosen, Rows, choose_documents, make_rows, no_rows
from .infilling import infilled_lines
from .scores import Evaluation, FimScore, LanguageScore, first_token_bits

# The loss of each token in nats (B, T), from ids, positions, documents and targets, all (B, T); all
# ranks call it equally often.
Losses = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]


def alone(sums: Tensor) -> Tensor:
    """Return the sums of one rank as those of all."""
    return sums


class Ranks(NamedTuple):
    """One rank among those that have rows of their own, and how they add up."""

    rank: int = 0
    num_ranks: int = 1
    add_up: Callable[[Tensor], Tensor] = alone


class RowShape(NamedTuple):
    """What a model takes at once; more rows change nothing but memory and time."""

    length: int
    num_rows: int = 8


def evaluate(
    documents: Iterable[HeldOutDocument],
    losses: Losses,
    next_ids: NextIds,
    tokenizer: Tokenizer,
    settings: EvaluationSettings,
    *,
    shape: RowShape,
    only: Collection[bytes] | None = None,
    ranks: Ranks = Ranks(),  # noqa: B008  # immutable
) -> Evaluation:
    """Return all scores of a model on documents, or on those in `only`."""
    limit = settings.max_tokens_per_language
    chosen = choose_documents(documents, max_tokens=limit, only=only)
    fim = tuple[FimScore, ...]()
    if settings.fim_samples:
        fim = infilled_lines(
            chosen,
            next_ids,
            tokenizer,
            max_tasks=settings.fim_samples,
            sequence_length=shape.length,
        )
    return Evaluation(
        sequence_length=shape.length,
        languages=bits_per_byte(chosen, losses, tokenizer.info, shape, ranks=ranks),
        fim=fim,
    )


def bits_per_byte(
    chosen: dict[Stratum, Chosen],
    losses: Losses,
    tokenizer: TokenizerInfo,
    shape: RowShape,
    *,
    ranks: Ranks = Ranks(),  # noqa: B008  # immutable
) -> tuple[LanguageScore, ...]:
    """Return the scores of what `choose_documents` chose; every rank must have chosen the same."""
    measured = {stratum: found for stratum, found in chosen.items() if found.documents}
    sums_2S = torch.zeros(2, len(measured), dtype=torch.float64)
    fill = tokenizer.sentinels.eos
    documents = [found.documents for found in measured.values()]
    for batch in _own_batches(documents, shape, fill, ranks):
        losses_BT = losses(*batch[:-1]).detach().to("cpu", torch.float64)
        counts_BT = batch.targets_BT != IGNORED
        parts = torch.stack((losses_BT.where(counts_BT, 0.0), counts_BT.double())).flatten(1)
        sums_2S.index_add_(1, batch.strata_BT.flatten(), parts)
    nats, counts = ranks.add_up(sums_2S).tolist()
    return tuple(
        LanguageScore(
            component=stratum.component,
            language=stratum.language,
            documents=len(found.documents),
            left_out=found.num_left_out,
            tokens=round(counts[i]),
            num_bytes=sum(document.num_bytes for document in found.documents),
            bits=nats[i] / math.log(2),
            first_token_bits=first_token_bits(len(found.documents), tokenizer.vocab_size),
        )
        for i, (stratum, found) in enumerate(measured.items())
    )


def _own_batches(
    documents: Sequence[Sequence[HeldOutDocument]], shape: RowShape, fill: int, ranks: Ranks
) -> Iterable[Rows]:
    """Yield this rank's batches: as many as any rank's, as ranks meet in each."""
    sizes = {"length": shape.length, "num_rows": shape.num_rows, "fill": fill}
    batches = make_rows(documents, **sizes)
    while turn := list(islice(batches, ranks.num_ranks)):
        yield turn[ranks.rank] if ranks.rank < len(turn) else no_rows(**sizes)
