"""Filling a model that ranks share: each rank takes of every weight what it holds."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple, Protocol

import torch
from torch import Tensor, nn
from torch.distributed.tensor import DTensor
from torch.distributed.tensor._utils import compute_local_shape_and_global_offset

from ..model.initial import initial_expert, initial_weight


class WeightSource(Protocol):
    """Where weights come from, under the names of a checkpoint."""

    def whole(self, name: str, shape: torch.Size) -> Tensor:
        """Return a weight; may be called by several threads."""

    def expert(self, name: str, expert: int, shape: torch.Size) -> Tensor:
        """Return one expert's part of a weight of `shape` (E, F, D)."""


class InitialWeights(NamedTuple):
    """The weights that training starts from."""

    seed: int
    std: float

    def whole(self, name: str, shape: torch.Size) -> Tensor:
        """Return a weight."""
        return initial_weight(name, shape, seed=self.seed, std=self.std)

    def expert(self, name: str, expert: int, shape: torch.Size) -> Tensor:
        """Return one expert's part of a weight."""
        return initial_expert(name, expert, shape, seed=self.seed, std=self.std)


class _Piece(NamedTuple):
    """A place to fill: of a weight, or of one expert's part of it, the numbers at `held`."""

    place: Tensor
    name: str
    shape: torch.Size
    expert: int | None
    held: tuple[slice, ...]


def fill(weights: Iterable[tuple[str, nn.Parameter]], source: WeightSource) -> None:
    """Give the weights, whole or this rank's parts of them, the values of the source."""

    @torch.no_grad()  # a thread has its own switch
    def copy(piece: _Piece) -> None:
        if piece.expert is None:
            values = source.whole(piece.name, piece.shape)
        else:
            values = source.expert(piece.name, piece.expert, piece.shape)
        piece.place.copy_(values[piece.held])

    with ThreadPoolExecutor(torch.get_num_threads()) as threads:
        for _ in threads.map(copy, _pieces(weights)):
            pass


def _pieces(weights: Iterable[tuple[str, nn.Parameter]]) -> Iterator[_Piece]:
    """Yield what is held here; of experts nothing but these is read or drawn."""
    for name, weight in weights:
        place, held = weight.detach(), tuple(slice(0, size) for size in weight.shape)
        if isinstance(weight, DTensor):
            place = weight.to_local().detach()
            sizes, firsts = compute_local_shape_and_global_offset(
                weight.shape, weight.device_mesh, weight.placements
            )
            held = tuple(slice(i, i + n) for i, n in zip(firsts, sizes, strict=True))
        if place.numel() == 0:
            continue
        if weight.dim() < 3:
            yield _Piece(place, name, weight.shape, None, held)
            continue
        for i, part in enumerate(place):
            yield _Piece(part, name, weight.shape, held[0].start + i, held[1:])
