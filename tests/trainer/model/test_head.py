"""The loss of few logits at a time, and its gradient, are those of all logits at once."""

from typing import NamedTuple

import pytest
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, linear

from gristmill.trainer.model import head
from gristmill.trainer.model.head import IGNORED, token_losses


class Found(NamedTuple):
    losses_BT: Tensor
    grad_x_BTD: Tensor
    grad_head_VD: Tensor


class Given(NamedTuple):
    x_BTD: Tensor
    head_VD: Tensor
    targets_BT: Tensor
    weights_BT: Tensor

    def grads(self, losses_BT: Tensor, *, retain_graph: bool = False) -> Found:
        total = (losses_BT * self.weights_BT).sum()
        found = torch.autograd.grad(total, [self.x_BTD, self.head_VD], retain_graph=retain_graph)
        return Found(losses_BT.detach(), *found)

    def at_once(self) -> Found:
        logits = linear(self.x_BTD, self.head_VD).float().flatten(0, 1)
        losses = cross_entropy(logits, self.targets_BT.flatten(), reduction="none")
        return self.grads(losses.view_as(self.targets_BT))


def given(dtype: torch.dtype) -> Given:
    generator = torch.Generator().manual_seed(3)
    x = torch.randn(3, 50, 24, generator=generator).to(dtype)
    weight = torch.randn(300, 24, generator=generator).to(dtype)
    targets = torch.randint(0, 300, (3, 50), generator=generator)
    targets[0, 7] = targets[2, -1] = IGNORED
    uneven = torch.rand(3, 50, generator=generator)
    return Given(x.requires_grad_(), weight.requires_grad_(), targets, uneven)


@pytest.fixture(autouse=True)
def few_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    """64 tokens at a time, so that 150 fall into two whole parts and a shorter one."""
    monkeypatch.setitem(head._TOKENS, "cpu", 64)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.bfloat16, 0.04)])
def test_losses_and_gradients_are_those_of_all_logits(dtype: torch.dtype, tolerance: float) -> None:
    case = given(dtype)
    found = case.grads(token_losses(case.x_BTD, case.head_VD, case.targets_BT))
    assert found.losses_BT.dtype == torch.float32
    torch.testing.assert_close(found, case.at_once(), atol=tolerance, rtol=tolerance)


def test_a_target_that_is_ignored_has_no_loss_and_no_gradient() -> None:
    case = given(torch.float32)
    found = case.grads(token_losses(case.x_BTD, case.head_VD, case.targets_BT))
    assert found.losses_BT[0, 7] == found.losses_BT[2, -1] == 0
    assert not found.grad_x_BTD[0, 7].any()
    assert found.grad_x_BTD[0, 6].any()


def test_a_way_back_that_is_gone_twice_gives_the_same() -> None:
    case = given(torch.float32)
    losses = token_losses(case.x_BTD, case.head_VD, case.targets_BT)
    first = case.grads(losses, retain_graph=True)
    torch.testing.assert_close(case.grads(losses), first, atol=0, rtol=0)


def test_large_logits_do_not_overflow() -> None:
    case = given(torch.float32)
    large = case._replace(x_BTD=(case.x_BTD * 1000).detach().requires_grad_())
    found = large.grads(token_losses(large.x_BTD, large.head_VD, large.targets_BT))
    torch.testing.assert_close(found, large.at_once(), atol=1e-2, rtol=1e-4)
