"""Training: a step beside transformers' on one core, the reader beside what a GPU eats, and GPUs.

On a CPU (fp32, one thread) a step is forward, backward and AdamW over rows of random ids, by our
model and by transformers' DeepseekV2ForCausalLM with the same weights; transformers has its fastest
attention and experts of those it offers. Losses must agree first. Figures are CPU time, the least
of several steps taken in turn, so that a busy machine disturbs both alike. The floor is the model's
operations at the rate of torch.mm. `--build` reads a build's batches; `--gpu` is train_gpu.py.
"""

import argparse
import datetime
import json
import platform
import sys
import time
from collections.abc import Callable
from typing import Final, NamedTuple

import msgspec
import torch
from torch import Tensor, nn
from train_gpu import measure_gpu
from train_reader import read_rates

from gristmill.trainer.model.initial import initialise
from gristmill.trainer.model.model import IGNORED, Model, plain_order
from gristmill.trainer.model.shapes import SHAPES, ModelSettings, flops_per_token
from gristmill.trainer.optimizer import make_optimizer
from gristmill.trainer.recipe import OptimizerSettings

TOLERANCE: Final = 1e-5
GPU_TOKENS: Final = 12_000.0  # a second: what one H100 eats of the 16B model at 20% MFU
MM_SIZE: Final = 1024

_SMALL: Final = msgspec.structs.replace(
    SHAPES["tiny"],
    vocab_size=4096,
    hidden_size=256,
    intermediate_size=1024,
    moe_intermediate_size=128,
    num_hidden_layers=4,
    num_attention_heads=8,
    kv_lora_rank=64,
    qk_nope_head_dim=32,
    qk_rope_head_dim=16,
    v_head_dim=32,
    n_routed_experts=16,
    num_experts_per_tok=4,
)


class Case(NamedTuple):
    """A model, and the rows of a step."""

    name: str
    settings: ModelSettings
    num_rows: int
    length: int


CASES: Final = (
    Case("tiny, 512 ids", msgspec.structs.replace(SHAPES["tiny"], vocab_size=512), 4, 128),
    Case("tiny", SHAPES["tiny"], 4, 128),
    Case("small, 4,096 ids", _SMALL, 2, 512),
    Case("small, 102,400 ids", msgspec.structs.replace(_SMALL, vocab_size=102_400), 2, 512),
)


class Step(NamedTuple):
    """The seconds of CPU time that a step took, and its loss."""

    seconds: float
    loss: float


TakeStep = Callable[[], Step]


def main() -> None:
    """Print a table, or one JSON object a line with --json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one object per line")
    parser.add_argument("--gpu", action="store_true", help="measure this machine's GPU alone")
    parser.add_argument("--rows", type=int, default=16, help="sequences of a GPU's step")
    parser.add_argument("--rows-at-once", type=int, default=2, help="that pass through at once")
    parser.add_argument("--build", help="a build's folder, whose batches are read too")
    parser.add_argument("--only", default="", help="cases whose name has this")
    parser.add_argument("--repeats", type=int, default=7)
    options = parser.parse_args()
    if options.gpu:
        measure_gpu(
            num_rows=options.rows, num_rows_at_once=options.rows_at_once, as_json=options.json
        )
        return
    torch.set_num_threads(1)
    print_line(describe_machine(), as_json=options.json)
    rate = mm_flops()
    print_line(f"torch.mm: {rate / 1e9:.1f} GFLOP/s", as_json=options.json)
    for case in CASES:
        if options.only in case.name:
            report(case, *compare(case, options.repeats), rate, as_json=options.json)
    if options.build:
        for packing, rate in read_rates(options.build).items():
            report_reading(packing, rate, as_json=options.json)


def compare(case: Case, repeats: int) -> tuple[float, str, float]:
    """Return the seconds of our step, the fastest peer's name, and the seconds of its step."""
    from train_peers import make_peers  # of transformers, which a GPU's machine may lack

    rows = make_rows(case)
    ours = make_ours(case, rows)
    with_ours = step_of(ours, lambda: ours_loss(ours, rows))
    peers = {name: step_of(model, loss) for name, model, loss in make_peers(ours, rows)}
    losses = [step().loss for step in (with_ours, *peers.values())]
    apart = max(losses) - min(losses)
    assert apart <= TOLERANCE, f"{case.name}: losses are {apart:.2g} apart"
    peer = min(peers, key=lambda name: min(peers[name]().seconds for _ in range(2)))
    times = [(with_ours().seconds, peers[peer]().seconds) for _ in range(repeats)]
    mine, others = zip(*times, strict=True)
    return min(mine), peer, min(others)


