"""The named shapes have the published sizes, and sizes that do not fit each other are refused."""

import msgspec
import pytest
import torch

from gristmill.corpus.errors import GristmillError
from gristmill.trainer.model.model import Model
from gristmill.trainer.model.shapes import (
    SHAPES,
    ModelSettings,
    check_shape,
    flops_per_token,
    num_active_parameters,
    num_parameters,
)


def test_sizes_are_the_published_ones() -> None:
    assert num_parameters(SHAPES["lite"]) == 15_706_484_224
    assert num_parameters(SHAPES["v2"]) / 1e9 == pytest.approx(235.74, abs=0.005)
    assert num_active_parameters(SHAPES["v2"]) / 1e9 == pytest.approx(21.38, abs=0.005)
    lite = num_active_parameters(SHAPES["lite"]) / 1e9
    assert lite == pytest.approx(2.661, abs=0.0005)


def test_operations_of_a_token_are_those_of_the_notes() -> None:
    assert flops_per_token(SHAPES["lite"], 4096) / 1e9 == pytest.approx(16.41, abs=0.005)
    assert flops_per_token(SHAPES["v2"], 4096) / 1e9 == pytest.approx(155.3, abs=0.05)


@pytest.mark.parametrize("name", SHAPES)
def test_counts_are_those_of_a_model(name: str) -> None:
    with torch.device("meta"):
        model = Model(SHAPES[name])
    assert sum(weight.numel() for weight in model.parameters()) == num_parameters(SHAPES[name])


def test_parts_of_a_model_have_the_weights_of_the_whole() -> None:
    settings = SHAPES["lite-6l"]
    with torch.device("meta"):
        whole = Model(settings).state_dict()
        parts = [Model(settings, layers).state_dict() for layers in (range(2), range(2, 6))]
    assert {**parts[0], **parts[1]}.keys() == whole.keys()
    assert not parts[0].keys() & parts[1].keys()


@pytest.mark.parametrize("name", SHAPES)
def test_named_shapes_fit(name: str) -> None:
    check_shape(SHAPES[name], where="shapes")


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"n_group": 5}, "64 experts do not fall into 5 equal groups"),
        ({"n_group": 4, "topk_group": 5}, "5 of 4 groups cannot be chosen"),
        ({"num_experts_per_tok": 65}, "65 experts a token are more than the 64"),
        (
            {"n_group": 16, "topk_method": "group_limited_greedy"},
            "6 experts a token are more than the 4 that it can reach",
        ),
        ({"qk_rope_head_dim": 63}, "qk_rope_head_dim is 63"),
        ({"comm_loss_alpha": 0.02}, "a balance loss of devices"),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
def test_sizes_that_do_not_fit_are_refused(changes: dict[str, object], what: str) -> None:
    settings = msgspec.convert(changes, ModelSettings)
    with pytest.raises(GristmillError, match=what) as caught:
        check_shape(settings, where="recipe.toml: shape")
    assert "recipe.toml: shape" in str(caught.value)
