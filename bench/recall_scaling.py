"""The recall loop while its pool grows tenfold: memory is flat, cost is linear.

Three iterations over synthetic pages with planted scores, once for each size, in a process of its
own: budgets, domains, prefixes, verdicts, draws of hashes, fastText on as many pages at every size,
the sample to audit, and the collection. Only reading, words and scores of real pages are missing.
Up to 10^6 the files are compared, byte for byte, with those of the loop that holds all pages in
memory (tests/pipelines/recall/twin), which is the peer.

Times are CPU seconds without the making of pool and scores, peaks the largest resident set (VmHWM:
Linux) of tasks and driver in one process; `driver` is that of a second run, which finds all tasks
done: Python, its modules, the manifests, and what the driver writes.
"""

import argparse
import importlib
import json
import platform
import subprocess
import sys
import time
from collections import defaultdict
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import numpy as np
from planted_pool import Page, PlantedGraph

from gristmill.filters.recall.model import TrainSettings
from gristmill.filters.recall.seeds import PageLabel, SeedSites
from gristmill.pipelines.artifact import Manifest
from gristmill.pipelines.engine import Engine, Node
from gristmill.pipelines.executors import LocalExecutor
from gristmill.pipelines.recall.asked import Asked
from gristmill.pipelines.recall.costs import TRAIN_COST_FILE
from gristmill.pipelines.recall.graph import LoopGraph
from gristmill.pipelines.recall.iterate import Loop
from gristmill.pipelines.recall.output import write_collected
from gristmill.pipelines.recall.state import State
from gristmill.pipelines.recall.work import Work
from gristmill.pipelines.recall_settings import DrawSettings, NearSettings, RecallTarget
from gristmill.pipelines.stage import Failure, Task
from gristmill.pipelines.store import open_store

CHECKED_PAGES = 1_000_000  # what fits in memory with ease
PLANTED = ("recall_pool", "recall_score")
TOKENS_A_PAGE = 1050
AUDITED_PAGES = 2000


class Measured(msgspec.Struct, kw_only=True):
    """What a run of one size came to."""

    pages: int
    seconds: float
    peak_mb: float
    disk_mb: float
    collected: int
    by_stage: dict[str, float]  # CPU seconds


class Size(msgspec.Struct, kw_only=True):
    """A size with its two runs, and the run of the twin."""

    run: Measured
    driver: Measured
    twin: Measured | None


