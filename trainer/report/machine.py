"""What a rank's device can do and holds: the peak that MFU is a share of, and memory."""

import resource
import sys
from typing import Final, Literal

import torch

# Dense bf16 FLOP/s that makers state, by what torch.cuda.get_device_name says; the first that
# fits counts. NVIDIA's data sheets print twice the number, with sparsity.
_PEAK_BF16: Final = (
    ("H100 PCIe", 756e12),
    ("H100 NVL", 835e12),
    ("H100", 989e12),
    ("H200", 989e12),
    ("H800", 989e12),
    ("B200", 2250e12),
    ("A100", 312e12),
    ("A800", 312e12),
    ("L40S", 362e12),
)


def device_name(device: torch.device) -> str:
    """Return what the maker calls a device; "cpu" for a CPU."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type


def peak_flops(name: str, precision: Literal["bf16", "fp32"]) -> float | None:
    """Return the FLOP/s that a maker states for a device, None where none is known."""
    if precision != "bf16":
        return None
    return next((peak for part, peak in _PEAK_BF16 if part in name), None)


def model_flops_utilization(
    tokens_per_second: float, flops_per_token: float, *, num_ranks: int, peak: float | None
) -> float | None:
    """Return the share of all ranks' peak that the model's own operations take.

    `flops_per_token` counts causal attention (shapes.flops_per_token). None without a peak.
    """
    return None if peak is None else tokens_per_second * flops_per_token / (num_ranks * peak)


def peak_memory_bytes(device: torch.device) -> int:
    """Return the most memory that was held: of the device, or on a CPU of this process."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024
