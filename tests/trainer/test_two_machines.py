"""Two launches of torchrun, as on two machines: they meet, and outlive the death of a rank."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from .narrow import NARROW_TABLE

RECIPE = f"""
build = "{{build}}"
out = "{{out}}"
precision = "fp32"

{NARROW_TABLE}
[[stage]]
name = "only"
sequence_length = 64
batch_sequences = 2
steps = 20

[schedule]
warmup_steps = 1

[checkpoint]
every_steps = 2

[log]
every_steps = 1
tensorboard = false
"""
TORCHRUN = ("-m", "torch.distributed.run", "--nnodes=2", "--nproc-per-node=1", "--max-restarts=3")
pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")]


def train(out: Path, build: Path, launch: tuple[str, ...] = ()) -> subprocess.Popen[str]:
    recipe = out.with_suffix(".toml")
    recipe.write_text(RECIPE.format(build=build, out=out))
    command = [sys.executable, *launch, "-m", "gristmill", "train", str(recipe), "--json"]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.fixture
def machines(tmp_path: Path, small_build: Path) -> Iterator[list[subprocess.Popen[str]]]:
    """The two launches, which meet at a free port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        meet = f"--rdzv-endpoint=localhost:{free.getsockname()[1]}"
    found = [
        train(tmp_path / "two", small_build, (*TORCHRUN, f"--node-rank={i}", meet))
        for i in range(2)
    ]
    yield found
    for machine in found:
        if machine.poll() is None:
            machine.terminate()
        machine.communicate()


def wait_for_checkpoint(out: Path) -> None:
    for _ in range(1200):
        if list(out.glob("checkpoints/step-????????")):
            return
        time.sleep(0.05)
    raise AssertionError("no checkpoint in a minute")


def kill_rank(machine: subprocess.Popen[str]) -> None:
    """Kill what torchrun started on a machine."""
    children = Path(f"/proc/{machine.pid}/task/{machine.pid}/children").read_text().split()
    assert len(children) == 1
    os.kill(int(children[0]), signal.SIGKILL)


def last_loss(told: str) -> float:
    return float(json.loads(told)["losses"]["all"]["nats_per_token"])


def test_a_rank_that_dies_is_started_again_and_nothing_is_lost(
    machines: list[subprocess.Popen[str]], small_build: Path, tmp_path: Path
) -> None:
    wait_for_checkpoint(tmp_path / "two")
    kill_rank(machines[1])
    told = [machine.communicate(timeout=240) for machine in machines]
    assert [machine.returncode for machine in machines] == [0, 0], told
    assert "exitcode: -9" in told[1][1]
    alone = train(tmp_path / "one", small_build).communicate(timeout=240)[0]
    assert last_loss(told[0][0]) == pytest.approx(last_loss(alone), abs=1e-6)
