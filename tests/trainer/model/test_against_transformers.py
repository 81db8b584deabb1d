"""Logits and gradients are those of transformers' DeepseekV2, which is given the same weights."""

from collections.abc import Callable
from typing import Protocol

import msgspec
import pytest
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy
from transformers import DeepseekV2Config, DeepseekV2ForCausalLM

from gristmill.trainer.model.model import Model
from gristmill.trainer.model.shapes import ModelSettings

TOLERANCE = 1e-5
TRAINING_ALONE = ("aux_loss_alpha", "device_loss_alpha", "comm_loss_alpha", "seq_aux")


class Rows(Protocol):
    tokens_BT: Tensor
    targets_BT: Tensor

    def logits(self, model: Model) -> Tensor: ...

    def losses(self, model: Model) -> Tensor: ...


def transformers_of(model: Model) -> torch.nn.Module:
    values = msgspec.to_builtins(model.settings)
    for name in TRAINING_ALONE:
        del values[name]
    rope = {"rope_type": "default", "rope_theta": values.pop("rope_theta")}
    if (yarn := values.pop("rope_scaling")) is not None:
        rope |= {"rope_type": "yarn", **yarn}
    config = DeepseekV2Config(**values, rope_parameters=rope)
    config._attn_implementation = "eager"
    other = DeepseekV2ForCausalLM(config)
    other.load_state_dict(model.state_dict(), strict=True)
    assert isinstance(other, torch.nn.Module)
    return other


@pytest.fixture
def pair(
    settings: ModelSettings, model_of: Callable[[ModelSettings], Model]
) -> tuple[Model, torch.nn.Module]:
    ours = model_of(settings)
    return ours, transformers_of(ours)


def test_logits_equal_those_of_transformers(
    pair: tuple[Model, torch.nn.Module], rows: Rows
) -> None:
    ours, theirs = pair
    with torch.no_grad():
        logits = rows.logits(ours)
        torch.testing.assert_close(logits, theirs(rows.tokens_BT).logits, atol=TOLERANCE, rtol=0)
    assert logits.std() > 0.1  # they are not equal for being nothing


def test_gradients_equal_those_of_transformers(
    pair: tuple[Model, torch.nn.Module], rows: Rows
) -> None:
    ours, theirs = pair
    for _, layer in ours.moe_layers():
        layer.balance_scale = 0.0  # transformers has no balance loss
    rows.losses(ours).mean().backward()
    logits = theirs(rows.tokens_BT).logits
    cross_entropy(logits.flatten(0, 1), rows.targets_BT.flatten()).backward()
    expected = {name: weight.grad for name, weight in theirs.named_parameters()}
    found = {name: weight.grad for name, weight in ours.named_parameters()}
    torch.testing.assert_close(found, expected, atol=TOLERANCE, rtol=0)
    assert all(grad is not None and grad.abs().max() > 0 for grad in found.values())
