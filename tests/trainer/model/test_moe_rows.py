"""Padded groups of rows through grouped products equal a loop over experts."""

import pytest
import torch
from torch import Tensor
from torch.nn.functional import silu

from gristmill.trainer.model.moe import Experts, FeedForward, MoE
from gristmill.trainer.model.shapes import ModelSettings

COUNTS = {
    "some experts have none": [3, 0, 9, 16, *[0] * 8, 1, 8, 0, 5],
    "one expert has all": [0, 0, 0, 41, *[0] * 12],
    "the last expert has all": [*[0] * 15, 7],
    "every expert has whole groups": [8] * 16,
    "no rows": [0] * 16,
}


@pytest.fixture
def experts(small: ModelSettings) -> Experts:
    made = Experts(small)
    for weight in made.parameters():
        torch.nn.init.normal_(weight, 0.0, 0.1, generator=torch.Generator().manual_seed(4))
    return made


def one_by_one(experts: Experts, x_MD: Tensor, counts: list[int]) -> Tensor:
    out = []
    for i, rows in enumerate(x_MD.split(counts)):
        gate, up = (rows @ experts.gate_up_proj[i].T).chunk(2, dim=-1)
        out.append((silu(gate) * up) @ experts.down_proj[i].T)
    return torch.cat(out)


@pytest.mark.parametrize("counts", COUNTS.values(), ids=COUNTS)
def test_groups_equal_a_loop_over_experts(experts: Experts, counts: list[int]) -> None:
    generator = torch.Generator().manual_seed(6)
    x = torch.randn(sum(counts), 64, generator=generator, requires_grad=True)
    slope = torch.randn(sum(counts), 64, generator=generator)
    inputs = (x, experts.gate_up_proj, experts.down_proj)
    found = experts(x, torch.tensor(counts))
    expected = one_by_one(experts, x, counts)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)
    grads = [torch.autograd.grad((out * slope).sum(), inputs) for out in (found, expected)]
    torch.testing.assert_close(grads[0], grads[1], atol=1e-5, rtol=1e-4)


def test_experts_without_rows_have_a_gradient_of_zero(experts: Experts) -> None:
    counts = COUNTS["one expert has all"]
    out = experts(torch.ones(41, 64), torch.tensor(counts))
    (out * torch.ones_like(out)).sum().backward()
    for weight in experts.parameters():
        assert weight.grad is not None
        assert weight.grad[3].abs().max() > 0
        assert (weight.grad[[i for i in range(16) if i != 3]] == 0).all()


def test_a_layer_adds_shared_and_chosen_experts_by_their_weights(small: ModelSettings) -> None:
    layer = MoE(small)
    generator = torch.Generator().manual_seed(8)
    for weight in layer.parameters():
        torch.nn.init.normal_(weight, 0.0, 0.1, generator=generator)
    x = torch.randn(1, 5, 64, generator=generator)
    _, weights, ids = layer.gate(x[0])
    routed = torch.zeros(5, 64)
    for token in range(5):
        for weight, expert in zip(weights[token], ids[token].tolist(), strict=True):
            counts = [int(i == expert) for i in range(16)]
            routed[token] += weight * one_by_one(layer.experts, x[0, token : token + 1], counts)[0]
    assert isinstance(layer.shared_experts, FeedForward)
    torch.testing.assert_close(layer(x)[0], layer.shared_experts(x[0]) + routed)
