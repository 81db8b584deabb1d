"""Bench: builds the bundled fixtures once and notes what each step did in a second of one core.

Clocks are of the process's CPU time, so a busy machine gives the same figures, nearly. Models and
tables are loaded within, which a build of gigabytes would not notice; so the figures are low.
"""

import json
import os
import platform
from collections.abc import Mapping
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, NamedTuple

import duckdb

from ..corpus.errors import GristmillError
from .artifact import Manifest
from .build import build
from .decontam_command import index_benchmarks
from .engine import Node
from .executors import LocalExecutor
from .machine_rates import KINDS, STEPS, Basis, Kind, MachineRates, Rate, Step
from .stage import Failure, Task

FIXTURES: Final = Path(__file__).parents[1] / "fixtures"
RECIPE: Final = """\
name = "bench"

[[source]]
name = "repository"
kind = "repository"
component = "code"
paths = ["{fixtures}/repositories/*"]
metadata = "{fixtures}/repositories.jsonl"
shards = 4

[[source]]
name = "page"
kind = "warc"
component = "text"
paths = ["{fixtures}/web/*/*.warc.*"]

[[source]]
name = "page_fine"
kind = "warc"
component = "math"
paths = ["{fixtures}/web/math/*.warc.*"]
extract = "fine"

[[source]]
name = "document"
kind = "documents"
component = "text"
paths = ["{fixtures}/documents/*.jsonl", "{fixtures}/documents/*.parquet"]

[rules]
preset = "deepseek-coder-v2"

[decontamination]
index = ["bench.index"]

[dedup]
partitions = 2
repository_languages = ["Python", "Java", "C#", "C", "C++"]
"""
QUESTION: Final = (
    "Write a function that returns the sum of the squares of all even numbers of a list, in order."
)

_TOTALS: Final = """
    SELECT source, count(*), coalesce(sum(num_bytes_utf8), 0),
        count(*) FILTER (dropped_by IS NULL OR dropped_by LIKE '%duplicate' OR
            dropped_by = 'same_page'),
        coalesce(sum(num_bytes_utf8) FILTER (dropped_by IS NULL), 0),
        coalesce(sum(tokens), 0)
    FROM read_parquet(?, union_by_name = true) GROUP BY source
"""


class _Amounts(NamedTuple):
    documents: int
    text_bytes: int
    passed_documents: int
    kept_bytes: int
    tokens: int

    def of(self, basis: Basis) -> int:
        amount: int = getattr(self, basis)
        return amount


class _Collector:
    """An observer that keeps what every task took; artifacts that are removed later count too."""

    def __init__(self) -> None:
        self.manifests: list[Manifest] = []

    def begin(self, num_nodes: int) -> None:
        """Nothing is shown."""

    def start(self, task: Task, key: str) -> None:
        """Nothing is shown."""

    def finish(self, node: Node, manifest: Manifest, *, is_cached: bool) -> None:
        """Keep the manifest."""
        self.manifests.append(manifest)

    def fail(self, node: Node, failure: Failure, *, attempts_left: int) -> None:
        """Failures are in the build's result."""


def bench(fixtures: Path = FIXTURES) -> MachineRates:
    """Build the fixtures in a temporary folder and return this machine's rates; about a minute."""
    with TemporaryDirectory(prefix="gristmill-bench-") as folder:
        recipe, out = Path(folder, "bench.toml"), Path(folder, "out")
        questions = Path(folder, "questions.jsonl")
        questions.write_text(json.dumps({"text": QUESTION}) + "\n")
        index_benchmarks(
            [str(questions)], out=str(Path(folder, "bench.index")), name="bench", fields=["text"]
        )
        recipe.write_text(RECIPE.format(fixtures=fixtures.resolve()))
        collector = _Collector()
        result = build(str(recipe), out=str(out), executor=LocalExecutor(), observer=collector)
        if result.failures:
            failure = result.failures[0]
            raise GristmillError(
                f"{failure.stage} of {failure.shard} failed: {failure.message}",
                where="gristmill bench",
                todo="Mend the installation; the fixtures come with it.",
            )
        amounts = _amounts(out)
    return MachineRates(
        date=datetime.now(timezone.utc).date().isoformat(),
        cpu=_cpu_name(),
        cores=_num_cores(),
        python=platform.python_version(),
        gristmill=version("gristmill"),
        rates=tuple(_rates(collector.manifests, amounts)),
    )


def _amounts(out: Path) -> dict[str, _Amounts]:
    rows = duckdb.execute(_TOTALS, [str(out / "ledger" / "*.parquet")]).fetchall()
    return {source: _Amounts(*map(int, counts)) for source, *counts in rows}


def _rates(manifests: list[Manifest], amounts: Mapping[str, _Amounts]) -> list[Rate]:
    found = []
    for step in STEPS:
        for kind in KINDS if step.by_kind else (None,):
            mine = [m for m in manifests if _step_of(m.stage) == step and _is_of(m, kind)]
            sources = amounts.values() if kind is None else (amounts[kind],)
            found.append(
                Rate(
                    step=step.name,
                    kind=kind,
                    basis=step.basis,
                    amount=sum(source.of(step.basis) for source in sources),
                    cpu_seconds=round(sum(m.cpu_seconds or 0.0 for m in mine), 3),
                    written_bytes=sum(m.num_bytes for m in mine),
                )
            )
    return found


def _step_of(stage: str) -> Step:
    """Return the step of a stage; all that no step names belong to dedup."""
    named = (step for step in STEPS if stage in step.stages)
    return next(named, next(step for step in STEPS if not step.stages))


def _is_of(manifest: Manifest, kind: Kind | None) -> bool:
    return kind is None or manifest.shard.startswith(f"{kind}.")


def _num_cores() -> int:
    return len(os.sched_getaffinity(0))


def _cpu_name() -> str:
    """Return what Linux calls the processor, or its architecture."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())
