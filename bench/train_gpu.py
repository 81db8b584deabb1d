"""Training on one GPU: tokens a second, causal MFU and peak memory of the shapes that fit a card.

Steps are whole ones, as a run takes them: bf16, compiled, flex attention, clipped, AdamW over fp32
weights, on rows of random ids, one document each, so that attention is the whole triangle that
MFU counts. What a layer does is the difference between shapes of six and four of them: embedding
and head are in both. `train.py --gpu` runs this.
"""

import datetime
import json
import sys
import time
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

import torch

from gristmill.trainer.model.shapes import SHAPES, ModelSettings, flops_per_token
from gristmill.trainer.optimizer import make_optimizer
from gristmill.trainer.parallel.mesh import Mesh
from gristmill.trainer.parallel.replica import Replica, ReplicaOptions
from gristmill.trainer.recipe import OptimizerSettings
from gristmill.trainer.report.machine import (
    device_name,
    model_flops_utilization,
    peak_flops,
    peak_memory_bytes,
)

GPU_SHAPES: Final = ("smoke-1b", "lite-4l", "lite-6l")
GOAL: Final = 0.35  # of causal MFU
LENGTH: Final = 4096
NUM_WARM: Final = 3  # compilers and the allocator have done their work by then
NUM_TIMED: Final = 10


class Speed(NamedTuple):
    """What steps of a shape come to."""

    tokens_per_second: float
    flops_per_token: float
    peak: float | None
    memory_bytes: int

    @property
    def mfu(self) -> float | None:
        """The share of the card's peak that the model's operations take."""
        return model_flops_utilization(
            self.tokens_per_second, self.flops_per_token, num_ranks=1, peak=self.peak
        )


def measure_gpu(*, num_rows: int, num_rows_at_once: int, as_json: bool) -> None:
    """Print a line a shape, and one for a layer; end the program where there is no GPU."""
    if not torch.cuda.is_available():
        sys.exit("train.py --gpu: PyTorch finds no GPU, so nothing was measured.")
    with Mesh() as mesh:
        device = device_name(mesh.device)
        today = datetime.datetime.now(tz=datetime.timezone.utc).date()
        stream = sys.stderr if as_json else sys.stdout
        print(f"{device}, {today}, torch {torch.__version__}, {num_rows} rows a step", file=stream)
        found = dict[str, Speed]()
        for name in GPU_SHAPES:
            found[name] = measure_shape(
                SHAPES[name], mesh, num_rows=num_rows, num_rows_at_once=num_rows_at_once
            )
            report(name, found[name].mfu, found[name], as_json=as_json)
    report("a layer", layer_mfu(found), None, as_json=as_json)


def measure_shape(
    settings: ModelSettings,
    mesh: Mesh,
    *,
    num_rows: int,
    num_rows_at_once: int,
    length: int = LENGTH,
) -> Speed:
    """Take steps, and return how fast they were once everything was compiled."""
    torch.compiler.reset()
    if mesh.device.type == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    step = make_step(settings, mesh, num_rows, num_rows_at_once, length)
    for _ in range(NUM_WARM):
        step()
    wait(mesh)
    start = time.perf_counter()
    for _ in range(NUM_TIMED):
        step()
    wait(mesh)
    rate = NUM_TIMED * num_rows * length / (time.perf_counter() - start)
    peak = peak_flops(device_name(mesh.device), "bf16")
    return Speed(rate, flops_per_token(settings, length), peak, peak_memory_bytes(mesh.device))


def make_step(
    settings: ModelSettings, mesh: Mesh, num_rows: int, num_rows_at_once: int, length: int
) -> Callable[[], None]:
    """Return the function that takes one step, always on the same rows."""
    options = ReplicaOptions(precision="bf16", compile=True, micro_batch_sequences=num_rows_at_once)
    replica = Replica(settings, mesh, options, seed=0)
    optimizer = make_optimizer(replica.named_parameters(), OptimizerSettings())
    tokens = torch.randint(
        0, settings.vocab_size, (num_rows, length), generator=torch.Generator().manual_seed(0)
    ).to(mesh.device)
    positions = torch.arange(length, device=mesh.device).expand(num_rows, -1)
    documents = torch.zeros_like(tokens, dtype=torch.int32)

    def step() -> None:
        replica.train_batch(
            tokens,
            positions,
            documents,
            tokens.roll(-1, 1),
            num_targets=tokens.numel(),
            num_sequences=num_rows,
        )
        replica.clip(1.0)
        optimizer.step()
        optimizer.zero_grad()

    return step


def wait(mesh: Mesh) -> None:
    """Return when the device has done what it was given."""
    if mesh.device.type == "cuda":
        torch.cuda.synchronize()


def layer_mfu(found: Mapping[str, Speed]) -> float | None:
    """Return the share of the peak that the layers take that one shape has and the other lacks.

    None where no peak is known, or the clock was too unsteady to tell the shapes apart.
    """
    less, more = found["lite-4l"], found["lite-6l"]
    seconds = 1 / more.tokens_per_second - 1 / less.tokens_per_second
    if seconds <= 0:
        return None
    flops = more.flops_per_token - less.flops_per_token
    return model_flops_utilization(1 / seconds, flops, num_ranks=1, peak=more.peak)


def report(name: str, mfu: float | None, speed: Speed | None, *, as_json: bool) -> None:
    """Print a line; the peer of MFU is the goal."""
    if as_json:
        ratio = mfu / GOAL if mfu is not None else None
        record = {"name": f"MFU, {name}", "ours": mfu, "peer": GOAL, "ratio": ratio}
        if speed is not None:
            record |= {"tokens_per_second": speed.tokens_per_second, "bytes": speed.memory_bytes}
        print(json.dumps(record), flush=True)
        return
    share = "causal MFU unknown" if mfu is None else f"causal MFU {mfu:.1%}"
    if speed is not None:
        share += f", {speed.tokens_per_second:,.0f} tokens/s, {speed.memory_bytes / 2**30:.1f} GiB"
    print(f"{name:<10}{share}", flush=True)
