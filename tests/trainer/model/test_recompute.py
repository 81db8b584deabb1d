"""Computing activations again saves memory, and changes nothing."""

from collections.abc import Callable
from typing import Protocol

import pytest
import torch
from torch import Tensor

from gristmill.trainer.model.model import Model
from gristmill.trainer.model.shapes import ModelSettings


class Rows(Protocol):
    tokens_BT: Tensor

    def losses(self, model: Model) -> Tensor: ...


@pytest.fixture
def trained(
    settings: ModelSettings, model_of: Callable[[ModelSettings], Model], rows: Rows
) -> list[Model]:
    """The same step without and with recomputing."""
    models = [model_of(settings), model_of(settings)]
    models[1].recompute = True
    for model in models:
        rows.losses(model).mean().backward()
    return models


def test_recomputing_gives_the_same_gradients(trained: list[Model]) -> None:
    plain, again = ({name: w.grad for name, w in m.named_parameters()} for m in trained)
    torch.testing.assert_close(again, plain, atol=0, rtol=0)


def test_recomputing_counts_each_choice_once(trained: list[Model], rows: Rows) -> None:
    settings = trained[0].settings
    for model in trained:
        for _, layer in model.moe_layers():
            choices = rows.tokens_BT.numel() * settings.num_experts_per_tok
            assert layer.load_E.sum().item() == choices
    loads = [[layer.load_E.tolist() for _, layer in model.moe_layers()] for model in trained]
    assert loads[0] == loads[1]


def test_without_gradients_nothing_is_counted(
    small: ModelSettings, model_of: Callable[[ModelSettings], Model], rows: Rows
) -> None:
    model = model_of(small)
    with torch.no_grad():
        rows.losses(model)
    assert all(layer.load_E.sum() == 0 for _, layer in model.moe_layers())
