"""YaRN has the numbers that DeepSeek-V2's settings give."""

import math

import msgspec
import pytest
import torch

from gristmill.trainer.model.rope import frequencies, rotate, rotations, softmax_scale
from gristmill.trainer.model.shapes import SHAPES

LITE = SHAPES["lite"]


def test_scores_are_sharpened_by_the_square_of_yarns_factor() -> None:
    assert softmax_scale(LITE) == pytest.approx(0.114721, abs=5e-7)
    assert softmax_scale(LITE) * math.sqrt(192) == pytest.approx(1.26080**2, abs=5e-5)
    plain = msgspec.structs.replace(LITE, rope_scaling=None)
    assert softmax_scale(plain) == pytest.approx(192**-0.5)


def test_the_ramp_runs_from_pair_10_to_pair_23() -> None:
    plain = 10_000.0 ** -(torch.arange(32, dtype=torch.float64) / 32)
    slowed = (plain / frequencies(LITE)).round(decimals=4)
    assert (slowed[:11] == 1).all()
    assert (slowed[23:] == 40).all()
    assert ((slowed[11:23] > 1) & (slowed[11:23] < 40)).all()


def test_turning_keeps_lengths_and_products_depend_on_distance_alone() -> None:
    q, k = torch.randn(2, 1, 1, 1, 64, generator=torch.Generator().manual_seed(0))
    products = []
    for here, there in ((7, 3), (1007, 1003)):
        turned = [
            rotate(x, rotations(LITE, torch.tensor([[at]]))) for x, at in ((q, here), (k, there))
        ]
        torch.testing.assert_close(turned[0].norm(), q.norm())
        products.append((turned[0] * turned[1]).sum().item())
    assert products[0] == pytest.approx(products[1], abs=1e-3)
    assert products[0] != pytest.approx((q * k).sum().item(), abs=1e-1)
