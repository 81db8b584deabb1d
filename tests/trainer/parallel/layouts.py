"""Courses of training steps under any layout, in processes of their own."""

import os
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import msgspec
import torch
import torch._dynamo  # FSDP loads it, in seconds: once here, not in each rank
from torch import Tensor
from torch.distributed.tensor import DTensor
from torch.multiprocessing.spawn import start_processes

from gristmill.corpus.errors import GristmillError
from gristmill.trainer.model.shapes import ModelSettings
from gristmill.trainer.parallel.checkpoint import Checkpoints, Run, latest, load
from gristmill.trainer.parallel.mesh import Mesh
from gristmill.trainer.parallel.replica import Replica, ReplicaOptions
from gristmill.trainer.parallel.weights import fill

NUM_STEPS = 3
BATCH, LENGTH = 8, 32
SETTINGS = ModelSettings(
    vocab_size=128,
    hidden_size=32,
    intermediate_size=48,
    moe_intermediate_size=16,
    num_hidden_layers=4,
    num_attention_heads=2,
    q_lora_rank=24,
    kv_lora_rank=16,
    qk_nope_head_dim=8,
    qk_rope_head_dim=8,
    v_head_dim=8,
    n_routed_experts=8,
    num_experts_per_tok=3,
    n_group=4,
    topk_group=2,
    topk_method="group_limited_greedy",
    aux_loss_alpha=0.01,
    device_loss_alpha=0.02,
    comm_loss_alpha=0.03,
    initializer_range=0.1,  # so that gates choose, and attention looks
)
# Over 2 or 4 ranks these experts do not divide evenly.
UNEVEN = msgspec.structs.replace(SETTINGS, n_routed_experts=6, n_group=2)


class Layout(msgspec.Struct, frozen=True):
    """How ranks share the work, and what else is special."""

    mesh: dict[str, int]
    options: ReplicaOptions = ReplicaOptions(micro_batch_sequences=2)
    settings: ModelSettings = SETTINGS
    crowded: bool = False  # all tokens choose experts of the first half
    saved_in: str = ""  # after the first step
    resumed_from: str = ""


class Course(NamedTuple):
    """What came of the steps."""

    losses: list[float]
    norms: list[float]
    gradients: dict[str, Tensor]  # of the first step, whole
    load: Tensor
    evaluated: Tensor
    refusal: str = ""  # in place of all that


def train_on(world_size: int, layouts: Mapping[str, Layout], folder: Path) -> dict[str, Course]:
    """Return the courses of layouts of so many ranks.

    They are forked from a process of their own, which imports torch for all of them: threads of
    this one might leave them locks that nobody opens.
    """
    (folder / "layouts.json").write_bytes(msgspec.json.encode(layouts))
    command = [sys.executable, __file__, str(folder), str(world_size)]
    subprocess.run(command, env=os.environ | {"PYTHONPATH": ":".join(sys.path)}, check=True)
    parts = [torch.load(folder / f"{rank}.pt") for rank in range(world_size)]
    return {name: _whole_course([Course(*part[name]) for part in parts]) for name in layouts}


def _whole_course(parts: list[Course]) -> Course:
    """Return the first rank's course with the gradients of all."""
    gradients = {key: grad for part in parts for key, grad in part.gradients.items()}
    return parts[0]._replace(gradients=gradients)


def options(**given: object) -> ReplicaOptions:
    """Return options with two sequences in a micro-batch, and whatever is named."""
    return msgspec.convert({"micro_batch_sequences": 2, **given}, ReplicaOptions)


def main() -> None:
    """Write the courses of a folder's layouts."""
    folder, world_size = sys.argv[1], int(sys.argv[2])
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    start_processes(run_rank, (world_size, port, Path(folder)), world_size, start_method="fork")


def run_rank(rank: int, world_size: int, port: int, folder: Path) -> None:
    torch.set_num_threads(1)
    os.environ |= {"RANK": str(rank), "WORLD_SIZE": str(world_size), "MASTER_PORT": str(port)}
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "GLOO_SOCKET_IFNAME": "lo"}
    layouts = msgspec.json.decode((folder / "layouts.json").read_bytes(), type=dict[str, Layout])
    with Mesh():  # its process group serves all others
        courses = {name: tuple(train(layout, folder)) for name, layout in layouts.items()}
    torch.save(courses, folder / f"{rank}.pt")