def main() -> None:
    """Measure, then print a table or, with --json, one object a line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument("--large", action="store_true", help="10^7 pages as well")
    parser.add_argument("--memory-mb", type=int, default=64, help="of an exchange")
    parser.add_argument("--partitions", type=int, default=8)
    parser.add_argument("--folder", type=Path, default=Path("build"), help="for 5 GB at most")
    parser.add_argument("--call", nargs=5, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.call:
        function, folder, *numbers = options.call
        {"measure": measure, "twin": twin}[function](folder, *map(int, numbers))
        return
    options.folder.mkdir(parents=True, exist_ok=True)
    found = []
    for pages in (100_000, 1_000_000, 10_000_000)[: 3 if options.large else 2]:
        numbers = (pages, options.partitions, options.memory_mb << 20)
        with TemporaryDirectory(dir=options.folder) as folder:
            run, driver = (_call("measure", folder, *numbers) for _ in range(2))
            other = _call("twin", folder, *numbers) if pages <= CHECKED_PAGES else None
            found.append(Size(run=run, driver=driver, twin=other))
    if options.json:
        for row in rows(found):
            print(json.dumps(row))
    else:
        print_table(found, options.memory_mb)


def rows(found: list[Size]) -> list[dict[str, str | float]]:
    """Return each size against the one before it, and against the loop in memory."""
    result: list[dict[str, str | float]] = []
    for size, before in zip(found[1:], found, strict=False):
        label = f"recall_scaling_{size.run.pages:.0e}_vs_{before.run.pages:.0e}".replace("e+0", "e")
        for name, ours, peer in (
            ("peak_mb", size.run.peak_mb, before.run.peak_mb),
            ("driver_mb", size.driver.peak_mb, before.driver.peak_mb),
            ("pages_per_second", _rate(size.run), _rate(before.run)),
        ):
            result.append(_row(f"{label}_{name}", ours, peer))
    for size in found:
        if size.twin is not None:
            label = f"recall_{size.run.pages:.0e}_vs_memory".replace("e+0", "e")
            result.append(_row(f"{label}_peak_mb", size.run.peak_mb, size.twin.peak_mb))
            result.append(_row(f"{label}_seconds", size.run.seconds, size.twin.seconds))
    return [*result, _row("recall_scaling_cpu_slope", _slope(found), 1.0)]


def _row(name: str, ours: float, peer: float) -> dict[str, str | float]:
    return {"name": name, "ours": ours, "peer": peer, "ratio": round(ours / peer, 3)}


def print_table(found: list[Size], memory_mb: int) -> None:
    """Print one line a size, what each stage took, and how cost grows."""
    print(f"Python {platform.python_version()}, {platform.machine()}, {memory_mb} MiB, 1 core")
    names = ("pages", "CPU s", "pages/s", "peak MB", "driver MB", "disk MB", "collected")
    print("".join(f"{name:>13}" for name in (*names, "twin CPU s", "twin peak MB")))
    for size in found:
        run = size.run
        figures = (run.pages, run.seconds, _rate(run), run.peak_mb, size.driver.peak_mb)
        twins = (size.twin.seconds, size.twin.peak_mb) if size.twin is not None else ()
        row = (*figures, run.disk_mb, run.collected, *twins)
        print("".join(f"{figure:>13,}" for figure in row))
    for size in found:
        shares = (f"{name} {seconds:.1f}" for name, seconds in size.run.by_stage.items())
        print(f"{size.run.pages:,}: {', '.join(shares)}")
    print(f"CPU grows as pages^{_slope(found)}")


def _rate(run: Measured) -> int:
    return round(run.pages / run.seconds)


def _slope(found: list[Size]) -> float:
    pages, seconds = ([getattr(size.run, name) for size in found] for name in ("pages", "seconds"))
    return round(float(np.polyfit(np.log(pages), np.log(seconds), 1)[0]), 3)


def _call(function: str, folder: str, *numbers: int) -> Measured:
    """Call `measure` or `twin` in a process of its own."""
    call = [function, folder, *(str(number) for number in numbers)]
    command = [sys.executable, __file__, "--call", *call]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE)
    return msgspec.json.decode(done.stdout.splitlines()[-1], type=Measured)


def target_of(pages: int, partitions: int, memory: int) -> RecallTarget:
    """Return what the loop looks for: a twentieth of the tokens, three times."""
    return RecallTarget(
        name="planted",
        sources=("web",),
        seeds=("sites.txt",),
        token_budget=(pages * TOKENS_A_PAGE // 20,),
        partitions=partitions,
        memory_bytes=memory,
        near=NearSettings(threshold=0),
        train=TrainSettings(dim=2, buckets=1024, word_ngrams=1, least_words=1),
        draw=DrawSettings(positives=5000, negatives=5000, host_pages=50),
    )


def asked_of(pages: int) -> Asked:
    """Return the seeds, which are the sites of some hosts, and a small audit set."""
    hosts = tuple(f"h{number}.test" for number in range(3, max(pages // 1000, 100), 20))
    page = Page(0, pages)
    places = zip(page.hosts().to_pylist(), page.paths().to_pylist(), page.on_topic, strict=True)
    audit = {
        f"https://{host}{path}": PageLabel(is_positive=bool(on_topic))
        for host, path, on_topic in islice(places, AUDITED_PAGES)
    }
    return Asked(
        sites=SeedSites(hosts=hosts),
        places=(),
        labels={},
        audit=audit,
        decisions=[],
        has_files=False,
    )


def measure(folder: str, pages: int, partitions: int, memory: int) -> None:
    """Run the loop, and print the Measured."""
    with open_store(folder) as store:
        clock = Clock()
        engine = Engine(store, LocalExecutor(), clock)
        work, target = Work(engine), target_of(pages, partitions, memory)
        pool = PlantedGraph(store, pages)
        graph = LoopGraph(store, target, pool.names)
        state = State(folder, target.name)
        started = time.process_time()
        work.run(pool.pool())
        iterations = list(Loop(state, pool, graph, work, asked_of(pages)).run())
        write_collected(state, work, graph, iterations[-1].iteration)
        seconds = time.process_time() - started
        store.save()
        num_bytes = sum(manifest.num_bytes for manifest in work.done.values())
        last = iterations[-1].collected_pages
        print(msgspec.json.encode(clock.measured(pages, seconds, num_bytes, last)).decode())


def twin(folder: str, pages: int, partitions: int, memory: int) -> None:
    """Run the loop that holds all pages, compare what both left, and print the Measured."""
    sys.path.append(str(Path(__file__).parents[1] / "tests"))
    twins = importlib.import_module("pipelines.recall.twin.run")
    with open_store(folder) as store:
        clock = Clock()
        work = Work(Engine(store, LocalExecutor(), clock))
        target, pool = target_of(pages, partitions, memory), PlantedGraph(store, pages)
        work.run(pool.pool())
        started = time.process_time()
        other = State(f"{folder}/twin", target.name)
        twins.loop_in_memory(target, asked_of(pages), pool, work, other)
        seconds = time.process_time() - started
        ours = State(folder, target.name)
        compare(ours.folder, other.folder)
        print(msgspec.json.encode(clock.measured(pages, seconds, 0, 0)).decode())


def compare(ours: Path, other: Path) -> None:
    """Hold both folders against each other."""
    paths = [one for one in other.rglob("*") if one.is_file() and one.name != TRAIN_COST_FILE]
    names = sorted(str(path.relative_to(other)) for path in paths)
    assert len(names) > 20, "the twin left too little"
    for name in names:
        assert (ours / name).read_bytes() == (other / name).read_bytes(), name


class Clock:
    """Observes who takes how long."""

    def __init__(self) -> None:
        self._started = 0.0
        self._seconds: dict[str, float] = defaultdict(float)

    def measured(self, pages: int, seconds: float, num_bytes: int, collected: int) -> Measured:
        """Return the figures; `driver` is what no task took."""
        lines = Path("/proc/self/status").read_text().splitlines()
        (peak,) = [int(line.split()[1]) for line in lines if line.startswith("VmHWM")]
        planted = sum(self._seconds.pop(name, 0.0) for name in PLANTED)
        by_stage = {name.removeprefix("recall_"): spent for name, spent in self._seconds.items()}
        by_stage["driver"] = seconds - planted - sum(by_stage.values())
        return Measured(
            pages=pages,
            seconds=round(seconds - planted, 2),
            peak_mb=round(peak / 1000, 1),
            disk_mb=round(num_bytes / 1e6, 1),
            collected=collected,
            by_stage={name: round(spent, 2) for name, spent in by_stage.items()},
        )

    def begin(self, num_nodes: int) -> None:
        """Say nothing."""

    def start(self, task: Task, key: str) -> None:
        """Start the clock: a plain loop runs the task next."""
        self._started = time.process_time()

    def finish(self, node: Node, manifest: Manifest, *, is_cached: bool) -> None:
        """Stop the clock."""
        if not is_cached:
            self._seconds[manifest.stage] += time.process_time() - self._started

    def fail(self, node: Node, failure: Failure, *, attempts_left: int) -> None:
        """Say what went wrong."""
        print(failure.detail, file=sys.stderr)


if __name__ == "__main__":
    main()
