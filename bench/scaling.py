"""Near-duplicates out of core while documents grow tenfold: memory is flat, cost is linear.

The stages of a build run from synthetic items and signatures to the fates of all items, once for
each size, in a process of its own. Shards have 50,000 documents; the partitions and the memory of
an exchange are the same at every size. Signatures have 16 numbers, read as 8 bands of 2,
so that 10^7 documents take 8 GB of disk at most. Only the texts are missing: planted.py gives a
pair the similarity that was planted, by its ids. A fifth of the documents lie in clusters of 5, in
chains of 90 and of 1,000, or are copies, scattered over all shards.

Up to 10^6 the components, and who is kept, are compared with those that one process finds in
memory. Times are CPU seconds without the making of the input, peaks the largest resident set
(VmHWM: Linux) of tasks and driver in one process; `driver` is that of a second run, which finds
everything done: Python, its modules, the graph and the manifests.
"""

import argparse
import json
import platform
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import numpy as np
import pyarrow as pa
from planted import (
    SCHEME,
    SHARD_DOCUMENTS,
    PlantedItems,
    PlantedSignatures,
    PlantedSimilarity,
)

from gristmill.dedup.cluster import choose_keepers
from gristmill.dedup.columns import id_prefixes
from gristmill.dedup.components import connected_components
from gristmill.dedup.pairs import SIDES
from gristmill.pipelines.artifact import InputFile, Manifest
from gristmill.pipelines.dedup_graph import DedupGraph, Done, Texts
from gristmill.pipelines.dedup_settings import DedupSettings
from gristmill.pipelines.engine import Engine, Node, make_executor
from gristmill.pipelines.stage import Failure, Task
from gristmill.pipelines.store import Store, open_store

CHECKED_DOCUMENTS = 1_000_000  # what fits in memory


class Measured(msgspec.Struct, kw_only=True):
    """What a run of one size came to."""

    documents: int
    partitions: int
    seconds: float
    peak_mb: float
    driver_mb: float = 0.0
    disk_mb: float
    rounds: int
    pairs: int
    components: int
    dropped: int
    by_stage: dict[str, float]  # CPU seconds
    fates: list[str]  # digests


