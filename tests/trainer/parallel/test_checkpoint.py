"""Checkpoints: put in place whole, checked when they are read, and of one process here."""

import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest
import torch

from gristmill.corpus.errors import GristmillError
from gristmill.trainer.parallel.checkpoint import Checkpoints, Run, latest, load, read_state
from gristmill.trainer.parallel.mesh import Mesh
from gristmill.trainer.parallel.replica import Replica, ReplicaOptions

from .layouts import SETTINGS, UNEVEN, take_step

# Writes a checkpoint until a file has 100,000 bytes, which ends the process.
DIE_WRITING = """
import resource, signal, sys
import msgspec, torch
from gristmill.trainer.model.shapes import ModelSettings
from gristmill.trainer.parallel.checkpoint import Checkpoints, Run
from gristmill.trainer.parallel.mesh import Mesh
from gristmill.trainer.parallel.replica import Replica, ReplicaOptions
with Mesh() as mesh:
    settings = msgspec.json.decode(sys.argv[2], type=ModelSettings)
    replica = Replica(settings, mesh, ReplicaOptions(), seed=1)
    run = Run(replica, torch.optim.AdamW(replica.parameters()))
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))
    checkpoints = Checkpoints(sys.argv[1], mesh, keep=2, background=True)
    checkpoints.save(2, run, b"{}")
    checkpoints.close()
"""


class Trained(NamedTuple):
    """A model after a step, and where its checkpoints go."""

    run: Run
    out: str

    def save(self, step: int, *, background: bool = False, keep: int = 2) -> None:
        """Write a checkpoint."""
        mesh = self.run.replica.mesh
        checkpoints = Checkpoints(self.out, mesh, keep=keep, background=background)
        try:
            checkpoints.save(step, self.run, b'{"step":%d}' % step)
        finally:
            checkpoints.close()

    def load(self) -> None:
        """Read the last one."""
        load(latest(self.out), *self.run)

    @property
    def names(self) -> list[str]:
        """What lies where checkpoints do."""
        return sorted(path.name for path in Path(self.out, "checkpoints").iterdir())


@pytest.fixture
def trained(tmp_path: Path) -> Iterator[Trained]:
    with Mesh() as mesh:
        replica = Replica(SETTINGS, mesh, ReplicaOptions(micro_batch_sequences=8), seed=1)
        run = Run(replica, torch.optim.AdamW(replica.parameters(), lr=1e-2))
        step(run, 0)
        yield Trained(run, str(tmp_path))


def step(run: Run, number: int) -> float:
    run.optimizer.zero_grad()
    loss = take_step(run.replica, number)
    run.optimizer.step()
    return loss


def test_training_goes_on_while_a_checkpoint_is_written(trained: Trained) -> None:
    mesh = trained.run.replica.mesh
    checkpoints = Checkpoints(trained.out, mesh, keep=2, background=True)
    checkpoints.save(1, trained.run, b"{}")
    losses = [step(trained.run, 1), step(trained.run, 2)]
    checkpoints.close()
    trained.load()
    assert [step(trained.run, 1), step(trained.run, 2)] == losses


def test_the_last_ones_stay(trained: Trained) -> None:
    for number in (8, 9, 10):
        trained.save(number)
    assert trained.names == ["step-00000009", "step-00000010"]
    assert read_state(latest(trained.out)) == b'{"step":10}'


def test_a_checkpoint_written_again_is_the_later_one(trained: Trained) -> None:
    trained.save(1)
    loss = step(trained.run, 1)
    trained.save(1)
    step(trained.run, 2)
    trained.load()
    assert trained.names == ["step-00000001"]
    assert step(trained.run, 1) != loss


def test_without_a_checkpoint_there_is_no_latest(tmp_path: Path) -> None:
    assert latest(str(tmp_path)) == ""


def test_a_save_killed_half_way_leaves_the_last_checkpoint_whole(trained: Trained) -> None:
    trained.save(1)
    settings = msgspec.json.encode(SETTINGS).decode()
    command = [sys.executable, "-c", DIE_WRITING, trained.out, settings]
    killed = subprocess.run(command, timeout=120, check=False)
    assert killed.returncode == -signal.SIGXFSZ
    assert trained.names == ["step-00000001", "step-00000002.part"]
    trained.load()
    trained.save(3)
    assert trained.names == ["step-00000001", "step-00000003"]


@pytest.mark.parametrize("background", [True, False])
def test_a_full_disk_is_an_error(trained: Trained, *, background: bool) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        with pytest.raises(GristmillError, match="was not written: rank 0"):
            trained.save(1, background=background)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert latest(trained.out) == ""


@pytest.mark.parametrize("place", [0.1, 0.5, 0.9])
def test_one_changed_bit_is_an_error(trained: Trained, place: float) -> None:
    trained.save(1)
    file = Path(latest(trained.out)) / "__0_0.distcp"
    data = bytearray(file.read_bytes())
    data[int(len(data) * place)] ^= 1
    file.write_bytes(data)
    with pytest.raises(GristmillError, match="checksum"):
        trained.load()


@pytest.mark.parametrize("name", [".metadata", "state.json"])
def test_a_changed_description_is_an_error(trained: Trained, name: str) -> None:
    trained.save(1)
    file = Path(latest(trained.out)) / name
    file.write_bytes(file.read_bytes() + b" ")
    with pytest.raises(GristmillError, match="does not have the checksum"):
        read_state(latest(trained.out)) if name == "state.json" else trained.load()


@pytest.mark.parametrize("name", [".metadata", "__0_0.distcp", "sums.json"])
def test_a_missing_file_is_an_error(trained: Trained, name: str) -> None:
    trained.save(1)
    (Path(latest(trained.out)) / name).unlink()
    with pytest.raises(GristmillError, match="No such file"):
        trained.load()


def test_another_models_checkpoint_is_an_error(trained: Trained) -> None:
    trained.save(1)
    with Mesh() as mesh:
        other = Replica(UNEVEN, mesh, ReplicaOptions(), seed=1)
        with pytest.raises(GristmillError, match="of another model: rank 0: Size mismatch"):
            load(latest(trained.out), other)
