"""Rotary positions with YaRN: which angle each pair of a head turns by, and the turning.

Legend: B batch, T tokens, H heads, R half of the rotary width.
YaRN (Peng et al., 2023) as DeepSeek-V2 section 3.1.4 uses it: pairs that turn often within the
first training's length keep their frequency, pairs that do not complete a turn are slowed down by
the factor, and a ramp joins them.
"""

import math

import torch
from torch import Tensor

from .shapes import ModelSettings, Yarn


def frequencies(settings: ModelSettings) -> Tensor:
    """Return the angle that each pair turns by from one position to the next; shape (R,), fp32."""
    width = settings.qk_rope_head_dim
    exponents = torch.arange(0, width, 2, dtype=torch.float32, device="cpu") / width
    plain_R = 1.0 / settings.rope_theta**exponents
    yarn = settings.rope_scaling
    if yarn is None:
        return plain_R
    kept_R = 1.0 - _ramp(yarn, width, settings.rope_theta)
    return plain_R / yarn.factor * (1.0 - kept_R) + plain_R * kept_R


def softmax_scale(settings: ModelSettings) -> float:
    """Return what attention scores are multiplied by: YaRN sharpens them as it lengthens."""
    scale = 1.0 / math.sqrt(settings.qk_head_dim)
    yarn = settings.rope_scaling
    return scale if yarn is None else scale * _mscale(yarn.factor, yarn.mscale_all_dim) ** 2


def rotations(settings: ModelSettings, positions_BT: Tensor) -> tuple[Tensor, Tensor]:
    """Return cosine and sine of the angles at each position; shapes (B, T, R), fp32."""
    angles_BTR = positions_BT[..., None].float() * frequencies(settings).to(positions_BT.device)
    yarn = settings.rope_scaling
    length = 1.0
    if yarn is not None:
        length = _mscale(yarn.factor, yarn.mscale) / _mscale(yarn.factor, yarn.mscale_all_dim)
    return angles_BTR.cos() * length, angles_BTR.sin() * length


def rotate(x_BTHW: Tensor, turn: tuple[Tensor, Tensor]) -> Tensor:
    """Turn neighbouring pairs of the last axis, of width 2 R, by each position's angles."""
    cos, sin = (part[:, :, None, :] for part in turn)
    pairs = x_BTHW.float().unflatten(-1, (-1, 2))
    first, second = pairs.unbind(-1)
    turned = torch.stack((first * cos - second * sin, first * sin + second * cos), dim=-1)
    return turned.flatten(-2).to(x_BTHW.dtype)


def _ramp(yarn: Yarn, width: int, base: float) -> Tensor:
    """Return how far each pair is slowed down, from 0 (not) to 1 (by the whole factor)."""
    low, high = (
        _pair_with_turns(turns, yarn, width, base) for turns in (yarn.beta_fast, yarn.beta_slow)
    )
    low, high = max(math.floor(low), 0), min(math.ceil(high), width - 1)
    pairs = torch.arange(width // 2, dtype=torch.float32, device="cpu")
    return ((pairs - low) / max(high - low, 0.001)).clamp(0, 1)


def _pair_with_turns(turns: float, yarn: Yarn, width: int, base: float) -> float:
    """Return the (fractional) pair that makes so many turns within the first training's length."""
    length = yarn.original_max_position_embeddings
    return width * math.log(length / (turns * 2 * math.pi)) / (2 * math.log(base))


def _mscale(factor: float, weight: float) -> float:
    return 0.1 * weight * math.log(factor) + 1.0 if factor > 1 else 1.0
