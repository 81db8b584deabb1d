"""What a model is made of: the settings of DeepSeek-V2's architecture, and the shapes with a name.

Names of settings are those of Hugging Face's config.json, so that a checkpoint's settings are read
and written without a table of names. Sources: DeepSeek-V2 sections 2.1, 2.2, 3.1.2 and its
appendix B, and the published config.json of DeepSeek-Coder-V2-Lite-Base and DeepSeek-V2.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Final, Literal

import msgspec

from ...corpus.errors import GristmillError

_Positive = Annotated[int, msgspec.Meta(ge=1)]
_Share = Annotated[float, msgspec.Meta(ge=0)]
_VOCAB_SIZE: Final = 102_400  # 100,000 of the tokenizer, its special ids, and room


class Yarn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How positions beyond the first training's are reached: YaRN as DeepSeek-V2 section 3.1.4."""

    factor: float = 40.0
    beta_fast: float = 32.0
    beta_slow: float = 1.0
    mscale: float = 0.707
    mscale_all_dim: float = 0.707
    original_max_position_embeddings: _Positive = 4096


class ModelSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One model's sizes and rules; the defaults are DeepSeek-Coder-V2-Lite's.

    `aux_loss_alpha`, `device_loss_alpha` and `comm_loss_alpha` weigh the expert, device and
    communication balance losses of DeepSeek-V2 section 2.2.3; a device is a group of experts.
    With `norm_topk_prob` the weights of the chosen experts add up to 1, and are not scaled.
    """

    vocab_size: _Positive = _VOCAB_SIZE
    hidden_size: _Positive = 2048
    intermediate_size: _Positive = 10_944
    moe_intermediate_size: _Positive = 1408
    num_hidden_layers: _Positive = 27
    first_k_dense_replace: int = 1
    num_attention_heads: _Positive = 16
    q_lora_rank: _Positive | None = None
    kv_lora_rank: _Positive = 512
    qk_nope_head_dim: _Positive = 128
    qk_rope_head_dim: _Positive = 64
    v_head_dim: _Positive = 128
    n_routed_experts: _Positive = 64
    n_shared_experts: _Positive = 2
    num_experts_per_tok: _Positive = 6
    n_group: _Positive = 1
    topk_group: _Positive = 1
    topk_method: Literal["greedy", "group_limited_greedy"] = "greedy"
    norm_topk_prob: bool = False
    routed_scaling_factor: float = 1.0
    aux_loss_alpha: _Share = 0.001
    device_loss_alpha: _Share = 0.0
    comm_loss_alpha: _Share = 0.0
    seq_aux: bool = True
    rms_norm_eps: float = 1e-6
    rope_theta: float = 10_000.0
    rope_scaling: Yarn | None = Yarn()
    max_position_embeddings: _Positive = 163_840
    initializer_range: float = 0.006

    @property
    def qk_head_dim(self) -> int:
        """The width of a query and a key of one head."""
        return self.qk_nope_head_dim + self.qk_rope_head_dim

    def is_moe(self, layer: int) -> bool:
        """Return whether a layer has experts; the first ones have one dense network."""
        return layer >= self.first_k_dense_replace


# What weights can be trained on with another value of: what only training knows, and how far
# positions reach (YaRN is put on a model trained without it).
_MAY_DIFFER: Final = frozenset(
    (
        *("aux_loss_alpha", "device_loss_alpha", "comm_loss_alpha", "seq_aux"),
        *("initializer_range", "rope_scaling", "rope_theta", "max_position_embeddings"),
    )
)

_TINY: Final = ModelSettings(
    hidden_size=64,
    intermediate_size=192,
    moe_intermediate_size=32,
    num_hidden_layers=3,
    num_attention_heads=4,
    kv_lora_rank=32,
    qk_nope_head_dim=16,
    qk_rope_head_dim=8,
    v_head_dim=16,
    n_routed_experts=8,
    num_experts_per_tok=2,
    initializer_range=0.02,  # 0.006 is too little for so narrow a model to start learning soon
)
_LITE: Final = ModelSettings()

SHAPES: Final[Mapping[str, ModelSettings]] = MappingProxyType(
    {
        "tiny": _TINY,
        "smoke-1b": ModelSettings(
            hidden_size=1024,
            intermediate_size=5472,
            moe_intermediate_size=512,
            num_hidden_layers=16,
            kv_lora_rank=256,
            qk_nope_head_dim=64,
            qk_rope_head_dim=32,
            v_head_dim=64,
            n_routed_experts=32,
        ),
        "lite-4l": msgspec.structs.replace(_LITE, num_hidden_layers=4),
        "lite-6l": msgspec.structs.replace(_LITE, num_hidden_layers=6),
        "lite": _LITE,
        "v2": ModelSettings(
            hidden_size=5120,
            intermediate_size=12_288,
            moe_intermediate_size=1536,
            num_hidden_layers=60,
            num_attention_heads=128,
            q_lora_rank=1536,
            n_routed_experts=160,
            n_group=8,
            topk_group=3,
            topk_method="group_limited_greedy",
            routed_scaling_factor=16.0,
            aux_loss_alpha=0.003,
            device_loss_alpha=0.05,
            comm_loss_alpha=0.02,
        ),
    }
)


def check_shape(settings: ModelSettings, *, where: str) -> None:
    """Raise GristmillError where sizes do not fit each other."""
    experts, groups = settings.n_routed_experts, settings.n_group
    reachable = experts // groups * settings.topk_group
    if settings.topk_method == "greedy":
        reachable = experts
    faults = {
        f"{experts} experts do not fall into {groups} equal groups": experts % groups != 0,
        f"{settings.topk_group} of {groups} groups cannot be chosen": settings.topk_group > groups,
        f"{settings.num_experts_per_tok} experts a token are more than the {reachable} that it "
        "can reach": settings.num_experts_per_tok > reachable,
        f"qk_rope_head_dim is {settings.qk_rope_head_dim}, and positions turn pairs": (
            settings.qk_rope_head_dim % 2 != 0
        ),
        "a balance loss of devices wants topk_method = group_limited_greedy": (
            settings.topk_method == "greedy" and settings.comm_loss_alpha > 0
        ),
    }
    for what, is_so in faults.items():
        if is_so:
            raise GristmillError(what, where=where, todo="Change the shape, or take a named one.")


def differences(ours: ModelSettings, theirs: ModelSettings) -> dict[str, tuple[object, object]]:
    """Return the settings in which one's weights are not the other's, with both values."""
    pairs = {
        name: (getattr(ours, name), getattr(theirs, name))
        for name in ModelSettings.__struct_fields__
        if name not in _MAY_DIFFER
    }
    return {name: (our, their) for name, (our, their) in pairs.items() if our != their}


def num_parameters(settings: ModelSettings) -> int:
    """Return how many weights the model has, embeddings included."""
    return _num_weights(settings, experts=settings.n_routed_experts)


def num_active_parameters(settings: ModelSettings) -> int:
    """Return how many weights one token meets, both embeddings included."""
    return _num_weights(settings, experts=settings.num_experts_per_tok)


def flops_per_token(settings: ModelSettings, sequence_length: int) -> float:
    """Return the floating-point operations of one token's training step, causal attention.

    Six for each active weight but the input embedding's, and for attention three times the half
    square that causality leaves. A count of the full square, as PaLM's, is greater by the second
    term; recomputed activations do not count.
    """
    weights = num_active_parameters(settings) - settings.vocab_size * settings.hidden_size
    widths = settings.num_attention_heads * (settings.qk_head_dim + settings.v_head_dim)
    return 6.0 * weights + 3.0 * settings.num_hidden_layers * widths * sequence_length


def _num_weights(settings: ModelSettings, *, experts: int) -> int:
    """Count the weights where each layer has so many routed experts."""
    hidden = settings.hidden_size
    num_dense = min(settings.first_k_dense_replace, settings.num_hidden_layers)
    num_moe = settings.num_hidden_layers - num_dense
    expert = 3 * hidden * settings.moe_intermediate_size
    moe = (experts + settings.n_shared_experts) * expert + settings.n_routed_experts * hidden
    layers = settings.num_hidden_layers * (_num_attention_weights(settings) + 2 * hidden)
    dense = num_dense * 3 * hidden * settings.intermediate_size
    return 2 * settings.vocab_size * hidden + layers + dense + num_moe * moe + hidden


def _num_attention_weights(settings: ModelSettings) -> int:
    hidden, heads, rank = settings.hidden_size, settings.num_attention_heads, settings.kv_lora_rank
    query_width = heads * settings.qk_head_dim
    if settings.q_lora_rank is None:
        query = hidden * query_width
    else:
        query = settings.q_lora_rank * (hidden + query_width + 1)
    latent = hidden * (rank + settings.qk_rope_head_dim) + rank
    expand = rank * heads * (settings.qk_nope_head_dim + settings.v_head_dim)
    return query + latent + expand + heads * settings.v_head_dim * hidden
