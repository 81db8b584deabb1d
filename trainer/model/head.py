"""The loss at the head: few logits at a time, in memory that the next ones overwrite.

Legend: B batch, T tokens, N tokens in a row, D hidden, V vocabulary.
In place of logits of B x T x V numbers, few thousand x V are held at most. The way back computes
them again, which costs a matrix product, and adds up the head's gradient where it lies: autograd
would write a gradient of V x D for every few tokens.
"""

from collections.abc import Iterator
from typing import Final

import torch
from torch import Tensor
from torch.autograd.function import FunctionCtx, once_differentiable

IGNORED: Final = -100  # a target that is not to be predicted
# Whose logits are held at a time: 0.1 GB on a CPU and 0.8 GB on a GPU at a vocabulary of 102,400.
_TOKENS: Final = {"cpu": 256, "cuda": 2048}


def token_losses(x_BTD: Tensor, head_VD: Tensor, targets_BT: Tensor) -> Tensor:
    """Return each prediction's loss in nats, fp32, 0 where the target is IGNORED."""
    losses_N = _Losses.apply(x_BTD.flatten(0, 1), head_VD, targets_BT.flatten())  # type: ignore[no-untyped-call]  # torch's method
    losses_BT: Tensor = losses_N.view_as(targets_BT).clone()  # FSDP hangs its hooks on no view
    return losses_BT


class _Losses(torch.autograd.Function):
    """Cross entropy of x W^T; the shares of a softmax minus one are its slope."""

    @staticmethod
    def forward(ctx: FunctionCtx, x_ND: Tensor, head_VD: Tensor, targets_N: Tensor) -> Tensor:
        """Return the losses, and keep the logarithm of each token's sum."""
        ids_N1 = targets_N.clamp(min=0)[:, None]
        losses_N = torch.empty(len(x_ND), device=x_ND.device)
        log_sums_N = torch.empty_like(losses_N)
        for part, logits_NV in _logits(x_ND, head_VD):
            own_N = logits_NV.gather(1, ids_N1[part]).squeeze(1)
            most_N1 = logits_NV.amax(1, keepdim=True)
            sums_N = logits_NV.sub_(most_N1).exp_().sum(1)
            log_sums_N[part] = sums_N.log_().add_(most_N1.squeeze(1))
            losses_N[part] = log_sums_N[part] - own_N
        ctx.save_for_backward(x_ND, head_VD, targets_N, log_sums_N)
        return losses_N.masked_fill_(targets_N == IGNORED, 0.0)

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, grad_N: Tensor) -> tuple[Tensor, Tensor, None]:
        """Return the gradients of x and of the head."""
        x_ND, head_VD, targets_N, log_sums_N = ctx.saved_tensors  # type: ignore[attr-defined]  # what forward saved
        grad_N1 = grad_N.masked_fill(targets_N == IGNORED, 0.0)[:, None]
        ids_N1 = targets_N.clamp(min=0)[:, None]
        grad_x_ND, grad_head_VD = torch.empty_like(x_ND), torch.zeros_like(head_VD)
        for part, logits_NV in _logits(x_ND, head_VD):
            slope_NV = logits_NV.sub_(log_sums_N[part, None]).exp_()
            slope_NV.scatter_add_(1, ids_N1[part], torch.full_like(log_sums_N[part, None], -1.0))
            slope_NV = slope_NV.mul_(grad_N1[part]).to(x_ND.dtype)
            torch.mm(slope_NV, head_VD, out=grad_x_ND[part])
            grad_head_VD.addmm_(slope_NV.T, x_ND[part])
        return grad_x_ND, grad_head_VD, None


def _logits(x_ND: Tensor, head_VD: Tensor) -> Iterator[tuple[slice, Tensor]]:
    """Yield the logits of some tokens, fp32, to be used up before the next are asked for."""
    size = _TOKENS[x_ND.device.type]
    room_NV = x_ND.new_empty(min(size, len(x_ND)), len(head_VD))
    for first in range(0, len(x_ND), size):
        part = slice(first, first + size)
        few_ND = x_ND[part]
        yield part, torch.mm(few_ND, head_VD.T, out=room_NV[: len(few_ND)]).float()
