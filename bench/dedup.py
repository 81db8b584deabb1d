"""Near-duplicate removal end to end beside datatrove's four MinHash steps, on releases of packages.

Parquet in, Parquet out, one run: bench/release_corpus.py makes the corpus (259 MB, 32,069 files),
datatrove gets two processes and we one. Both outputs are judged alike by the true Jaccard
similarity of the word 5-grams of gristmill.dedup.shingles: a dropped document and the kept one of
its cluster are a false merge below THRESHOLD, and a path whose texts in two releases that follow
each other are at least NEAR alike was missed when both stay. datatrove reads every number as 0;
four of five of its false merges are below the threshold by its own words too. Empty texts it
neither keeps nor drops. Peak memory is that of all processes of a side together, each page shared
out among those that hold it; on a machine that does other work, compare CPU seconds.
The rows named floor are what the parts that no design can leave out take by themselves.
Needs `pip install -e .[peers]` and Linux.
"""

import argparse
import compileall
import json
import shutil
import struct
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import psutil
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from dedup_floor import floor_seconds

import gristmill
from gristmill.dedup.shingles import shingle_column
from gristmill.dedup.verify import jaccard

BENCH = Path(__file__).parent
THRESHOLD = 0.7
NEAR = 0.8
SAMPLE_SECONDS = 0.25


class Cost(NamedTuple):
    """What a command and the processes that it started took together."""

    seconds: float
    cpu_seconds: float
    peak_bytes: int


class Outcome(NamedTuple):
    """What one side did."""

    cost: Cost
    kept: frozenset[str]
    keeper_of: dict[str, str]  # of every dropped document


def main() -> None:
    """Measure, then print a table or, with --json, one object a line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument("--corpus", type=Path, default=Path("build/release-corpus"))
    parser.add_argument("--only", choices=("ours", "peer"), help="leave the other side out")
    given = parser.parse_args()
    command = [sys.executable, BENCH / "release_corpus.py", "--out", given.corpus]
    subprocess.run(command, check=True, stdout=sys.stderr)
    rows = measure(given.corpus, given.only)
    if given.json:
        print("\n".join(json.dumps(row) for row in rows))
        return
    print(f"{'':30}{'ours':>12}{'peer':>12}{'ratio':>10}")
    for row in rows:
        cells = [row[name] for name in ("ours", "peer", "ratio")]
        print(f"{row['name']:30}" + "".join(f"{'' if c is None else c:>12}" for c in cells))


def measure(corpus: Path, only: str | None) -> list[dict[str, str | float | None]]:
    """Return name, ours, peer and ratio (peer by ours) of each figure; null where there is none."""
    files = sorted(corpus.glob("*.parquet"))
    documents = Documents(files)
    figures: dict[str, dict[str, float]] = {"ours": {}, "peer": {}}
    floor: dict[str, float] = {}
    with TemporaryDirectory(dir=corpus.parent) as folder:
        if only != "ours":
            figures["peer"] = documents.judge(run_datatrove(files, Path(folder) / "peer"))
        if only != "peer":
            out = Path(folder) / "ours"
            figures["ours"] = documents.judge(run_ours(files, out))
            floor = floor_seconds(files, sorted(out.glob("kept/*.parquet")))
    rows: list[dict[str, str | float | None]] = []
    for name in {**figures["ours"], **figures["peer"]}:
        ours, peer = figures["ours"].get(name), figures["peer"].get(name)
        ratio = round(peer / ours, 3) if ours and peer is not None else None
        rows.append({"name": f"dedup_{name}", "ours": ours, "peer": peer, "ratio": ratio})
    if floor:
        rows += floor_rows(floor, figures["peer"].get("seconds"))
    return rows


def floor_rows(
    floor: Mapping[str, float], peer: float | None
) -> list[dict[str, str | float | None]]:
    """Return the parts that cannot be left out, and their sum with the peer's ratio to it."""
    total = round(sum(floor.values()), 2)
    rows: list[dict[str, str | float | None]] = [
        {"name": f"dedup_floor_{part}", "ours": round(seconds, 2), "peer": None, "ratio": None}
        for part, seconds in floor.items()
    ]
    ratio = round(peer / total, 3) if peer is not None else None
    return [*rows, {"name": "dedup_floor_seconds", "ours": total, "peer": peer, "ratio": ratio}]


def run_ours(files: Sequence[Path], out: Path) -> Outcome:
    """Run our command on one worker, and read what it kept and dropped.

    Its modules are compiled first, as an installation does and a checkout does not.
    """
    command = [sys.executable, "-m", "gristmill", "dedup", str(files[0].parent / "*.parquet")]
    compileall.compile_dir(Path(gristmill.__file__).parent, quiet=1, maxlevels=3)
    cost = run_measured([*command, "--out", str(out), "--workers", "1"], out)
    dropped = pq.read_table(out / "duplicates.parquet", columns=["id", "keeper"])
    keeper_of = dict(zip(dropped["id"].to_pylist(), dropped["keeper"].to_pylist(), strict=True))
    return Outcome(cost, kept_ids(out), keeper_of)