def train(layout: Layout, folder: Path) -> Course:
    """Take steps as one of the layout's ranks, all but the first if resumed."""
    with Mesh(**layout.mesh) as mesh:
        seed = 2 if layout.resumed_from else 1
        try:
            replica = Replica(layout.settings, mesh, layout.options, seed=seed)
            return take_steps(layout, replica, folder)
        except GristmillError as error:
            return Course([], [], {}, torch.empty(0), torch.empty(0), str(error))


def take_steps(layout: Layout, replica: Replica, folder: Path) -> Course:
    if layout.crowded:
        crowd(replica)
    optimizer = torch.optim.AdamW(replica.parameters(), lr=3e-3, weight_decay=0.1)
    replica.evaluate_batch(*batch(98))  # changes nothing
    if layout.resumed_from:
        load(latest(str(folder / layout.resumed_from)), replica, optimizer)
    losses, norms, gradients = list[float](), list[float](), dict[str, Tensor]()
    for step in range(1 if layout.resumed_from else 0, NUM_STEPS):
        losses.append(take_step(replica, step))
        gradients = gradients or whole_gradients(replica)
        norms.append(replica.clip(1.0))
        optimizer.step()
        optimizer.zero_grad()
        if step == 0 and layout.saved_in:
            out = str(folder / layout.saved_in)
            checkpoints = Checkpoints(out, replica.mesh, keep=1, background=True)
            checkpoints.save(1, Run(replica, optimizer), b"{}")
    if layout.saved_in:
        checkpoints.close()
    evaluated = replica.evaluate_batch(*batch(99))
    return Course(losses, norms, gradients, replica.expert_load(), evaluated)


def take_step(replica: Replica, step: int) -> float:
    """Return the loss of the whole batch; this data rank takes its part."""
    mesh = replica.mesh
    mine = [x.chunk(mesh.data)[mesh.data_rank] for x in batch(step)]
    num_targets = int((batch(step)[3] >= 0).sum())
    losses_BT = replica.train_batch(*mine, num_targets=num_targets, num_sequences=BATCH)
    assert losses_BT.shape == mine[0].shape
    shares = mesh.pipeline * mesh.context  # ranks that return the same losses
    return float(mesh.sum(losses_BT.double().sum() / shares)) / num_targets


def batch(step: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return ids, positions, numbers of documents, and targets, of which some do not count."""
    generator = torch.Generator().manual_seed(step)
    ids = torch.randint(0, SETTINGS.vocab_size, (BATCH, LENGTH + 1), generator=generator)
    cut = torch.randint(1, LENGTH, (BATCH, 1), generator=generator)
    places = torch.arange(LENGTH).expand(BATCH, -1)
    documents = (places >= cut).long()
    targets = torch.where(places % 7 == 3, -100, ids[:, 1:])
    return ids[:, :-1], places - documents * cut, documents, targets


class CrowdedGate:
    """Scores of which the second half is 0, and of each token half of the first half is above."""

    def whole(self, _name: str, shape: torch.Size) -> Tensor:
        half = shape[0] // 2
        factors = torch.tensor([(-1.0) ** i * (i // 2 + 1) for i in range(half)])
        rows = factors[:, None] * torch.linspace(-1, 1, shape[1])
        return torch.cat((rows, torch.zeros_like(rows)))

    def expert(self, name: str, _expert: int, _shape: torch.Size) -> Tensor:
        raise AssertionError(name)


def crowd(replica: Replica) -> None:
    gates = [pair for pair in replica.named_parameters() if pair[0].endswith(".gate.weight")]
    fill(gates, CrowdedGate())


def whole_gradients(replica: Replica) -> dict[str, Tensor]:
    found = {}
    for name, weight in replica.named_parameters():
        assert weight.grad is not None, name
        grad = weight.grad
        found[name] = grad.full_tensor() if isinstance(grad, DTensor) else grad.clone()
    return found


if __name__ == "__main__":
    main()
