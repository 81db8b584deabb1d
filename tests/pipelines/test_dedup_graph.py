"""Dedup as a graph: the twin's result for any partitions, memory and shards, and what is redone."""

import contextlib
import io
import json
import subprocess
from collections import defaultdict
from collections.abc import Iterable, Mapping
from itertools import combinations
from pathlib import Path
from random import Random

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gristmill.corpus.errors import GristmillError, StorageError
from gristmill.dedup.minhash import MinHashScheme, band_hashes, sign_column
from gristmill.dedup.reference import slow_choose_keepers
from gristmill.dedup.shingles import shingle_hashes
from gristmill.dedup.verify import jaccard
from gristmill.pipelines.build import BuildResult, build
from gristmill.pipelines.executors import LocalExecutor
from gristmill.pipelines.progress import JsonLines
from gristmill.pipelines.stage import Task

RECIPE = """\
name = "dedup"

[[source]]
name = "prose"
kind = "documents"
component = "text"
paths = ["prose/*.jsonl"]
{source}
[rules]
preset = "none"

[dedup]
partitions = {partitions}
memory_bytes = {memory}

[dedup.minhash]
threshold = {threshold}

[mixture]
weights = {{ text = 1.0 }}
total_tokens = 1000000
"""
SCHEME = MinHashScheme()
Verdict = tuple[str | None, bytes | None, float | None]


def make_texts(number: int, *, seed: int, words: int = 120) -> list[str]:
    """Families of texts, each a drift of the last or a copy, so that components are long."""
    random = Random(seed)
    vocabulary = [f"w{seed}x{i}" for i in range(4000)]
    texts: list[str] = []
    text: list[str] = []
    while len(texts) < number:
        kind = random.random()
        if kind < 0.4 or not text:
            text = random.choices(vocabulary, k=words)
        elif kind < 0.85:
            start = random.randrange(words)
            changed = random.randrange(2, 15)
            text = text[:start] + random.choices(vocabulary, k=changed) + text[start + changed :]
        texts.append(" ".join(text))
    return texts


class Prose:
    """A folder of JSON lines with its recipe."""

    def __init__(self, base: Path) -> None:
        self.base = base
        (base / "prose").mkdir(parents=True)

    def write(self, name: str, texts: Mapping[str, str]) -> None:
        lines = [json.dumps({"id": key, "text": text}) for key, text in texts.items()]
        (self.base / "prose" / name).write_text("\n".join(lines) + "\n")

    def recipe(
        self,
        name: str,
        *,
        partitions: int = 2,
        memory: int = 1 << 29,
        threshold: float = 0.7,
        source: str = "",
    ) -> Path:
        path = self.base / f"{name}.toml"
        path.write_text(
            RECIPE.format(partitions=partitions, memory=memory, threshold=threshold, source=source)
        )
        return path

    def build(
        self,
        out: str = "out",
        *,
        partitions: int = 2,
        memory: int = 1 << 29,
        threshold: float = 0.7,
        source: str = "",
    ) -> BuildResult:
        recipe = self.recipe(
            out, partitions=partitions, memory=memory, threshold=threshold, source=source
        )
        result = build(
            str(recipe),
            out=str(self.base / out),
            executor=LocalExecutor(),
            observer=JsonLines(io.StringIO()),
        )
        assert not result.failures, result.failures
        return result

    def ledger(self, out: str = "out") -> dict[bytes, Verdict]:
        return ledger_of(self.base / out)

    def counts(self, stage: str, out: str = "out") -> dict[str, int]:
        """Return the sums of what the last build's tasks of a stage counted."""
        record = json.loads((self.base / out / "build.json").read_text())
        total: dict[str, int] = defaultdict(int)
        for shard, key in record["artifacts"][stage].items():
            path = self.base / out / "work" / stage / shard / f"{key}.json"
            for values in json.loads(path.read_text())["counts"].values():
                for name, value in values.items():
                    total[name] += value
        return dict(total)


def ledger_of(out: Path) -> dict[bytes, Verdict]:
    """Return each document's verdict, keeper and similarity."""
    table = pq.read_table(out / "ledger")
    names = ("dropped_by", "keeper", "similarity")
    rows = zip(*(table[name].to_pylist() for name in names), strict=True)
    return dict(zip(table["doc_id"].to_pylist(), rows, strict=True))


def twin(out: Path) -> dict[bytes, Verdict]:
    """Return each document's verdict, from all pairs that share a band, in memory."""
    table = pa.concat_tables(
        pq.read_table(path) for path in sorted(out.glob("work/read/*/*.parquet"))
    )
    ids, texts = table["doc_id"].to_pylist(), table["text"].to_pylist()
    verdicts: dict[bytes, Verdict] = dict.fromkeys(ids, (None, None, None))
    keepers: dict[str, bytes] = {}
    for item, text in sorted(zip(ids, texts, strict=True)):
        keepers.setdefault(text, item)
    unique = {item: text for text, item in keepers.items()}
    similar = _edges(unique)
    dropped = slow_choose_keepers(similar, lambda item: (0, item))
    for item, (keeper, similarity) in dropped.items():
        verdicts[item] = ("near_duplicate", keeper, float(np.float32(similarity)))
    for item, text in zip(ids, texts, strict=True):
        keeper = keepers[text]
        if keeper != item:
            followed = verdicts[keeper] if verdicts[keeper][0] else ("exact_duplicate", keeper, 1.0)
            verdicts[item] = followed
    return verdicts


