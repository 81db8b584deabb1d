"""Experts that ranks share: each rank's rows travel to the ranks of their experts, and back.

Legend: M rows of this rank, R rows that arrive, E experts of all, L experts of this rank, D hidden.
"""

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.autograd.function import FunctionCtx
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.tensor import DTensor, Shard

from ..model.moe import Experts


class AllToAll:
    """Sends rows by all-to-all: as many to each rank as its experts were chosen."""

    def __init__(self, group: dist.ProcessGroup) -> None:
        self._group = group

    def __call__(self, experts: Experts, x_MD: Tensor, rows_E: Tensor) -> Tensor:
        """Return each row through its expert; rows lie expert by expert, rows_E of each."""
        sent_PL = rows_E.view(self._group.size(), -1)
        arriving_PL = torch.empty_like(sent_PL)
        dist.all_to_all_single(arriving_PL, sent_PL, group=self._group)
        # The one place where the CPU waits for the device: it has to know how long messages are.
        sent, arriving = torch.stack((sent_PL.sum(1), arriving_PL.sum(1))).tolist()
        x_RD = _exchange(x_MD, arriving, sent, self._group)
        order_R = _by_expert(arriving_PL)
        out_RD = experts(x_RD[order_R], arriving_PL.sum(0))
        unsorted_RD = torch.empty_like(out_RD).index_copy(0, order_R, out_RD)
        return _exchange(unsorted_RD, sent, arriving, self._group)


@torch.no_grad()
def keep_own_experts(experts: Experts, mesh: DeviceMesh) -> None:
    """Replace the weights of all experts, on the meta device, by those of this rank's."""
    for name, weight_EFD in list(experts.named_parameters(recurse=False)):
        here_LFD = weight_EFD.chunk(mesh.size())[mesh.get_local_rank()]
        shared = DTensor.from_local(here_LFD, mesh, [Shard(0)], run_check=False)
        setattr(experts, name, nn.Parameter(shared))


def _by_expert(arriving_PL: Tensor) -> Tensor:
    """Return the order by expert of rows that lie rank by rank, each rank's by expert."""
    num_ranks, num_experts = arriving_PL.shape
    expert_of_block = torch.arange(num_experts, device=arriving_PL.device).repeat(num_ranks)
    return expert_of_block.repeat_interleave(arriving_PL.flatten()).argsort(stable=True)


def _exchange(
    x_MD: Tensor, sizes_in: list[int], sizes_out: list[int], group: dist.ProcessGroup
) -> Tensor:
    exchanged: Tensor = _Exchange.apply(x_MD, sizes_in, sizes_out, group)  # type: ignore[no-untyped-call]  # torch's method
    return exchanged


class _Exchange(torch.autograd.Function):
    """All-to-all of rows; back, the gradients take the opposite way."""

    @staticmethod
    def forward(
        ctx: FunctionCtx,
        x_MD: Tensor,
        sizes_in: list[int],
        sizes_out: list[int],
        group: dist.ProcessGroup,
    ) -> Tensor:
        """Return `sizes_in` rows of each rank, for `sizes_out` rows to each."""
        ctx.way = sizes_out, sizes_in, group  # type: ignore[attr-defined]  # a context takes any
        out = x_MD.new_empty(sum(sizes_in), x_MD.shape[1])
        dist.all_to_all_single(out, x_MD.contiguous(), sizes_in, sizes_out, group=group)
        return out

    @staticmethod
    def backward(ctx: FunctionCtx, grad: Tensor) -> tuple[Tensor, None, None, None]:
        """Return the gradients of what was sent."""
        sizes_in, sizes_out, group = ctx.way  # type: ignore[attr-defined]  # see forward
        out = grad.new_empty(sum(sizes_in), grad.shape[1])
        dist.all_to_all_single(out, grad.contiguous(), sizes_in, sizes_out, group=group)
        return out, None, None, None
