"""The gate and the balance losses equal DeepSeek-V2's equations (section 2.2) in plain floats."""

import math
import random
from collections.abc import Sequence
from itertools import chain, product

import msgspec
import pytest
import torch
from torch import Tensor

from gristmill.trainer.model.balance import balance_loss
from gristmill.trainer.model.moe import Gate, MoE
from gristmill.trainer.model.shapes import ModelSettings

SEQUENCES, LENGTH, EXPERTS = 3, 7, 12
Scores = Sequence[Sequence[Sequence[float]]]  # of each sequence, token, expert
Chosen = Sequence[Sequence[Sequence[int]]]  # of each sequence and token, the experts
KINDS = [
    {"norm_topk_prob": norm, "seq_aux": per_sequence, **groups}
    for norm, per_sequence, groups in product(
        (False, True),
        (False, True),
        ({}, {"n_group": 4, "topk_group": 2, "topk_method": "group_limited_greedy"}),
    )
]


@pytest.fixture(params=KINDS, ids=str)
def gate_settings(request: pytest.FixtureRequest, small: ModelSettings) -> ModelSettings:
    return msgspec.structs.replace(
        small,
        hidden_size=EXPERTS,  # with the unit matrix as its weight, what a gate is given are logits
        n_routed_experts=EXPERTS,
        routed_scaling_factor=16.0,
        aux_loss_alpha=0.003,
        device_loss_alpha=0.05,
        comm_loss_alpha=0.02,
        **request.param,
    )


@pytest.fixture
def logits() -> list[list[list[float]]]:
    draw = random.Random(3).gauss
    return [[[draw(0, 2) for _ in range(EXPERTS)] for _ in range(LENGTH)] for _ in range(SEQUENCES)]


def softmax(logits: Sequence[float]) -> list[float]:
    powers = [math.exp(x - max(logits)) for x in logits]
    return [power / sum(powers) for power in powers]


