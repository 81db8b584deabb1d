"""Losses by component and language: sums that ranks add up, and what they come to.

Nats per token is what is minimised. Bits per byte divides by the bytes of the text that was
predicted, so that runs with other vocabularies compare; a sentinel is predicted but has no bytes.

Legend: B sequences, T tokens, V ids, S strata; rows of sums are nats, tokens and bytes.
"""

import math

import msgspec
import torch
from torch import Tensor

from ..data.strata import Strata
from ..model.model import IGNORED


class Loss(msgspec.Struct, frozen=True, kw_only=True):
    """A mean loss; without bytes, there are no bits per byte."""

    nats_per_token: float
    bits_per_byte: float | None
    tokens: int


class Losses(msgspec.Struct, frozen=True, kw_only=True):
    """The loss of all tokens, of each component, and of each language as `component/language`.

    What no token was predicted of is left out.
    """

    all: Loss
    components: dict[str, Loss]
    languages: dict[str, Loss]


class LossSums:
    """Sums over predictions on one device; `num_bytes_V` is `stage_data.token_bytes`."""

    def __init__(self, strata: Strata, num_bytes_V: Tensor, device: torch.device) -> None:
        self._strata = strata
        self._num_bytes_V = num_bytes_V.to(device)
        self._sums_3S = torch.zeros((3, len(strata)), dtype=torch.float64, device=device)

    def add(self, losses_BT: Tensor, targets_BT: Tensor, strata_BT: Tensor) -> None:
        """Add each prediction's loss in nats; without a wait for the device."""
        counts = targets_BT != IGNORED
        num_bytes = self._num_bytes_V[targets_BT.clamp(min=0)]
        parts = torch.stack((losses_BT.detach(), counts, num_bytes)).double()
        # A loss that is not finite must not reach other sums by way of 0 x nan.
        parts = torch.where(counts, parts, 0.0)
        self._sums_3S.index_add_(1, strata_BT.clamp(min=0).flatten(), parts.flatten(1))

    def pack(self) -> Tensor:
        """Return the sums, shape (3, S), float64, for ranks to add up."""
        return self._sums_3S.clone()

    def unpack(self, sums_3S: Tensor) -> None:
        """Take what ranks have added up in place of what is held."""
        self._sums_3S = sums_3S.clone()

    def clear(self) -> None:
        """Begin anew."""
        self._sums_3S.zero_()

    def losses(self) -> Losses:
        """Return what the sums come to; there must be a prediction."""
        rows = self._sums_3S.T.tolist()
        by_component, by_language = dict[str, _Rows](), dict[str, _Rows]()
        for stratum, row in zip(self._strata.all, rows, strict=True):
            by_component.setdefault(stratum.component, []).append(row)
            by_language[f"{stratum.component}/{stratum.language}"] = [row]
        return Losses(all=_loss(rows), components=_seen(by_component), languages=_seen(by_language))


_Rows = list[list[float]]  # nats, tokens and bytes


def _seen(groups: dict[str, _Rows]) -> dict[str, Loss]:
    return {name: _loss(rows) for name, rows in groups.items() if any(row[1] for row in rows)}


def _loss(rows: _Rows) -> Loss:
    nats, tokens, num_bytes = (math.fsum(column) for column in zip(*rows, strict=True))
    assert tokens
    return Loss(
        nats_per_token=nats / tokens,
        bits_per_byte=nats / math.log(2) / num_bytes if num_bytes else None,
        tokens=int(tokens),
    )
