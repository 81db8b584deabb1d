"""AdamW as the paper has it, in groups of weights that one kernel can update together."""

from collections.abc import Iterable

from torch import nn
from torch.optim import AdamW

from .recipe import OptimizerSettings


def make_optimizer(
    weights: Iterable[tuple[str, nn.Parameter]], settings: OptimizerSettings
) -> AdamW:
    """Return the optimizer of these weights; norms do not decay, and experts are a group apart.

    The papers do not say what decays. Experts lie on a mesh of their own, and one update over
    several meshes is not possible.
    """
    groups: dict[str, list[nn.Parameter]] = {"norms": [], "matrices": [], "experts": []}
    for _, weight in weights:
        kind = {1: "norms", 3: "experts"}.get(weight.ndim, "matrices")
        groups[kind].append(weight)
    decay = {"norms": 0.0}
    return AdamW(
        [
            {"params": found, "weight_decay": decay.get(kind, settings.weight_decay)}
            for kind, found in groups.items()
            if found
        ],
        lr=settings.lr,
        betas=settings.betas,
        eps=settings.eps,
    )


def set_learning_rate(optimizer: AdamW, lr: float) -> None:
    """Let the next step be taken at a learning rate."""
    for group in optimizer.param_groups:
        group["lr"] = lr