def _edges(texts: Mapping[bytes, str]) -> list[tuple[bytes, bytes, float]]:
    signed = sign_column(pa.chunked_array([pa.array(texts.values(), pa.large_string())]), SCHEME)
    buckets = defaultdict(list)
    for item, hashes in zip(texts, band_hashes(signed.values, SCHEME).tolist(), strict=True):
        for band_hash in hashes:
            buckets[band_hash].append(item)
    pairs = {pair for bucket in buckets.values() for pair in combinations(sorted(bucket), 2)}
    sets = {item: shingle_hashes(texts[item]) for pair in pairs for item in pair}
    measured = [(a, b, jaccard(sets[a], sets[b])) for a, b in sorted(pairs)]
    return [edge for edge in measured if edge[2] >= SCHEME.threshold]


def numbered(texts: Iterable[str], prefix: str = "t") -> dict[str, str]:
    return {f"{prefix}{i}": text for i, text in enumerate(texts)}


@pytest.fixture
def prose(tmp_path: Path) -> Prose:
    return Prose(tmp_path)


def test_any_partitions_memory_and_shards_give_what_the_twin_gives(prose: Prose) -> None:
    texts = list(numbered(make_texts(600, seed=1)).items())
    for part in range(4):
        prose.write(f"{part}.jsonl", dict(texts[part::4]))
    prose.build("one", partitions=1)
    expected = twin(prose.base / "one")
    reasons = [reason for reason, _, _ in expected.values()]
    assert {reasons.count(kind) > 20 for kind in ("exact_duplicate", "near_duplicate")} == {True}
    assert prose.ledger("one") == expected
    prose.build("many", partitions=5, memory=1 << 20)
    assert prose.ledger("many") == expected
    prose.build("hashed", partitions=3, source="shards = 3\n")
    assert prose.ledger("hashed") == expected


def test_the_order_of_the_input_changes_nothing(prose: Prose, tmp_path: Path) -> None:
    texts = list(numbered(make_texts(150, seed=2)).items())
    prose.write("a.jsonl", dict(texts))
    prose.build()
    other = Prose(tmp_path / "other")
    other.write("a.jsonl", dict(reversed(texts)))
    other.build()
    assert other.ledger() == prose.ledger()


def test_memory_is_no_part_of_a_key(prose: Prose) -> None:
    prose.write("a.jsonl", numbered(make_texts(400, seed=3)))
    first = prose.build("out", memory=1 << 29)
    assert first.num_ran > 0
    assert prose.build("out", memory=1 << 20).num_ran == 0


def test_spilled_exchanges_have_the_same_bytes(prose: Prose) -> None:
    prose.write("a.jsonl", numbered(make_texts(900, seed=4)))
    prose.build("roomy")
    prose.build("tight", memory=1 << 20)
    keys = [
        json.loads((prose.base / out / "build.json").read_text())["artifacts"]
        for out in ("roomy", "tight")
    ]
    assert keys[0] == keys[1]
    for stage in ("bands", "candidates", "pairs", "near", "label", "cluster", "fates"):
        for shard, key in keys[0][stage].items():
            files = [
                prose.base / out / "work" / stage / shard / f"{key}.parquet"
                for out in ("roomy", "tight")
            ]
            assert files[0].read_bytes() == files[1].read_bytes(), stage


def test_one_percent_more_documents_cost_their_own_pairs_only(prose: Prose) -> None:
    old = make_texts(500, seed=5)
    prose.write("a.jsonl", numbered(old))
    prose.build()
    before = prose.counts("near")
    near_copies = [f"{text} and more" for text in old[::100]]
    prose.write("b.jsonl", numbered(near_copies, "new"))
    prose.build()
    after = prose.counts("near")
    assert before["copied"] == 0
    assert after["copied"] == before["measured"]
    assert 5 <= after["measured"] < before["measured"]
    assert prose.counts("sign") == {"signed": 505, "copied": 0}
    prose.build("clean")
    for path in sorted((prose.base / "clean/ledger").iterdir()):
        assert path.read_bytes() == (prose.base / "out/ledger" / path.name).read_bytes()
    assert prose.ledger() == twin(prose.base / "out")


