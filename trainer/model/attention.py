"""Multi-head latent attention (DeepSeek-V2 section 2.1): keys and values from one small latent.

Legend: B batch, T tokens here, S tokens of the whole sequence, H heads, D hidden, L latent, N width
of a key without position, R its width with position, V width of a value.
"""

from typing import Final, Protocol

import torch
from torch import Tensor, nn

from .mask import Mask, attend
from .rope import rotate, softmax_scale
from .shapes import ModelSettings

# Of the norms of latents, whatever rms_norm_eps says: so DeepSeek's code and transformers have it.
_LATENT_EPS: Final = 1e-6


class Context(Protocol):
    """How a sequence is shared by ranks; every rank has the same number of its tokens."""

    def gather(self, x_BTW: Tensor) -> Tensor:
        """Return the parts of all ranks, one after another, of which the gradient is summed."""


class Attention(nn.Module):
    """One layer's attention; weights are named as in Hugging Face's checkpoints."""

    def __init__(self, settings: ModelSettings) -> None:
        super().__init__()
        self._settings = settings
        self._scale = softmax_scale(settings)
        self.context: Context | None = None
        hidden, heads = settings.hidden_size, settings.num_attention_heads
        query_width = heads * settings.qk_head_dim
        if settings.q_lora_rank is None:
            self.q_proj = _linear(hidden, query_width)
        else:
            self.q_a_proj = _linear(hidden, settings.q_lora_rank)
            self.q_a_layernorm = nn.RMSNorm(settings.q_lora_rank, eps=_LATENT_EPS)
            self.q_b_proj = _linear(settings.q_lora_rank, query_width)
        latent = settings.kv_lora_rank
        self.kv_a_proj_with_mqa = _linear(hidden, latent + settings.qk_rope_head_dim)
        self.kv_a_layernorm = nn.RMSNorm(latent, eps=_LATENT_EPS)
        expanded = settings.qk_nope_head_dim + settings.v_head_dim
        self.kv_b_proj = _linear(latent, heads * expanded)
        self.o_proj = _linear(heads * settings.v_head_dim, hidden)

    def forward(self, x_BTD: Tensor, turn: tuple[Tensor, Tensor], mask: Mask) -> Tensor:
        """Return what the tokens see of each other; shape (B, T, D)."""
        q_BTHW = self._query(x_BTD, turn)
        k_BSHW, v_BSHV = self._keys_and_values(x_BTD, turn)
        seen_BHTV = attend(
            q_BTHW.transpose(1, 2),
            k_BSHW.transpose(1, 2),
            v_BSHV.transpose(1, 2),
            mask,
            self._scale,
        )
        out: Tensor = self.o_proj(seen_BHTV.transpose(1, 2).flatten(2))
        return out

    def _query(self, x_BTD: Tensor, turn: tuple[Tensor, Tensor]) -> Tensor:
        settings = self._settings
        if settings.q_lora_rank is None:
            q_BTQ = self.q_proj(x_BTD)
        else:
            q_BTQ = self.q_b_proj(self.q_a_layernorm(self.q_a_proj(x_BTD)))
        q_BTHW = q_BTQ.unflatten(-1, (settings.num_attention_heads, settings.qk_head_dim))
        plain, turned = q_BTHW.split([settings.qk_nope_head_dim, settings.qk_rope_head_dim], dim=-1)
        return torch.cat((plain, rotate(turned, turn)), dim=-1)

    def _keys_and_values(self, x_BTD: Tensor, turn: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        settings = self._settings
        both = self.kv_a_proj_with_mqa(x_BTD)
        latent_BTL, k_BTR = both.split([settings.kv_lora_rank, settings.qk_rope_head_dim], dim=-1)
        narrow = torch.cat(
            (self.kv_a_layernorm(latent_BTL), rotate(k_BTR[:, :, None], turn).squeeze(2)), dim=-1
        )
        if self.context is not None:  # 576 numbers a token travel, and no keys and values
            narrow = self.context.gather(narrow)
        latent_BSL, k_BSR = narrow.split([settings.kv_lora_rank, settings.qk_rope_head_dim], dim=-1)
        heads = settings.num_attention_heads
        k_BSHN, v_BSHV = (
            self.kv_b_proj(latent_BSL)
            .unflatten(-1, (heads, -1))
            .split([settings.qk_nope_head_dim, settings.v_head_dim], dim=-1)
        )
        return torch.cat((k_BSHN, k_BSR[:, :, None].expand(-1, -1, heads, -1)), dim=-1), v_BSHV


def _linear(width_in: int, width_out: int) -> nn.Linear:
    return nn.Linear(width_in, width_out, bias=False)
