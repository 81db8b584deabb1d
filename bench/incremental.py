"""What 1 % of new documents cost `gristmill dedup`, beside a clean run over everything.

The corpus is that of bench/release_corpus.py: several releases of the same packages, 244 MB. One
document in a hundred, drawn by the digest of its id, is taken out and comes later as a file of its
own. Three runs, each in this process on one core: the old documents, the new file as well, and
everything anew in another folder; the last two must publish the same bytes. `ours` is the second
run, `peer` the clean one, `ratio` the first by the other; times are CPU seconds, and `outside` is
what no task took: digests of inputs, the graph, and publication.
"""

import argparse
import json
import platform
import subprocess
import sys
import time
from collections import Counter, defaultdict
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from gristmill.corpus.ids import seeded_hash
from gristmill.pipelines.artifact import Manifest
from gristmill.pipelines.dedup_command import DedupResult, dedup_files, dedup_settings
from gristmill.pipelines.engine import Node
from gristmill.pipelines.executors import LocalExecutor
from gristmill.pipelines.stage import Failure, Task

BENCH = Path(__file__).parent
SHARE = 100  # one document in so many is new

Row = dict[str, str | float]


def main() -> None:
    """Measure, then print a table or, with --json, one object a line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument("--corpus", type=Path, default=Path("build/release-corpus"))
    parser.add_argument("--partitions", type=int, default=4)
    given = parser.parse_args()
    command = [sys.executable, BENCH / "release_corpus.py", "--out", given.corpus]
    subprocess.run(command, check=True, stdout=sys.stderr)
    with TemporaryDirectory(dir=given.corpus.parent, prefix="incremental.") as folder:
        rows = measure(given.corpus, Path(folder), given.partitions)
    if given.json:
        print("\n".join(json.dumps(row) for row in rows))
        return
    print(f"Python {platform.python_version()}, {platform.machine()}, 1 core")
    print(f"{'':36}{'1 % more':>12}{'clean':>12}{'ratio':>9}")
    for row in rows:
        print("{name:36}{ours:12,.6g}{peer:12,.6g}{ratio:9.3f}".format_map(row))


def measure(corpus: Path, folder: Path, partitions: int) -> list[Row]:
    """Return name, ours (second run), peer (clean run) and ratio of each figure."""
    old, new = split(corpus, folder / "input")
    first = Clock().run(old, folder / "out", partitions)
    second = Clock().run([*old, new], folder / "out", partitions)
    clean = Clock().run([*old, new], folder / "clean", partitions)
    published = [
        {path.name: path.read_bytes() for path in folder.glob(f"{name}/{part}.parquet")}
        for name in ("out", "clean")
        for part in ("kept/*", "duplicates")
    ]
    assert published[:2] == published[2:], "the second run has published other bytes"
    assert len(published[0]) == len(old) + 1
    for name, clock in (("first", first), ("second", second), ("clean", clean)):
        shown = ", ".join(f"{key} {value:,.6g}" for key, value in clock.figures().items())
        print(f"{name}: {shown}", file=sys.stderr)
    ours, peer = second.figures(), clean.figures()
    return [
        {
            "name": f"incremental_{name}",
            "ours": round(ours.get(name, 0), 3),
            "peer": round(value, 3),
            "ratio": round(ours.get(name, 0) / value, 4) if value else 0.0,
        }
        for name, value in peer.items()
    ]


def split(corpus: Path, folder: Path) -> tuple[list[Path], Path]:
    """Write the corpus without what is new, file by file, and what is new."""
    folder.mkdir()
    added, old = [], []
    for path in sorted(corpus.glob("*.parquet")):
        table = pq.read_table(path)
        ids = table["id"].to_pylist()
        is_new = pa.array([seeded_hash("new", 0, name.encode()) % SHARE == 0 for name in ids])
        added.append(table.filter(is_new))
        old.append(folder / path.name)
        pq.write_table(table.filter(pa.compute.invert(is_new)), old[-1], compression="zstd")
    pq.write_table(pa.concat_tables(added), folder / "new.parquet", compression="zstd")
    return old, folder / "new.parquet"


class Clock:
    """Observes a run: what ran, and how much CPU each stage took."""

    def __init__(self) -> None:
        """Start with nothing."""
        self._started = 0.0
        self._total = 0.0
        self._seconds: dict[str, float] = defaultdict(float)
        self._counts: Counter[str] = Counter()

    def run(self, files: list[Path], out: Path, partitions: int) -> "Clock":
        """Run the command's function, and return this observer."""
        settings = dedup_settings(threshold=None, partitions=partitions, memory_bytes=None)
        started = time.process_time()
        result: DedupResult = dedup_files(
            [str(path) for path in files],
            out=str(out),
            settings=settings,
            text_field="text",
            id_field=None,
            executor=LocalExecutor(),
            observer=self,
        )
        self._total = time.process_time() - started
        assert result.record is not None, result.failures
        print(msgspec.json.encode(result.record.kept).decode(), "rows kept", file=sys.stderr)
        return self

    def figures(self) -> dict[str, float]:
        """Return counts, then CPU seconds: all, by stage, and outside of tasks."""
        names = ("tasks_run", "documents_signed", "pairs_measured", "pairs_copied")
        stages = dict(sorted(self._seconds.items(), key=lambda item: -item[1]))
        return {
            **{name: self._counts[name] for name in names},
            "cpu_seconds": self._total,
            **{f"cpu_{stage}": seconds for stage, seconds in stages.items()},
            "cpu_outside": self._total - sum(stages.values()),
        }

    def begin(self, num_nodes: int) -> None:
        """Say nothing."""

    def start(self, task: Task, key: str) -> None:
        """Start the clock: a plain loop runs the task next."""
        self._started = time.process_time()

    def finish(self, node: Node, manifest: Manifest, *, is_cached: bool) -> None:
        """Stop the clock, and count."""
        if is_cached:
            return
        self._seconds[manifest.stage] += time.process_time() - self._started
        self._counts["tasks_run"] += 1
        self._counts["documents_signed"] += manifest.rows if manifest.stage == "scan" else 0
        for name, number in manifest.counts.get("pairs", {}).items():
            self._counts[f"pairs_{name}"] += number

    def fail(self, node: Node, failure: Failure, *, attempts_left: int) -> None:
        """Say what went wrong."""
        print(failure.detail, file=sys.stderr)


if __name__ == "__main__":
    main()