def run_datatrove(files: Sequence[Path], out: Path) -> Outcome:
    """Run datatrove on two processes, and read its clusters; the kept document is the keeper."""
    command = [sys.executable, str(BENCH / "datatrove_minhash.py"), str(files[0].parent), str(out)]
    cost = run_measured(command, out)
    members = defaultdict(list)
    for task, file in enumerate(files):
        found = out / "clusters" / f"{task:06d}.clusters"
        data = found.read_bytes() if found.exists() else b""
        rows = pq.read_table(file)
        ids = rows.filter(pc.not_equal(rows["text"], ""))["id"].to_pylist()
        for row, cluster in struct.iter_unpack("<2I", data):
            members[cluster].append(ids[row])
    kept = kept_ids(out)
    keeper_of: dict[str, str] = {}
    for cluster_ids in members.values():
        (keeper,) = kept.intersection(cluster_ids)
        keeper_of.update((name, keeper) for name in cluster_ids if name != keeper)
    return Outcome(cost, kept, keeper_of)


def run_measured(command: Sequence[str], out: Path) -> Cost:
    """Run a command twice: once for its time, and once more for its memory.

    To look at the memory of processes stops them each time, by a fifth of the time in all.
    """
    cpu_seconds: dict[int, float] = {}
    start = time.perf_counter()
    _run(command, lambda process: note_cpu(process, cpu_seconds))
    seconds = time.perf_counter() - start
    shutil.rmtree(out)
    peaks = [0]
    _run(command, lambda process: peaks.append(memory(process)))
    return Cost(seconds, sum(cpu_seconds.values()), max(peaks))


def _run(command: Sequence[str], look: Callable[[psutil.Process], None]) -> None:
    """Run a command, and look at it every SAMPLE_SECONDS."""
    with TemporaryFile() as errors:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=errors)
        watched = psutil.Process(process.pid)
        while process.poll() is None:
            look(watched)
            with suppress(subprocess.TimeoutExpired):
                process.wait(SAMPLE_SECONDS)
        if process.returncode:
            errors.seek(0)
            sys.exit(f"{' '.join(command)} failed:\n{errors.read().decode()[-2000:]}")


def note_cpu(process: psutil.Process, cpu_seconds: dict[int, float]) -> None:
    """Note the CPU time of a process and all below it, by their ids."""
    with suppress(psutil.NoSuchProcess):
        for one in [process, *process.children(recursive=True)]:
            with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                times = one.cpu_times()
                cpu_seconds[one.pid] = times.user + times.system


def memory(process: psutil.Process) -> int:
    """Return the bytes of a process and all below it; a page that several hold counts once."""
    num_bytes = 0
    with suppress(psutil.NoSuchProcess):
        for one in [process, *process.children(recursive=True)]:
            with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                num_bytes += one.memory_full_info().pss
    return num_bytes


def kept_ids(out: Path) -> frozenset[str]:
    """Return the ids of the documents that a side has written."""
    tables = [pq.read_table(path, columns=["id"]) for path in sorted(out.glob("kept/*.parquet"))]
    return frozenset(pa.concat_tables(tables)["id"].to_pylist())


class Documents:
    """The corpus as sets of shingles, which both sides are judged by."""

    def __init__(self, files: Sequence[Path]) -> None:
        self.shingles: dict[str, npt.NDArray[np.uint64]] = {}
        self.texts: dict[str, str] = {}
        for file in files:
            table = pq.read_table(file)
            hashes: list[npt.NDArray[np.uint64]] = []
            for batch in shingle_column(table["text"]):
                hashes += np.split(batch.hashes, batch.offsets[1:-1])
            ids = table["id"].to_pylist()
            self.shingles.update(zip(ids, hashes, strict=True))
            self.texts.update(zip(ids, table["text"].to_pylist(), strict=True))
        self.near_pairs = [pair for pair in self.followers() if self.similarity(*pair) >= NEAR]

    def followers(self) -> list[tuple[str, str]]:
        """Return the pairs of documents of one path in releases that follow each other."""
        releases = defaultdict(list)
        for name in self.texts:
            release, path = name.split("/", 1)
            package, version = release.rsplit("-", 1)
            numbers = tuple(int(number) for number in version.split("."))
            releases[package, path].append((numbers, name))
        return [
            (earlier, later)
            for found in releases.values()
            for (_, earlier), (_, later) in pairwise(sorted(found))
        ]

    def similarity(self, left: str, right: str) -> float:
        """Return the true Jaccard similarity of two documents; 1 for equal texts."""
        if self.texts[left] == self.texts[right]:
            return 1.0
        return jaccard(self.shingles[left], self.shingles[right])

    def judge(self, outcome: Outcome) -> dict[str, float]:
        """Return the figures of a side."""
        num_false = sum(self.similarity(*pair) < THRESHOLD for pair in outcome.keeper_of.items())
        num_missed = sum(outcome.kept.issuperset(pair) for pair in self.near_pairs)
        return {
            "seconds": round(outcome.cost.seconds, 2),
            "cpu_seconds": round(outcome.cost.cpu_seconds, 2),
            "peak_megabytes": round(outcome.cost.peak_bytes / 1e6, 1),
            "documents_kept": len(outcome.kept),
            "documents_dropped": len(outcome.keeper_of),
            "clusters": len(set(outcome.keeper_of.values())),
            "false_merges": num_false,
            "false_merge_fraction": round(num_false / max(1, len(outcome.keeper_of)), 5),
            "near_pairs_missed": num_missed,
            "near_pairs_missed_fraction": round(num_missed / len(self.near_pairs), 5),
        }


if __name__ == "__main__":
    main()
