"""The benchmark of audits makes a build that agrees, and prints a line for each of its steps."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
STEPS = ("pyarrow", "counts", "footers", "check", "report")


@pytest.mark.slow
def test_every_step_of_a_small_made_up_build_is_measured(tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "bench/audit.py"), "--json", "--rows", "3000"]
    command += ["--folder", str(tmp_path / "build"), "--memory-mb", "256"]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["name"] for row in rows] == [f"audit, {step}" for step in STEPS]
    assert all(row["ratio"] > 0 for row in rows)
    assert rows[1]["groups"] == rows[0]["groups"]
