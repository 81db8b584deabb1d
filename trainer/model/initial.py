"""The weights that training starts from: a function of the seed and each weight's name alone.

So the same model starts alike however many ranks share it. Every matrix is normal with the
standard deviation of DeepSeek-V2 section 3.1.2; the weights of norms are 1. Experts are drawn one
by one, so that a rank draws only its own.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from ...corpus.ids import seeded_hash


def initial_weight(name: str, shape: Sequence[int], *, seed: int, std: float) -> Tensor:
    """Return the whole of one weight, on the CPU, fp32."""
    if len(shape) == 1:
        return torch.ones(tuple(shape))
    if len(shape) == 3:
        return torch.stack(
            [initial_expert(name, i, shape, seed=seed, std=std) for i in range(shape[0])]
        )
    return _normal(name, "", shape, seed=seed, std=std)


def initial_expert(
    name: str, expert: int, shape: Sequence[int], *, seed: int, std: float
) -> Tensor:
    """Return one expert's part, shape (F, D), of a weight of `shape` (E, F, D)."""
    return _normal(name, str(expert), shape[1:], seed=seed, std=std)


@torch.no_grad()
def initialise(model: torch.nn.Module, *, seed: int, std: float) -> None:
    """Fill a model whose weights lie whole on one device."""
    for name, weight in model.named_parameters():
        weight.copy_(initial_weight(name, weight.shape, seed=seed, std=std))


def _normal(name: str, part: str, shape: Sequence[int], *, seed: int, std: float) -> Tensor:
    generator = torch.Generator().manual_seed(seeded_hash("weight", seed, name.encode(), part))
    return torch.empty(tuple(shape)).normal_(0.0, std, generator=generator)
