"""transformers' DeepseekV2ForCausalLM with a model's weights, in each of the ways it computes."""

from collections.abc import Callable, Iterator
from typing import Final, NamedTuple, Protocol

import msgspec
from torch import Tensor, nn
from transformers import DeepseekV2Config, DeepseekV2ForCausalLM

from gristmill.trainer.model.model import Model

# Attention, and experts. "batched_mm", a copy of its expert's weights for each token, is left out:
# 20 times as slow here.
WAYS: Final = tuple((a, e) for a in ("eager", "sdpa") for e in ("eager", "grouped_mm"))
BALANCE: Final = ("aux_loss_alpha", "device_loss_alpha", "comm_loss_alpha", "seq_aux")  # has none


class HasLoss(Protocol):
    """What a model of transformers returns, as far as it is looked at."""

    loss: Tensor


class Peer(NamedTuple):
    """A model, and the function that computes its own loss."""

    name: str
    model: nn.Module
    loss: Callable[[], Tensor]


def make_peers(ours: Model, rows: Tensor) -> Iterator[Peer]:
    """Yield a model for each way, with weights of its own."""
    values = msgspec.to_builtins(ours.settings)
    for name in BALANCE:
        del values[name]
    rope = {"rope_type": "yarn", "rope_theta": values.pop("rope_theta")}
    rope |= values.pop("rope_scaling")
    for attention, experts in WAYS:
        config = DeepseekV2Config(**values, rope_parameters=rope, use_cache=False)
        config._attn_implementation = attention
        config._experts_implementation = experts
        model = DeepseekV2ForCausalLM(config)
        model.load_state_dict(ours.state_dict(), strict=True)
        yield Peer(f"{attention}, {experts}", model, loss_of(model, rows))


def loss_of(model: Callable[..., HasLoss], rows: Tensor) -> Callable[[], Tensor]:
    """Return the function that computes a model's mean loss over all tokens that one follows."""
    return lambda: model(input_ids=rows, labels=rows).loss