def test_documents_in_a_file_that_grew_are_signed_once(prose: Prose) -> None:
    texts = make_texts(300, seed=6, words=9000)
    prose.write("a.jsonl", numbered(texts))
    prose.build()
    assert prose.counts("sign")["copied"] == 0
    prose.write("a.jsonl", numbered([*texts, "a new one at the end of the file, of some words"]))
    prose.build()
    counts = prose.counts("sign")
    assert counts["signed"] + counts["copied"] == 301
    assert counts["copied"] >= 150  # what shares no row group with the new one


def test_another_threshold_measures_nothing_again(prose: Prose) -> None:
    prose.write("a.jsonl", numbered(make_texts(300, seed=7)))
    prose.build()
    stages = ("sign", "bands", "candidates", "pairs", "near")
    before = json.loads((prose.base / "out/build.json").read_text())["artifacts"]
    loose = sum(reason == "near_duplicate" for reason, _, _ in prose.ledger().values())
    prose.build(threshold=0.85)
    after = json.loads((prose.base / "out/build.json").read_text())["artifacts"]
    assert [after[stage] for stage in stages] == [before[stage] for stage in stages]
    strict = [
        likeness for reason, _, likeness in prose.ledger().values() if reason == "near_duplicate"
    ]
    assert 0 < len(strict) < loose
    assert all(likeness is not None and likeness >= 0.85 for likeness in strict)


def test_gathered_texts_do_not_stay(prose: Prose) -> None:
    prose.write("a.jsonl", numbered(make_texts(100, seed=8)))
    prose.build()
    left = [
        p for stage in ("gather", "unknown") for p in (prose.base / "out/work" / stage).rglob("*.*")
    ]
    assert [path for path in left if path.is_file()] == []
    assert not list((prose.base / "out").rglob("*.partial"))


@pytest.mark.parametrize("stage", ["bands", "candidates", "pairs", "near", "label", "cluster"])
def test_a_cut_off_file_of_an_exchange_is_made_again_alone(prose: Prose, stage: str) -> None:
    prose.write("a.jsonl", numbered(make_texts(120, seed=9)))
    prose.build()
    expected = prose.ledger()
    path = sorted((prose.base / "out/work" / stage).rglob("*.parquet"))[0]
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    result = prose.build()
    assert path.read_bytes() == whole
    assert result.num_ran == 1
    assert prose.ledger() == expected


def test_damage_inside_a_file_is_found_by_its_page_checksums(prose: Prose) -> None:
    prose.write("a.jsonl", numbered(make_texts(120, seed=10)))
    prose.build()
    path = sorted((prose.base / "out/work/bands").rglob("*.parquet"))[0]
    data = bytearray(path.read_bytes())
    data[len(data) // 3] ^= 1
    path.write_bytes(data)
    with pytest.raises((OSError, pa.ArrowException), match=r"[Cc]orrupt|checksum|CRC"):
        pq.read_table(path, page_checksum_verification=True)


class FillsDisk(JsonLines):
    """Leaves no room on a disk as soon as a stage starts."""

    def __init__(self, disk: Path, stage: str) -> None:
        self.stream = io.StringIO()
        super().__init__(self.stream)
        self.filler = disk / "filler"
        self.stage = stage

    def start(self, task: Task, key: str) -> None:
        if task.stage.name == self.stage and not self.filler.exists():
            with contextlib.suppress(OSError), self.filler.open("wb", buffering=0) as file:
                while True:
                    file.write(bytes(1 << 16))
        super().start(task, key)


@pytest.mark.system  # mounts a disk, which only root may
@pytest.mark.parametrize("stage", ["candidates", "gather", "near", "large_star"])
def test_a_disk_that_fills_up_in_an_exchange_costs_that_task_only(
    tmp_path: Path, stage: str
) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=32m", "tmpfs", str(disk)], check=True)
    try:
        prose = Prose(disk / "prose")
        prose.write("a.jsonl", numbered(make_texts(400, seed=11)))
        observer = FillsDisk(disk, stage)
        recipe = prose.recipe("out", memory=1 << 20)
        with pytest.raises(StorageError, match="No space left on device"):
            build(str(recipe), out=str(disk / "out"), executor=LocalExecutor(), observer=observer)
        assert f'"failed","stage":"{stage}"' in observer.stream.getvalue()
        assert not list((disk / "out").rglob("*.partial"))
        observer.filler.unlink()
        before = {path: path.stat().st_mtime_ns for path in (disk / "out/work").rglob("*.parquet")}
        calm = JsonLines(io.StringIO())
        result = build(str(recipe), out=str(disk / "out"), executor=LocalExecutor(), observer=calm)
        assert not result.failures
        after = {path: path.stat().st_mtime_ns for path in before if path.exists()}
        assert {path: before[path] for path in after} == after
        assert len(after) > 5
        prose.build("clean")
        assert ledger_of(disk / "out") == prose.ledger("clean")
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_too_little_memory_is_an_error_that_says_how_much(prose: Prose) -> None:
    prose.write("a.jsonl", {"a": "b"})
    with pytest.raises(GristmillError, match="memory_bytes must be at least 1048576"):
        prose.build(memory=1000)
