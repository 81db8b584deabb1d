"""A manifest says what a task took: on the clock, and of the cores."""

from pathlib import Path
from typing import ClassVar

import pyarrow as pa
import pytest

from gristmill.pipelines.artifact import Manifest
from gristmill.pipelines.executors import Executor, LocalExecutor, ThreadExecutor
from gristmill.pipelines.output import Output
from gristmill.pipelines.stage import Inputs, Stage, Task, run_task


class Counting(Stage, frozen=True, kw_only=True):
    """Writes numbers."""

    name: ClassVar[str] = "counting"
    version: ClassVar[int] = 1

    def run(self, inputs: Inputs, output: Output) -> None:
        """Write them."""
        output.write(pa.table({"number": list(range(1000))}))


def task(folder: Path) -> Task:
    folder.mkdir(exist_ok=True)
    return Task(stage=Counting(), shard="a", folder=str(folder), inputs={}, hints={}, storage={})


def test_cpu_time_is_that_of_the_clock_that_is_given(tmp_path: Path) -> None:
    times = iter((1.25, 3.75))
    manifest = run_task(task(tmp_path / "a"), "key", cpu_clock=lambda: next(times))
    assert isinstance(manifest, Manifest)
    assert manifest.cpu_seconds == 2.5


@pytest.mark.parametrize("executor", [LocalExecutor(), ThreadExecutor(1)])
def test_every_executor_measures_cpu_time(tmp_path: Path, executor: Executor) -> None:
    executor.submit(task(tmp_path / "a"), "key")
    _, manifest = executor.wait()
    executor.close()
    assert isinstance(manifest, Manifest)
    assert manifest.cpu_seconds is not None
