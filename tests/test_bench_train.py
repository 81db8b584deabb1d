"""The benchmark of training compares equal losses, and gives no figure of a GPU without one."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def run(*options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "bench/train.py"), *options]
    hidden = {**os.environ, "CUDA_VISIBLE_DEVICES": ""}  # whatever cards the machine has
    return subprocess.run(command, check=False, capture_output=True, text=True, env=hidden)


def test_without_a_gpu_there_is_a_message_and_no_figure() -> None:
    done = run("--gpu", "--json")
    assert done.returncode == 1
    assert done.stdout == ""
    assert "no GPU" in done.stderr


@pytest.mark.slow
def test_a_step_is_measured_beside_transformers_and_beside_its_products() -> None:
    done = run("--json", "--only", "tiny, 512", "--repeats", "1")
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["name"] for row in rows] == ["step, tiny, 512 ids", "floor, tiny, 512 ids"]
    assert all(row["ratio"] > 0 for row in rows)
