"""Sequences that ranks share: which tokens each has, and what they tell each other.

Legend: B batch, T tokens here, S tokens of the whole sequence, W any width.
Later tokens see more than earlier ones, so each of c ranks takes two of 2c chunks, one from the
front and its mirror image from the end: all have the same work.
"""

import torch
import torch.distributed as dist
from torch import Tensor
from torch.autograd.function import FunctionCtx

from ...corpus.errors import GristmillError


class SharedSequence:
    """One sequence's ranks."""

    def __init__(self, group: dist.ProcessGroup) -> None:
        self._group = group

    def gather(self, x_BTW: Tensor) -> Tensor:
        """Return the parts of all ranks, one after another, of which the gradient is summed."""
        gathered: Tensor = _Gather.apply(x_BTW, self._group)  # type: ignore[no-untyped-call]  # torch's method
        return gathered

    def gather_losses(self, losses_BT: Tensor) -> Tensor:
        """Return losses of whole sequences, in their order, from each rank's own."""
        losses_TB = losses_BT.T.contiguous()
        size = self._group.size()
        gathered_SB = losses_TB.new_empty(len(losses_TB) * size, losses_TB.shape[1])
        dist.all_gather(list(gathered_SB.chunk(size)), losses_TB, group=self._group)
        place_S = token_order(len(gathered_SB), size).argsort().to(losses_TB.device)
        return gathered_SB[place_S].T.contiguous()

    def average(self, x: Tensor) -> Tensor:
        """Return the mean over the ranks; it has no gradient."""
        total = x.detach().clone()
        dist.all_reduce(total, group=self._group)
        return total / self._group.size()


def token_order(num_tokens: int, num_ranks: int) -> Tensor:
    """Return where each token stands, rank after rank; each rank has the same number."""
    if num_ranks == 1:
        return torch.arange(num_tokens)
    if num_tokens % (2 * num_ranks) != 0:
        raise GristmillError(
            f"sequences of {num_tokens:,} do not fall into {2 * num_ranks} equal chunks, two for "
            "each rank",
            where="mesh.context",
            todo=f"Make sequence_length a multiple of {2 * num_ranks}.",
        )
    chunks = torch.arange(num_tokens).chunk(2 * num_ranks)
    pairs = [(chunks[rank], chunks[-1 - rank]) for rank in range(num_ranks)]
    return torch.cat([chunk for pair in pairs for chunk in pair])


class _Gather(torch.autograd.Function):
    """All-gather along the tokens; back, the sum of what each rank wants of these here."""

    @staticmethod
    def forward(ctx: FunctionCtx, x_BTW: Tensor, group: dist.ProcessGroup) -> Tensor:
        """Return shape (B, S, W)."""
        ctx.group = group  # type: ignore[attr-defined]  # a context takes any attribute
        x_TBW = x_BTW.transpose(0, 1).contiguous()
        out_SBW = x_TBW.new_empty(len(x_TBW) * group.size(), *x_TBW.shape[1:])
        dist.all_gather(list(out_SBW.chunk(group.size())), x_TBW, group=group)
        return out_SBW.transpose(0, 1)

    @staticmethod
    def backward(ctx: FunctionCtx, grad_BSW: Tensor) -> tuple[Tensor, None]:
        """Return shape (B, T, W); summed in fp32."""
        group: dist.ProcessGroup = ctx.group  # type: ignore[attr-defined]  # see forward
        grad_SBW = grad_BSW.transpose(0, 1).float().contiguous()
        parts = list(grad_SBW.chunk(group.size()))
        out_TBW = torch.empty_like(parts[0])
        dist.reduce_scatter(out_TBW, parts, group=group)
        return out_TBW.transpose(0, 1).to(grad_BSW.dtype), None