def choose(scores: Sequence[float], settings: ModelSettings) -> dict[int, float]:
    """Return the weights of the chosen experts (equations 21 and 22, and 2.2.2 on devices)."""
    size = EXPERTS // settings.n_group
    groups = [scores[i * size : (i + 1) * size] for i in range(settings.n_group)]
    best = sorted(range(len(groups)), key=lambda i: -max(groups[i]))[: settings.topk_group]
    reachable = [i for i in range(EXPERTS) if i // size in best]
    chosen = sorted(reachable, key=lambda i: -scores[i])[: settings.num_experts_per_tok]
    if settings.norm_topk_prob:  # normalised or scaled, never both: so the published code has it
        return {i: scores[i] / sum(scores[j] for j in chosen) for i in chosen}
    return {i: scores[i] * settings.routed_scaling_factor for i in chosen}


def losses(scores: Scores, chosen: Chosen, settings: ModelSettings) -> float:
    """Return equations 23 to 31 of each sequence, or of all tokens together, and their mean."""
    if not settings.seq_aux:
        scores, chosen = [list(chain(*scores))], [list(chain(*chosen))]
    found = [loss(*sequence, settings) for sequence in zip(scores, chosen, strict=True)]
    return sum(found) / len(found)


def loss(
    scores: Sequence[Sequence[float]], chosen: Sequence[Sequence[int]], settings: ModelSettings
) -> float:
    tokens, devices = len(scores), settings.n_group
    per_token, limit = settings.num_experts_per_tok, settings.topk_group
    size = EXPERTS // devices
    f = [
        EXPERTS / (per_token * tokens) * sum(i in experts for experts in chosen)
        for i in range(EXPERTS)
    ]
    p = [sum(token[i] for token in scores) / tokens for i in range(EXPERTS)]
    total = settings.aux_loss_alpha * sum(x * y for x, y in zip(f, p, strict=True))
    for device in range(devices):
        members = range(device * size, (device + 1) * size)
        favour = sum(p[i] for i in members)
        share = sum(f[i] for i in members) / size
        sent = sum(any(i in members for i in experts) for experts in chosen)
        total += settings.device_loss_alpha * share * favour
        total += settings.comm_loss_alpha * devices / (limit * tokens) * sent * favour
    return total


def run_gate(logits: Scores, settings: ModelSettings) -> tuple[Tensor, Tensor, Tensor]:
    gate = Gate(settings)
    torch.nn.init.eye_(gate.weight)
    scores, weights, ids = gate(torch.tensor(logits).flatten(0, 1))
    return scores, weights, ids


def test_routing_weights_equal_the_papers(
    gate_settings: ModelSettings, logits: list[list[list[float]]]
) -> None:
    _, weights, ids = run_gate(logits, gate_settings)
    expected = [choose(softmax(token), gate_settings) for token in chain(*logits)]
    found = [
        dict(zip(i, w, strict=True)) for i, w in zip(ids.tolist(), weights.tolist(), strict=True)
    ]
    assert [set(token) for token in found] == [set(token) for token in expected]
    assert found == [pytest.approx(token, rel=2e-6) for token in expected]


def scores_and_choice(logits: Scores, settings: ModelSettings) -> tuple[Scores, Chosen]:
    scores = [[softmax(token) for token in sequence] for sequence in logits]
    return scores, [[list(choose(token, settings)) for token in sequence] for sequence in scores]


def test_balance_losses_equal_the_papers(
    gate_settings: ModelSettings, logits: list[list[list[float]]]
) -> None:
    scores, chosen = scores_and_choice(logits, gate_settings)
    for alone in ("aux_loss_alpha", "device_loss_alpha", "comm_loss_alpha", None):
        others = {"aux_loss_alpha", "device_loss_alpha", "comm_loss_alpha"} - {alone}
        zeros = dict.fromkeys(others, 0.0) if alone else {}
        settings = msgspec.structs.replace(gate_settings, **zeros)
        found = balance_loss(
            torch.tensor(scores, dtype=torch.float64), torch.tensor(chosen), settings
        )
        assert found.item() == pytest.approx(losses(scores, chosen, settings), rel=1e-12)
        assert found > 0


def test_gradient_of_balance_losses_is_the_slope_of_the_papers(
    gate_settings: ModelSettings, logits: list[list[list[float]]]
) -> None:
    _, chosen = scores_and_choice(logits, gate_settings)
    leaf = torch.tensor(logits, dtype=torch.float64, requires_grad=True)
    balance_loss(leaf.softmax(-1), torch.tensor(chosen), gate_settings).backward()
    assert leaf.grad is not None
    for place in ((0, 0, 0), (1, 4, 7), (2, 6, 11)):
        ends = []
        for step in (1e-6, -1e-6):
            moved = torch.tensor(logits, dtype=torch.float64)
            moved[place] += step
            ends.append(losses(moved.softmax(-1).tolist(), chosen, gate_settings))
        assert leaf.grad[place].item() == pytest.approx((ends[0] - ends[1]) / 2e-6, abs=1e-9)


def test_a_layer_adds_the_gradient_of_its_balance_loss_by_its_scale(
    small_v2: ModelSettings,
) -> None:
    settings = msgspec.structs.replace(small_v2, device_loss_alpha=0.05, comm_loss_alpha=0.02)
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(2, 9, settings.hidden_size, generator=generator)
    layer = MoE(settings)
    for weight in layer.parameters():
        torch.nn.init.normal_(weight, 0.0, 0.1, generator=generator)
    grads = []
    for layer.balance_scale in (0.0, 0.25):
        (grad,) = torch.autograd.grad(1e-4 * layer(x).sum(), layer.gate.weight)
        grads.append(grad)
    scores, _, ids = layer.gate(x.flatten(0, 1))
    alone = balance_loss(scores.unflatten(0, (2, 9)), ids.unflatten(0, (2, 9)), settings)
    (expected,) = torch.autograd.grad(0.25 * alone, layer.gate.weight)
    torch.testing.assert_close(grads[1] - grads[0], expected, atol=1e-7, rtol=1e-4)
    assert expected.abs().max() > 1e-4
    assert layer.load_E.tolist() == (2 * torch.bincount(ids.flatten(), minlength=16)).tolist()
