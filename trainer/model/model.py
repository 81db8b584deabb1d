"""The model: embedding, layers, head; the whole of it, or the part that one pipeline stage has.

Legend: B batch, T tokens here, S tokens of the whole sequence, D hidden, V vocabulary.
Modules and weights are named as in Hugging Face's DeepseekV2ForCausalLM, whose state dict this one
is. Layers keep their number as a name, so a part of a model has the names of the whole.
"""

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from .attention import Attention
from .head import IGNORED as IGNORED
from .head import token_losses
from .mask import Mask, document_mask
from .moe import FeedForward, MoE
from .rope import rotations
from .shapes import ModelSettings


class Layer(nn.Module):
    """Attention and a network, each behind a norm and added to what came in."""

    def __init__(self, settings: ModelSettings, number: int) -> None:
        super().__init__()
        hidden, eps = settings.hidden_size, settings.rms_norm_eps
        self.self_attn = Attention(settings)
        self.input_layernorm = nn.RMSNorm(hidden, eps=eps)
        self.post_attention_layernorm = nn.RMSNorm(hidden, eps=eps)
        if settings.is_moe(number):
            self.mlp: nn.Module = MoE(settings)
        else:
            self.mlp = FeedForward(hidden, settings.intermediate_size)

    def forward(self, x_BTD: Tensor, turn: tuple[Tensor, Tensor], mask: Mask) -> Tensor:
        """Return the same shape."""
        x_BTD = x_BTD + self.self_attn(self.input_layernorm(x_BTD), turn, mask)
        out: Tensor = x_BTD + self.mlp(self.post_attention_layernorm(x_BTD))
        return out


class Body(nn.Module):
    """What lies before the head: `layers` of the model's, the embedding and last norm if asked."""

    def __init__(self, settings: ModelSettings, layers: range, *, first: bool, last: bool) -> None:
        super().__init__()
        hidden = settings.hidden_size
        self.embed_tokens = nn.Embedding(settings.vocab_size, hidden) if first else None
        self.layers = nn.ModuleDict({str(i): Layer(settings, i) for i in layers})
        self.norm = nn.RMSNorm(hidden, eps=settings.rms_norm_eps) if last else None


class Model(nn.Module):
    """A language model, or one pipeline stage of it: `layers`, with embedding and head at the ends.

    `context_rank` says which part of each sequence is here where ranks share it.
    """

    def __init__(self, settings: ModelSettings, layers: range | None = None) -> None:
        super().__init__()
        layers = range(settings.num_hidden_layers) if layers is None else layers
        last = layers.stop == settings.num_hidden_layers
        self.settings = settings
        self.recompute = False  # keep a layer's input alone, and compute the rest again
        self.context_rank = 0
        self.model = Body(settings, layers, first=layers.start == 0, last=last)
        self.lm_head = nn.Linear(settings.hidden_size, settings.vocab_size, bias=False)
        if not last:
            self.lm_head = None  # type: ignore[assignment]  # a stage before the last has none

    def forward(
        self,
        inputs: Tensor,
        positions_BT: Tensor,
        documents_BS: Tensor,
        order_S: Tensor,
        targets_BT: Tensor | None = None,
        last_B: Tensor | None = None,
    ) -> Tensor:
        """Return hidden states, or at the end logits (B, T, V), or losses (B, T) given targets,
        or logits (B, V) of one token of each sequence given `last_B`, which says which.

        `inputs` are token ids (B, T) or hidden states (B, T, D). Positions restart with a document.
        `documents_BS` numbers the documents, and `order_S` says where each token of the sequence
        stands, both in the order in which the ranks' parts are gathered. Losses are in nats, fp32,
        0 where the target is IGNORED.
        """
        turn = rotations(self.settings, positions_BT)
        here = self.context_rank * positions_BT.shape[1]
        mask = document_mask(documents_BS, order_S, slice(here, here + positions_BT.shape[1]))
        x_BTD = inputs if self.model.embed_tokens is None else self.model.embed_tokens(inputs)
        for layer in self.model.layers.values():
            if self.recompute and torch.is_grad_enabled():
                x_BTD = checkpoint(layer, x_BTD, turn, mask, use_reentrant=False)
            else:
                x_BTD = layer(x_BTD, turn, mask)
        if self.model.norm is None:
            return x_BTD
        x_BTD = self.model.norm(x_BTD)
        if last_B is not None:
            x_BTD = x_BTD[torch.arange(len(x_BTD), device=x_BTD.device), last_B]
        if targets_BT is None:
            logits: Tensor = self.lm_head(x_BTD)
            return logits
        return token_losses(x_BTD, self.lm_head.weight, targets_BT)

    def moe_layers(self) -> Iterator[tuple[int, MoE]]:
        """Yield the layers with experts that are here, with their numbers."""
        for name, layer in self.model.layers.items():
            assert isinstance(layer, Layer)
            if isinstance(layer.mlp, MoE):
                yield int(name), layer.mlp


def plain_order(tokens_BT: Tensor) -> Tensor:
    """Return the order of a sequence that no ranks share."""
    return torch.arange(tokens_BT.shape[1], device=tokens_BT.device)
