"""The first weights depend on the seed and their names, not on how the model is shared."""

from itertools import pairwise

import pytest
import torch

from gristmill.trainer.model.initial import initial_expert, initial_weight, initialise
from gristmill.trainer.model.model import Model
from gristmill.trainer.model.shapes import SHAPES, ModelSettings


def weights_of(settings: ModelSettings, layers: range | None, seed: int) -> dict[str, torch.Tensor]:
    model = Model(settings, layers)
    initialise(model, seed=seed, std=settings.initializer_range)
    return model.state_dict()


@pytest.mark.parametrize("cuts", [(0, 3), (0, 1, 3), (0, 1, 2, 3)])
def test_weights_are_the_same_whatever_the_number_of_parts(
    small: ModelSettings, cuts: tuple[int, ...]
) -> None:
    whole = weights_of(small, None, 1)
    parts: dict[str, torch.Tensor] = {}
    for start, stop in pairwise(cuts):
        parts |= weights_of(small, range(start, stop), 1)
    torch.testing.assert_close(parts, whole, atol=0, rtol=0)


def test_one_experts_part_is_that_of_the_whole() -> None:
    name, shape = "model.layers.1.mlp.experts.down_proj", (8, 5, 3)
    whole = initial_weight(name, shape, seed=1, std=0.006)
    for expert in (0, 7):
        part = initial_expert(name, expert, shape, seed=1, std=0.006)
        assert torch.equal(part, whole[expert])
    assert not torch.equal(whole[0], whole[1])


def test_another_seed_gives_other_weights(small: ModelSettings) -> None:
    one, two = weights_of(small, None, 1), weights_of(small, None, 2)
    same = {name for name in one if torch.equal(one[name], two[name])}
    assert same == {name for name in one if "norm" in name}


def test_matrices_have_the_papers_deviation() -> None:
    std = SHAPES["lite"].initializer_range
    drawn = initial_weight("lm_head.weight", (512, 512), seed=0, std=std)
    assert drawn.std().item() == pytest.approx(0.006, rel=0.01)
    assert drawn.mean().item() == pytest.approx(0, abs=5e-5)
