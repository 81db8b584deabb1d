"""Devices and experts: shares of a peak that is known, and how evenly tokens are spread."""

import pytest
import torch

from gristmill.trainer.report.expert_load import expert_load
from gristmill.trainer.report.machine import (
    device_name,
    model_flops_utilization,
    peak_flops,
    peak_memory_bytes,
)


@pytest.mark.parametrize(
    ("name", "peak"),
    [
        ("NVIDIA H100 80GB HBM3", 989e12),
        ("NVIDIA H100 PCIe", 756e12),
        ("NVIDIA A100-SXM4-80GB", 312e12),
        ("NVIDIA GeForce GTX 1080", None),
        ("cpu", None),
    ],
)
def test_a_card_has_its_maker_s_peak_and_an_unknown_one_none(name: str, peak: float | None) -> None:
    assert peak_flops(name, "bf16") == peak


def test_no_peak_is_known_for_fp32() -> None:
    assert peak_flops("NVIDIA H100 80GB HBM3", "fp32") is None


def test_utilization_is_the_share_of_all_ranks() -> None:
    share = model_flops_utilization(1000.0, 2e9, num_ranks=4, peak=1e12)
    assert share == pytest.approx(0.5)
    assert model_flops_utilization(1000.0, 2e9, num_ranks=4, peak=None) is None


def test_a_process_has_held_memory_on_a_cpu() -> None:
    cpu = torch.device("cpu")
    assert device_name(cpu) == "cpu"
    assert 10 << 20 < peak_memory_bytes(cpu) < 1 << 40


def test_load_is_the_busiest_expert_and_the_share_of_idle_ones() -> None:
    load = expert_load(torch.tensor([[4, 4, 4, 4], [0, 12, 4, 0]]))
    assert (load.max_over_mean, load.idle_fraction) == (3.0, 0.25)