def main() -> None:
    """Measure, then print a table or, with --json, one object a line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument("--large", action="store_true", help="10^7 documents as well")
    parser.add_argument("--ray", action="store_true", help="10^6 also on two workers under ray")
    parser.add_argument("--memory-mb", type=int, default=64, help="of an exchange")
    parser.add_argument("--partitions", type=int, default=8)
    parser.add_argument("--folder", type=Path, default=Path("build"), help="for 8 GB at most")
    parser.add_argument("--call", nargs=6, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.call:
        function, folder, *numbers = given.call
        {"measure": measure, "check": check}[function](folder, *map(int, numbers))
        return
    given.folder.mkdir(parents=True, exist_ok=True)
    bounds, found = (given.partitions, given.memory_mb << 20), []
    for documents in (100_000, 1_000_000, *([10_000_000] if given.large else [])):
        with TemporaryDirectory(dir=given.folder, prefix="scaling.") as folder:
            size = _call("measure", folder, documents, *bounds, 0)
            size.driver_mb = _call("check", folder, documents, *bounds, 0).peak_mb
            print(msgspec.json.encode(size).decode(), file=sys.stderr)
            found.append(size)
    if given.ray:
        with TemporaryDirectory(dir=given.folder, prefix="scaling.") as folder:
            other = _call("measure", folder, 1_000_000, *bounds, 2)
            assert other.fates == found[1].fates, "ray has written other fates"
            print(f"{len(other.fates)} files of fates: the same under ray", file=sys.stderr)
    if given.json:
        print("\n".join(json.dumps(row) for row in rows(found)))
    else:
        print_table(found, given.memory_mb)


def rows(found: list[Measured]) -> list[dict[str, str | float]]:
    """Return name, ours, peer and ratio: a size beside the one before, and the slope beside 1."""
    result: list[dict[str, str | float]] = []
    for size, before in zip(found[1:], found, strict=False):
        label = f"scaling_{size.documents:.0e}_vs_{before.documents:.0e}".replace("e+0", "e")
        figures = {
            "peak_mb": (size.peak_mb, before.peak_mb),
            "task_mb": (size.peak_mb - size.driver_mb, before.peak_mb - before.driver_mb),
            "documents_per_second": (_rate(size), _rate(before)),
        }
        for name, (ours, peer) in figures.items():
            ratio = round(ours / peer, 3)
            result.append({"name": f"{label}_{name}", "ours": ours, "peer": peer, "ratio": ratio})
    slope = _slope(found)
    return [*result, {"name": "scaling_cpu_slope", "ours": slope, "peer": 1.0, "ratio": slope}]


def print_table(found: list[Measured], memory_mb: int) -> None:
    """Print one line a size, what each stage took, and how both grow."""
    print(f"Python {platform.python_version()}, {platform.machine()}, {memory_mb} MiB, 1 core")
    names = ("documents", "partitions", "CPU s", "documents/s", "peak MB", "driver MB")
    others = ("disk MB", "rounds", "pairs", "components", "dropped")
    print("".join(f"{name:>13}" for name in (*names, *others)))
    for size in found:
        figures = (size.documents, size.partitions, round(size.seconds, 1), _rate(size))
        memory, disk = (size.peak_mb, size.driver_mb), (size.disk_mb, size.rounds)
        graph = (size.pairs, size.components, size.dropped)
        print("".join(f"{figure:>13,}" for figure in (*figures, *memory, *disk, *graph)))
    for size in found:
        shares = (f"{name} {seconds:.1f}" for name, seconds in size.by_stage.items())
        print(f"{size.documents:,}: {', '.join(shares)}")
    ratio = found[-1].peak_mb / found[0].peak_mb
    print(f"CPU grows as documents^{_slope(found)}; the last peak is {ratio:.2f} of the first")


def _rate(size: Measured) -> int:
    return round(size.documents / size.seconds)


def _slope(found: list[Measured]) -> float:
    sizes, seconds = ([getattr(size, name) for size in found] for name in ("documents", "seconds"))
    return round(float(np.polyfit(np.log(sizes), np.log(seconds), 1)[0]), 3)


def _call(function: str, folder: str, *numbers: int) -> Measured:
    """Call `measure` or `check` in a process of its own."""
    call = [function, folder, *(str(number) for number in numbers)]
    command = [sys.executable, __file__, "--call", *call]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE)
    return msgspec.json.decode(done.stdout.splitlines()[-1], type=Measured)


def measure(folder: str, documents: int, partitions: int, memory: int, workers: int) -> None:
    """Run everything, and print the Measured."""
    with open_store(folder) as store:
        run = Run(store, documents, partitions, memory)
        executor = make_executor(workers=workers, address=None)
        engine = Engine(store, executor, run)
        try:
            engine.run(run.inputs())
            started = time.process_time()
            outcome = engine.run_phases(run.phases(engine.outcome.done))
        finally:
            executor.close()
        assert not outcome.failed, outcome.failed
        seconds = time.process_time() - started
        store.save()
        print(msgspec.json.encode(run.measured(outcome.done, seconds)).decode())


def check(folder: str, documents: int, partitions: int, memory: int, workers: int) -> None:
    """Run again, print the Measured, and compare with what one process finds in memory."""
    with open_store(folder) as store:
        run = Run(store, documents, partitions, memory)
        engine = Engine(store, make_executor(workers=workers, address=None), run)
        engine.run(run.inputs())
        outcome = engine.run_phases(run.phases(engine.outcome.done))
        assert not outcome.ran, "something was not there"
        print(msgspec.json.encode(run.measured(outcome.done, 0.0)).decode())
        if documents > CHECKED_DOCUMENTS:
            return
        tables = {
            stage: [store.input(m).read() for (name, _), m in outcome.done.items() if name == stage]
            for stage in ("near", "label", "cluster")
        }
    edges = pa.concat_tables(tables["near"])
    edges = edges.filter(pa.array(edges["similarity"].to_numpy() >= SCHEME.threshold))
    forest = connected_components(*(id_prefixes(edges[side]) for side in SIDES))
    labelled = pa.concat_tables(tables["label"])
    assert labelled.num_rows == edges.num_rows
    for side in SIDES:
        places = np.searchsorted(forest.nodes, id_prefixes(labelled[side]))
        assert (forest.roots[places] == labelled["component"].to_numpy()).all()
    chosen, expected = pa.concat_tables(tables["cluster"]), choose_keepers(edges)
    columns = ["item_id", "keeper", "similarity"]
    chosen, expected = (t.select(columns).sort_by("item_id") for t in (chosen, expected))
    assert chosen.num_rows > documents // 20
    assert chosen.equals(expected), "who is kept is another"


class Run(DedupGraph):
    """The graph of a size, with planted similarities; also observes who takes how long."""

    def __init__(self, store: Store, documents: int, partitions: int, memory: int) -> None:
        self._documents = documents
        self._clock = 0.0
        self._seconds: dict[str, float] = defaultdict(float)
        self._num_parts = partitions
        settings = DedupSettings(
            minhash=SCHEME, partitions=self._num_parts, memory_bytes=memory, page_urls="off"
        )
        names = [f"{i:05d}" for i in range(documents // SHARD_DOCUMENTS)]
        super().__init__(settings, store, names, {}, Texts(_no_text, "text", ()))

    def inputs(self) -> list[Node]:
        """Return what makes items and signatures."""
        nodes = []
        for name in self._names:
            first, documents = int(name) * SHARD_DOCUMENTS, self._documents
            items = PlantedItems(first=first, documents=documents, partitions=self._num_parts)
            for stage in (items, PlantedSignatures(first=first, documents=documents)):
                node = Node(stage=stage, shard=name, needs=(), inputs=lambda done: {})
                nodes.append(node)
        return nodes

    def phases(self, done: Done) -> Iterator[list[Node]]:
        """Yield all phases."""
        yield self.candidates()
        yield from super().phases(done)

    def _is_measured(self, part: str, done: Done) -> bool:
        return True  # so that no texts are gathered

    def _near(self, part: str, gathers: object) -> Node:
        return self._map(PlantedSimilarity(**self._bounds), part, "pairs")

    def measured(self, done: Done, seconds: float) -> Measured:
        """Return the figures."""
        counts: Counter[str] = Counter()
        for (stage, _), manifest in done.items():
            counts[f"{stage}_rows"] += manifest.rows
            counts["bytes"] += manifest.num_bytes
            counts["components"] += manifest.counts.get("components", {}).get("all", 0)
        lines = Path("/proc/self/status").read_text().splitlines()
        (peak,) = [int(line.split()[1]) for line in lines if line.startswith("VmHWM")]
        return Measured(
            documents=self._documents,
            partitions=self._num_parts,
            seconds=round(seconds, 2),
            peak_mb=round(peak / 1000, 1),
            disk_mb=round(counts["bytes"] / 1e6, 1),
            rounds=len({shard.partition(".")[2] for name, shard in done if name == "small_star"}),
            pairs=counts["pairs_rows"],
            components=counts["components"],
            dropped=counts["fates_rows"],
            by_stage={name: round(spent, 2) for name, spent in self._seconds.items()},
            fates=[done["fates", part].digest for part in self._parts],
        )

    def begin(self, num_nodes: int) -> None:
        """Say nothing."""

    def start(self, task: Task, key: str) -> None:
        """Start the clock: a plain loop runs the task next."""
        self._clock = time.process_time()

    def finish(self, node: Node, manifest: Manifest, *, is_cached: bool) -> None:
        """Stop the clock."""
        self._seconds[manifest.stage] += time.process_time() - self._clock

    def fail(self, node: Node, failure: Failure, *, attempts_left: int) -> None:
        """Say what went wrong."""
        print(failure.detail, file=sys.stderr)


def _no_text(done: Done, name: str) -> InputFile:
    raise AssertionError("there are no texts")


if __name__ == "__main__":
    main()
