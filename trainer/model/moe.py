"""A layer of experts: the gate that chooses, the experts that work, and what each token gets back.

Legend: N tokens of a batch in a row, D hidden, E experts, K experts a token, F width of an expert,
M rows handed to experts (N K, and those that pad groups).
DeepSeek-V2 section 2.2: softmax over all experts, the best few chosen, from few groups only where
groups are devices; shared experts see every token.
"""

from typing import Protocol

import torch
from torch import Tensor, nn

from .balance import Attach, Average, balance_loss
from .shapes import ModelSettings

_ROWS = 8  # a group's rows are padded to a multiple: 16 bytes of bf16, which grouped GEMMs ask for


class FeedForward(nn.Module):
    """SwiGLU: what a dense layer has, and the shared experts together."""

    def __init__(self, hidden_size: int, width: int) -> None:
        super().__init__()
        self.gate_proj = nn.Linear(hidden_size, width, bias=False)
        self.up_proj = nn.Linear(hidden_size, width, bias=False)
        self.down_proj = nn.Linear(width, hidden_size, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return the same shape."""
        gated = nn.functional.silu(self.gate_proj(x)) * self.up_proj(x)
        out: Tensor = self.down_proj(gated)
        return out


class Gate(nn.Module):
    """Chooses experts; in fp32 whatever the precision of the rest."""

    def __init__(self, settings: ModelSettings) -> None:
        super().__init__()
        self._settings = settings
        self.weight = nn.Parameter(torch.empty(settings.n_routed_experts, settings.hidden_size))

    def forward(self, x_ND: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return scores (N, E), and of the chosen ones the weights and numbers (N, K)."""
        settings = self._settings
        with torch.autocast(x_ND.device.type, enabled=False):
            logits_NE = nn.functional.linear(x_ND.float(), self.weight.float())
        scores_NE = logits_NE.softmax(-1)
        eligible_NE = scores_NE
        if settings.topk_method == "group_limited_greedy":
            eligible_NE = scores_NE.masked_fill(~self._in_best_groups(scores_NE), 0.0)
        weights_NK, ids_NK = eligible_NE.topk(settings.num_experts_per_tok, dim=-1)
        if settings.norm_topk_prob and settings.num_experts_per_tok > 1:
            weights_NK = weights_NK / (weights_NK.sum(-1, keepdim=True) + 1e-20)
        else:
            weights_NK = weights_NK * settings.routed_scaling_factor
        return scores_NE, weights_NK, ids_NK

    def _in_best_groups(self, scores_NE: Tensor) -> Tensor:
        """Return which experts lie in the groups whose best expert has the highest score."""
        groups = self._settings.n_group
        best_NG = scores_NE.unflatten(-1, (groups, -1)).amax(-1)
        chosen = best_NG.topk(self._settings.topk_group, dim=-1).indices
        is_best_NG = torch.zeros_like(best_NG, dtype=torch.bool).scatter_(-1, chosen, value=True)
        return is_best_NG.repeat_interleave(scores_NE.shape[-1] // groups, dim=-1)


class Experts(nn.Module):
    """All routed experts of a layer, or those of one rank, as two grouped matrix products."""

    def __init__(self, settings: ModelSettings) -> None:
        super().__init__()
        experts, hidden = settings.n_routed_experts, settings.hidden_size
        width = settings.moe_intermediate_size
        self.gate_up_proj = nn.Parameter(torch.empty(experts, 2 * width, hidden))
        self.down_proj = nn.Parameter(torch.empty(experts, hidden, width))

    def forward(self, x_MD: Tensor, rows_E: Tensor) -> Tensor:
        """Return each row through its expert; the first rows_E[0] rows are those of expert 0."""
        ends, slots, size = _padded_groups(rows_E, len(x_MD))
        padded = x_MD.new_zeros(size, x_MD.shape[1]).index_copy(0, slots, x_MD)
        gate, up = grouped(padded, local(self.gate_up_proj), ends).chunk(2, dim=-1)
        out = grouped(nn.functional.silu(gate) * up, local(self.down_proj), ends)
        return out[slots]


class Dispatch(Protocol):
    """Takes rows to the ranks that hold their experts, and back."""

    def __call__(self, experts: Experts, x_MD: Tensor, rows_E: Tensor) -> Tensor:
        """Return each row through its expert; rows lie expert by expert, rows_E of each."""


class MoE(nn.Module):
    """Routed and shared experts of one layer.

    `load_E` counts, on the way back, how often each expert was chosen. `balance_scale` is the share
    that a micro-batch has of the batch whose mean the balance loss is.
    """

    load_E: Tensor

    def __init__(self, settings: ModelSettings) -> None:
        super().__init__()
        self._settings = settings
        self.gate = Gate(settings)
        self.experts = Experts(settings)
        width = settings.n_shared_experts * settings.moe_intermediate_size
        self.shared_experts = FeedForward(settings.hidden_size, width)
        self.dispatch: Dispatch | None = None
        self.average: Average | None = None
        self.balance_scale = 1.0
        self.register_buffer("load_E", torch.zeros(settings.n_routed_experts), persistent=False)

    def forward(self, x_BTD: Tensor) -> Tensor:
        """Return the same shape."""
        x_ND = x_BTD.flatten(0, 1)
        scores_NE, weights_NK, ids_NK = self.gate(x_ND)
        if torch.is_grad_enabled():
            weights_NK = self._attach_balance(scores_NE, weights_NK, ids_NK, x_BTD.shape[:2])
        routed_ND = self._routed(x_ND, weights_NK, ids_NK)
        shared: Tensor = self.shared_experts(x_BTD)
        return shared + routed_ND.view_as(x_BTD)

    def _routed(self, x_ND: Tensor, weights_NK: Tensor, ids_NK: Tensor) -> Tensor:
        order_M = ids_NK.flatten().argsort(stable=True)
        rows_E = _count(ids_NK, self._settings.n_routed_experts)
        x_MD = x_ND[order_M // ids_NK.shape[1]]
        if self.dispatch is None:
            out_MD = self.experts(x_MD, rows_E)
        else:
            out_MD = self.dispatch(self.experts, x_MD, rows_E)
        unsorted_MD = torch.empty_like(out_MD).index_copy(0, order_M, out_MD)
        out_NKD = unsorted_MD.unflatten(0, ids_NK.shape)
        # Not a matrix product: a sum whose order no shape can change.
        out_ND: Tensor = (out_NKD * weights_NK[..., None].to(out_NKD.dtype)).sum(1)
        return out_ND

    def _attach_balance(
        self, scores_NE: Tensor, weights_NK: Tensor, ids_NK: Tensor, batch: torch.Size
    ) -> Tensor:
        loss = balance_loss(
            scores_NE.unflatten(0, batch), ids_NK.unflatten(0, batch), self._settings, self.average
        )
        chosen_E = _count(ids_NK, self._settings.n_routed_experts).float()
        scaled = loss * self.balance_scale
        attached: Tensor = Attach.apply(weights_NK, scaled, chosen_E, self.load_E)  # type: ignore[no-untyped-call]  # torch's method
        return attached


def local(weight: Tensor) -> Tensor:
    """Return what this rank holds of a weight that ranks may share."""
    from torch.distributed.tensor import DTensor

    return weight.to_local() if isinstance(weight, DTensor) else weight


def grouped(x_MD: Tensor, weight_EFD: Tensor, ends_E: Tensor) -> Tensor:
    """Return x W^T with a weight for each group of rows; a group ends where ends_E says."""
    return nn.functional.grouped_mm(x_MD, weight_EFD.transpose(-2, -1), offs=ends_E)


def _count(ids: Tensor, num_experts: int) -> Tensor:
    """Return how often each expert is named; a sum of ones, as bincount is not deterministic."""
    counts = torch.zeros(num_experts, dtype=torch.int64, device=ids.device)
    return counts.scatter_add_(0, ids.flatten(), torch.ones_like(ids.flatten()))


def _padded_groups(rows_E: Tensor, num_rows: int) -> tuple[Tensor, Tensor, int]:
    """Return where padded groups end, which place each row takes, and a bound of the places.

    The bound is known without asking the device how the rows fell.
    """
    padded_E = (rows_E + _ROWS - 1) // _ROWS * _ROWS
    ends_E = padded_E.cumsum(0)
    shift_E = ends_E - padded_E - (rows_E.cumsum(0) - rows_E)
    slots = torch.arange(num_rows, device=rows_E.device)
    slots = slots + shift_E.repeat_interleave(rows_E, output_size=num_rows)
    size = (num_rows + len(rows_E) * (_ROWS - 1) + _ROWS - 1) // _ROWS * _ROWS
    return ends_E.to(torch.int32), slots, size
