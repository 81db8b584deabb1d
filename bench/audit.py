"""An audit of a made-up build of 50 million documents, beside the same counts by pyarrow.

Each step runs in a process of its own: `footers` is `gristmill audit --no-check`, `check` the whole
audit, which reads every row of the shards too, `report` the page. The peer scans the columns of
each breakdown with pyarrow's dataset and groups them in memory; it reconciles nothing, finds no
duplicates and no incomplete repository. `counts` is ours as far as the peer goes: totals and the
breakdowns by component, language, licence, source and rule.

Seconds are of the clock, ratios of CPU time; read MB are what the process read from files, peaks
the largest resident set (VmHWM: Linux). The build is made once, takes 100 bytes of disk a document,
and is kept with --folder.
"""

import argparse
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import pyarrow.compute as pc
import pyarrow.dataset as ds
from audit_corpus import make_build

from gristmill.pipelines.audit import Audit, Group, audit, count_groups
from gristmill.pipelines.report import render_report
from gristmill.pipelines.tables import open_tables

NUM_ROWS = 50_000_000
MEMORY_MB = 4096
BREAKDOWNS: Mapping[str, str] = {
    "component": "component",
    "language": "language",
    "licence": "licence",
    "source": "source",
    "rule": "dropped_by",
}


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """What a step cost, and what it counted."""

    seconds: float
    cpu_seconds: float
    peak_mb: float
    read_mb: float
    tokens: int
    groups: int


def main() -> None:
    """Measure, then print a table or, with --json, one object a line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument("--rows", type=int, default=NUM_ROWS, help="documents of the build")
    parser.add_argument("--memory-mb", type=int, default=MEMORY_MB, help="of the audit's queries")
    parser.add_argument("--folder", type=Path, help="where the build lies, or will")
    parser.add_argument("--call", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.call:
        print(msgspec.json.encode(call(given.call, given.folder, given.memory_mb)).decode())
        return
    with TemporaryDirectory() as temporary:
        out = given.folder or Path(temporary) / "build"
        if not (out / "build.json").exists():
            shutil.rmtree(out, ignore_errors=True)
            make_build(out, num_rows=given.rows)
        show(((name, start(name, out, given.memory_mb)) for name in STEPS), as_json=given.json)


def show(steps: Iterable[tuple[str, Measured]], *, as_json: bool) -> None:
    """Print each step as it is measured; the ratio is the peer's CPU seconds to ours."""
    if not as_json:
        print(f"Python {platform.python_version()}, {platform.machine()}, {os.cpu_count()} cores")
        print(f"{'':10}{'seconds':>9}{'CPU s':>9}{'peak MB':>9}{'read MB':>9}{'groups':>8}")
    peer: Measured | None = None
    for name, step in steps:
        peer = peer or step
        assert step.tokens in (peer.tokens, 0)
        if as_json:
            costs = {"ours": step.cpu_seconds, "peer": peer.cpu_seconds}
            ratio = peer.cpu_seconds / step.cpu_seconds
            row = {"name": f"audit, {name}", **costs, "ratio": ratio}
            print(json.dumps(row | msgspec.to_builtins(step)), flush=True)
        else:
            print(
                f"{name:10}{step.seconds:9.1f}{step.cpu_seconds:9.1f}{step.peak_mb:9.0f}"
                f"{step.read_mb:9.0f}{step.groups:8}",
                flush=True,
            )


def start(name: str, out: Path, memory_mb: int) -> Measured:
    """Run one step in a process of its own."""
    command = [sys.executable, __file__, "--call", name, "--folder", str(out)]
    command += ["--memory-mb", str(memory_mb)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return msgspec.json.decode(done.stdout, type=Measured)


def call(name: str, out: Path, memory_mb: int) -> Measured:
    """Run one step here and say what it cost."""
    began, began_cpu = time.perf_counter(), time.process_time()
    tokens, groups = STEPS[name](out, memory_mb)
    status = Path("/proc/self/status").read_text()
    peak = re.search(r"VmHWM:\s+(\d+) kB", status)
    read = re.search(r"rchar: (\d+)", Path("/proc/self/io").read_text())
    assert peak
    assert read
    return Measured(
        seconds=time.perf_counter() - began,
        cpu_seconds=time.process_time() - began_cpu,
        peak_mb=int(peak[1]) / 1000,
        read_mb=int(read[1]) / 1e6,
        tokens=tokens,
        groups=groups,
    )


def counts(out: Path, memory_mb: int) -> tuple[int, int]:
    """Count what the peer counts."""
    with open_tables(str(out), memory_mb=memory_mb) as tables:
        tables.add_ledger()
        totals, breakdowns = count_groups(tables, tuple(BREAKDOWNS))
    return totals.tokens, sum(len(breakdown.groups) for breakdown in breakdowns)


def footers(out: Path, memory_mb: int) -> tuple[int, int]:
    """Audit with the footers of shards."""
    return _counted(audit(str(out), by=tuple(BREAKDOWNS), check=False, memory_mb=memory_mb))


def check(out: Path, memory_mb: int) -> tuple[int, int]:
    """Audit with every row of the shards."""
    return _counted(audit(str(out), by=tuple(BREAKDOWNS), memory_mb=memory_mb))


def report(out: Path, memory_mb: int) -> tuple[int, int]:
    """Make the page, which goes by footers; its groups are the rows of its tables."""
    return 0, render_report(str(out), memory_mb=memory_mb).count("<tr><th")


def _counted(found: Audit) -> tuple[int, int]:
    assert not found.differences, found.differences
    groups: list[Group] = [group for part in found.breakdowns for group in part.groups]
    return found.totals.tokens, len(groups)


def pyarrow(out: Path, memory_mb: int) -> tuple[int, int]:
    """Scan the ledger's columns and group them, a breakdown at a time."""
    ledger = ds.dataset(str(out / "ledger"), format="parquet")
    tokens = groups = 0
    for column in BREAKDOWNS.values():
        names = list(dict.fromkeys(["component", column, "dropped_by", "num_bytes", "tokens"]))
        table = ledger.to_table(columns=names)
        table = table.append_column("kept", pc.cast(pc.is_null(table["dropped_by"]), "int64"))
        keys = list(dict.fromkeys(["component", column]))
        sums = [("num_bytes", "sum"), ("tokens", "sum"), ("kept", "sum"), ("kept", "count")]
        grouped = table.group_by(keys).aggregate(sums)
        tokens = pc.sum(grouped["tokens_sum"]).as_py()
        groups += grouped.num_rows
    return tokens, groups


STEPS: Mapping[str, Callable[[Path, int], tuple[int, int]]] = {
    "pyarrow": pyarrow,
    "counts": counts,
    "footers": footers,
    "check": check,
    "report": report,
}


if __name__ == "__main__":
    main()