def make_rows(case: Case) -> Tensor:
    """Return random ids, one document a row."""
    generator = torch.Generator().manual_seed(1)
    shape = case.num_rows, case.length
    return torch.randint(0, case.settings.vocab_size, shape, generator=generator)


def make_ours(case: Case, rows: Tensor) -> Model:
    """Return our model, which computes its balance loss and lets it weigh nothing, as peers."""
    model = Model(case.settings)
    initialise(model, seed=1, std=case.settings.initializer_range)
    for _, layer in model.moe_layers():
        layer.balance_scale = 0.0
    assert rows.shape[1] <= case.settings.max_position_embeddings
    return model


def ours_loss(model: Model, rows: Tensor) -> Tensor:
    """Return the mean loss over all tokens that one follows."""
    targets = rows.roll(-1, 1)
    targets[:, -1] = IGNORED
    positions = torch.arange(rows.shape[1]).expand(rows.shape)
    losses: Tensor = model(rows, positions, torch.zeros_like(rows), plain_order(rows), targets)
    return losses.sum() / (targets != IGNORED).sum()


def step_of(model: nn.Module, loss: Callable[[], Tensor]) -> TakeStep:
    """Return the function that takes a step, with our groups of AdamW for either model."""
    optimizer = make_optimizer(model.named_parameters(), OptimizerSettings())

    def take() -> Step:
        start = time.process_time()
        found = loss()
        found.backward()
        optimizer.step()
        optimizer.zero_grad()
        return Step(time.process_time() - start, found.item())

    return take


def mm_flops() -> float:
    """Return the FLOP/s of large fp32 products, the best of some."""
    a, b = torch.randn(MM_SIZE, MM_SIZE), torch.randn(MM_SIZE, MM_SIZE)
    best = min(cpu(lambda: torch.mm(a, b)) for _ in range(20))
    return 2 * MM_SIZE**3 / best


def cpu(step: Callable[[], object]) -> float:
    """Return the seconds of CPU time that a step takes in this process."""
    start = time.process_time()
    step()
    return time.process_time() - start


def report(case: Case, ours: float, name: str, peer: float, rate: float, *, as_json: bool) -> None:
    """Print one case: tokens a second of both, and of the floor that products alone would be."""
    num_tokens = case.num_rows * case.length
    floor = num_tokens * flops_per_token(case.settings, case.length) / rate
    if as_json:
        print_json(f"step, {case.name}", num_tokens / ours, num_tokens / peer)
        print_json(f"floor, {case.name}", num_tokens / ours, num_tokens / floor)
        return
    print(
        f"{case.name:<21}ours {num_tokens / ours:>7,.0f} tokens/s, transformers ({name}) "
        f"{num_tokens / peer:>7,.0f}, ratio {peer / ours:.2f}; products alone "
        f"{num_tokens / floor:>7,.0f}, {floor / ours:.0%} of their speed",
        flush=True,
    )


def report_reading(packing: str, rate: float, *, as_json: bool) -> None:
    """Print how fast batches are read."""
    name = f"reading, {packing}"
    if as_json:
        print_json(name, rate, GPU_TOKENS)
        return
    times = rate / GPU_TOKENS
    print(f"{name:<21}{rate / 1e3:,.0f} ktok/s, {times:,.0f} times what an H100 eats", flush=True)


def print_json(name: str, ours: float, peer: float) -> None:
    """Print an object; a ratio above 1 is in our favour."""
    record = {"name": name, "ours": ours, "peer": peer, "ratio": ours / peer}
    print(json.dumps(record), flush=True)


def print_line(text: str, *, as_json: bool) -> None:
    """Print a note, beside the objects where there are any."""
    print(text, file=sys.stderr if as_json else sys.stdout, flush=True)


def describe_machine() -> str:
    """Return where and when this runs."""
    from importlib.metadata import version

    today = datetime.datetime.now(tz=datetime.timezone.utc).date()
    return (
        f"{platform.machine()}, {today}, torch {torch.__version__}, "
        f"transformers {version('transformers')}, one thread"
    )


if __name__ == "__main__":
    main()
