"""Ranks that share a model read their parts of a checkpoint, and write the whole of it together."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import torch
import torch.distributed as dist
from torch import nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor, Shard
from torch.multiprocessing.spawn import start_processes

from gristmill.trainer.hub.config import read_config
from gristmill.trainer.hub.folder import load_weights, model_weights, write_checkpoint
from gristmill.trainer.model.model import Model
from gristmill.trainer.model.shapes import ModelSettings


def test_four_ranks_read_and_write_a_checkpoint_that_stays_the_same(
    small_v2: ModelSettings, model_of: Callable[[ModelSettings], Model], tmp_path: Path
) -> None:
    before, after = tmp_path / "before", tmp_path / "after"
    weights = model_weights(model_of(small_v2))
    write_checkpoint(str(before), small_v2, weights, dtype=torch.float32)
    # From a process of its own: threads of this one might leave ranks locks that nobody opens.
    command = [sys.executable, __file__, str(tmp_path)]
    environment = os.environ | {"PYTHONPATH": ":".join(sys.path)}
    subprocess.run(command, env=environment, check=True, timeout=200)
    names = [path.name for path in sorted(before.iterdir())]
    assert names == ["config.json", "model.safetensors"]
    for name in names:
        assert (after / name).read_bytes() == (before / name).read_bytes()


def shared_model(settings: ModelSettings) -> Model:
    """Return a model whose experts are split in two, and all of it in two again."""
    mesh = init_device_mesh("cpu", (2, 2), mesh_dim_names=("data", "expert"))
    with torch.device("meta"):
        model = Model(settings)
    for _, layer in model.moe_layers():
        for name, weight in list(layer.experts.named_parameters()):
            half = weight.detach()[: len(weight) // 2]
            split = DTensor.from_local(half, mesh["expert"], [Shard(0)], run_check=False)
            setattr(layer.experts, name, nn.Parameter(split))
        fully_shard(layer.experts, mesh=mesh["data"])
    fully_shard(model, mesh=mesh["data"])
    return model.to_empty(device="cpu")


def run_rank(rank: int, folder: Path) -> None:
    store = f"file://{folder}/store"
    dist.init_process_group("gloo", init_method=store, rank=rank, world_size=4)
    settings = read_config(str(folder / "before"))
    model = shared_model(settings)
    load_weights(model, str(folder / "before"), settings)
    experts = model.get_parameter("model.layers.1.mlp.experts.gate_up_proj")
    assert isinstance(experts, DTensor)
    assert len(experts.to_local()) == settings.n_routed_experts / 4
    weights = list(model_weights(model))
    if rank == 0:
        write_checkpoint(str(folder / "after"), settings, weights, dtype=torch.float32)
    dist.barrier()
    dist.destroy_process_group()


if __name__ == "__main__":
    start_processes(run_rank, (Path(sys.argv[1]),), nprocs=4, start_method="fork")
