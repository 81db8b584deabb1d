"""The balance losses of DeepSeek-V2 section 2.2.3, and how they reach the gradient.

Legend: B sequences, T tokens here, E experts, K experts a token, G groups of experts (devices).
Each loss is a sum over experts or groups of how often they are chosen (which has no gradient) times
how much they are favoured (which has).
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.autograd.function import FunctionCtx

from .shapes import ModelSettings

Average = Callable[[Tensor], Tensor]


def balance_loss(
    scores_BTE: Tensor, ids_BTK: Tensor, settings: ModelSettings, average: Average | None = None
) -> Tensor:
    """Return the weighted sum of the losses, a mean over sequences, or over the whole batch as one.

    `average` turns what one rank counted of a sequence into the mean over the ranks that share it.
    """
    if not settings.seq_aux:
        scores_BTE, ids_BTK = scores_BTE.flatten(0, 1)[None], ids_BTK.flatten(0, 1)[None]
    groups, size = settings.n_group, settings.n_routed_experts // settings.n_group
    chosen_BTE = torch.zeros_like(scores_BTE).scatter_(2, ids_BTK, 1.0)
    share_BE = chosen_BTE.mean(1) * settings.n_routed_experts / settings.num_experts_per_tok
    favour_BE = scores_BTE.mean(1)
    sent_BG = chosen_BTE.unflatten(2, (groups, size)).amax(-1).mean(1) * groups
    if average is not None:
        share_BE, sent_BG = average(share_BE), average(sent_BG)
    favour_BG = favour_BE.unflatten(1, (groups, size)).sum(-1)
    share_BG = share_BE.unflatten(1, (groups, size)).mean(-1)
    loss_B = settings.aux_loss_alpha * (share_BE * favour_BE).sum(1)
    loss_B = loss_B + settings.device_loss_alpha * (share_BG * favour_BG).sum(1)
    loss_B = loss_B + settings.comm_loss_alpha * (sent_BG / settings.topk_group * favour_BG).sum(1)
    mean: Tensor = loss_B.mean()
    return mean


class Attach(torch.autograd.Function):
    """Hand weights on unchanged; on the way back, add a loss's gradient and count the choices.

    Counting on the way back counts once where activations are computed twice, and in the order of
    a pipeline's micro-batches.
    """

    @staticmethod
    def forward(
        ctx: FunctionCtx, weights: Tensor, loss: Tensor, chosen_E: Tensor, load_E: Tensor
    ) -> Tensor:
        """Return the weights; `chosen_E` will be added to `load_E`."""
        ctx.save_for_backward(chosen_E)
        ctx.load_E = load_E  # type: ignore[attr-defined]  # a context takes any attribute
        return weights.view_as(weights)

    @staticmethod
    def backward(ctx: FunctionCtx, grad: Tensor) -> tuple[Tensor, Tensor, None, None]:
        """Return the gradient of the weights as it came, and 1 for the loss."""
        (chosen_E,) = ctx.saved_tensors  # type: ignore[attr-defined]  # what forward saved
        ctx.load_E += chosen_E  # type: ignore[attr-defined]  # see forward
        return grad, grad.new_ones(()), None, None
