import signal
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("hostile.py")


def run_cases(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(SCRIPT), *arguments], capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    ("target", "num_cases"),
    [
        ("rules", 4000),
        ("detection", 1000),
        ("clues", 200),
        ("imports", 60),
        ("licences", 80),
        ("hygiene", 300),
        ("bytes_", 50),
        ("pages", 3),
    ],
)
def test_no_text_takes_two_seconds_whatever_it_holds(target: str, num_cases: int) -> None:
    ran = run_cases(target)
    *cases, last = ran.stdout.splitlines()
    assert (ran.returncode, last, ran.stderr) == (0, "done", "")
    assert len(cases) >= num_cases


def test_a_text_that_takes_longer_ends_the_process_and_is_named() -> None:
    ran = run_cases("endless", "0.1")
    assert ran.returncode == -signal.SIGPROF
    assert ran.stdout.splitlines() == ["(a+)+b"]
