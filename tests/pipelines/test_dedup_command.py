"""`gristmill dedup`: what it keeps, what it says of the rest, what it redoes, and its errors."""

import io
import json
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from random import Random

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gristmill.pipelines import dedup_inputs
from gristmill.pipelines.artifact import Manifest
from gristmill.pipelines.cli import main
from gristmill.pipelines.dedup_command import published_artifacts
from gristmill.pipelines.dedup_listing import write_listing
from gristmill.pipelines.stages.scan import Repeats
from gristmill.pipelines.store import open_store

Rows = list[tuple[str | None, str | None]]
SCHEMA = pa.schema(
    [
        pa.field("id", pa.string()),
        pa.field("text", pa.string(), metadata={"unit": "page"}),
        pa.field("tags", pa.list_(pa.struct([("name", pa.string())]))),
    ],
    metadata={"made by": "a test"},
)


def gristmill(*arguments: object) -> tuple[int, str, str]:
    """Run the program in this process; return its status and what it prints to both streams."""
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.setattr(sys, "argv", ["gristmill", *map(str, arguments)])
        with pytest.raises(SystemExit) as exit_info:
            main()
    assert isinstance(exit_info.value.code, int)
    return exit_info.value.code, out.getvalue(), err.getvalue()


def dedup(out: Path, *arguments: object) -> str:
    """Run the command and return what it prints."""
    status, printed, errors = gristmill("dedup", *arguments, "--out", out)
    assert status == 0, printed + errors
    return printed


def make_rows(number: int, *, seed: int) -> Rows:
    """Texts of which a third are copies or near-copies of others, some cut short."""
    random = Random(seed)
    rows: Rows = []
    for i in range(number):
        text = " ".join(f"w{random.randrange(5000)}" for _ in range(80))
        if rows and random.random() < 0.35:
            words = str(random.choice(rows)[1]).split()
            text = " ".join(words[: len(words) - random.randrange(9)])
        rows.append((f"r{i}", text))
    return rows


def write(path: Path, rows: Iterable[tuple[str | None, str | None]]) -> Path:
    ids, texts = zip(*rows, strict=True)
    tags = [[{"name": str(i)}] for i in range(len(ids))]
    table = pa.table([ids, texts, tags], schema=SCHEMA)
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path, row_group_size=40, compression="snappy")
    return path


def kept_ids(out: Path) -> list[str]:
    return sorted(pq.read_table(out / "kept", columns=["id"])["id"].to_pylist())


def listing(out: Path) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = pq.read_table(out / "duplicates.parquet").to_pylist()
    return rows


def published(out: Path) -> Mapping[str, bytes]:
    paths = [out / "duplicates.parquet", out / "dedup.json", *sorted(out.glob("kept/*"))]
    return {str(path.relative_to(out)): path.read_bytes() for path in paths}


def test_kept_files_are_the_input_without_the_rows_that_are_listed(tmp_path: Path) -> None:
    for part in range(2):
        write(tmp_path / f"in/{part}.parquet", make_rows(240, seed=1)[part::2])
    dedup(tmp_path / "out", tmp_path / "in/*.parquet", "--partitions", 2)
    dropped = listing(tmp_path / "out")
    assert {row["reason"] for row in dropped} == {"exact_duplicate", "near_duplicate"}
    total = 0
    for path in sorted((tmp_path / "in").iterdir()):
        table, kept = pq.read_table(path), pq.read_table(tmp_path / "out/kept" / path.name)
        gone = [row["row"] for row in dropped if row["file"] == path.name]
        assert kept.equals(table.take([i for i in range(120) if i not in gone]))
        assert kept.schema.equals(table.schema, check_metadata=True)
        total += len(gone)
    assert total == len(dropped) > 40


def test_a_duplicate_names_its_row_its_keeper_and_how_alike_they_are(tmp_path: Path) -> None:
    words = [f"word{i}" for i in range(60)]
    whole, cut = " ".join(words), " ".join(words[:50])
    path = write(tmp_path / "a.parquet", [("cut", cut), ("whole", whole), ("same", whole)])
    dedup(tmp_path / "out", path)
    assert len(kept_ids(tmp_path / "out")) == 1
    (keeper,) = kept_ids(tmp_path / "out")
    assert keeper in ("whole", "same")  # the longer text is preferred
    place = {"keeper": keeper, "keeper_file": "a.parquet", "keeper_row": 1 + (keeper == "same")}
    copy = {"whole": "same", "same": "whole"}[keeper]
    near = {"reason": "near_duplicate", "similarity": pytest.approx(46 / 56)}
    exact = {"reason": "exact_duplicate", "similarity": 1.0}
    assert listing(tmp_path / "out") == [
        {"id": "cut", "file": "a.parquet", "row": 0, **place, **near},
        {"id": copy, "file": "a.parquet", "row": 1 + (copy == "same"), **place, **exact},
    ]


def test_the_listing_is_the_same_where_memory_does_not_suffice_for_it(tmp_path: Path) -> None:
    out = tmp_path / "out"
    files = [write(tmp_path / f"{i}.parquet", make_rows(120, seed=i)) for i in (1, 2)]
    dedup(out, *files)
    with open_store(str(out)) as store:
        found: dict[str, dict[str, Manifest]] = {}
        for stage, shards in published_artifacts(str(out)).items():
            for shard, key in shards.items():
                manifest = store.load(stage, shard, key)
                assert manifest is not None
                found.setdefault(stage, {})[shard] = manifest
        write_listing(store, found, tmp_path / "disk.parquet", memory_bytes=0)
    expected = pq.read_table(out / "duplicates.parquet")
    assert expected.num_rows > 30
    assert pq.read_table(tmp_path / "disk.parquet").equals(expected)


def test_rows_without_a_text_stay_and_empty_texts_are_copies(tmp_path: Path) -> None:
    rows: Rows = [("a", None), ("b", ""), ("c", "x"), ("d", None), (None, None), ("e", "x")]
    dedup(tmp_path / "out", write(tmp_path / "a.parquet", rows))
    kept = pq.read_table(tmp_path / "out/kept/a.parquet")["text"].to_pylist()
    assert sorted(kept, key=str) == ["", None, None, None, "x"]


def test_rows_that_repeat_even_their_id_are_left_once(tmp_path: Path) -> None:
    ids_start_anew = [("0", "one text"), ("1", "another text"), ("0", "one text"), (None, "x")]
    for name in ("a", "b"):
        write(tmp_path / f"in/{name}.parquet", [*ids_start_anew, (None, "x")])
    dedup(tmp_path / "out", tmp_path / "in/*.parquet")
    kept = pq.read_table(tmp_path / "out/kept")["text"].to_pylist()
    assert sorted(kept) == ["another text", "one text", "x"]
    dropped = listing(tmp_path / "out")
    assert len(dropped) == 7
    assert len({(row["file"], row["row"]) for row in dropped}) == 7
    kept_places = {(row["keeper_file"], row["keeper_row"]) for row in dropped}
    assert len(kept_places) == 3
    assert not kept_places & {(row["file"], row["row"]) for row in dropped}


def test_a_second_run_has_nothing_to_do_and_one_more_file_is_all_that_is_read(
    tmp_path: Path,
) -> None:
    rows, out = make_rows(300, seed=2), tmp_path / "out"
    write(tmp_path / "in/a.parquet", rows[:280])
    first = dedup(out, tmp_path / "in/*.parquet")
    before = published(out)
    assert "ran, 0 already done" in first
    assert dedup(out, tmp_path / "in/*.parquet").startswith(f"{out}: nothing to do. 280 rows")
    assert published(out) == before
    write(tmp_path / "in/b.parquet", rows[280:])
    scanned = {path: path.stat().st_mtime_ns for path in out.glob("work/scan/*/*")}
    dedup(out, tmp_path / "in/*.parquet")
    now = {path: path.stat().st_mtime_ns for path in out.glob("work/scan/*/*")}
    assert {path.parent.name for path in now.keys() - scanned.keys()} == {"b.parquet"}
    assert {path: now[path] for path in scanned} == scanned
    dedup(tmp_path / "clean", tmp_path / "in/*.parquet")
    assert published(out) == published(tmp_path / "clean")


def test_a_file_that_is_no_longer_named_leaves_the_output(tmp_path: Path) -> None:
    paths = [write(tmp_path / f"{name}.parquet", [(name, "one text")]) for name in "ab"]
    dedup(tmp_path / "out", *paths)
    dedup(tmp_path / "out", paths[1])
    assert [path.name for path in (tmp_path / "out/kept").iterdir()] == ["b.parquet"]
    assert kept_ids(tmp_path / "out") == ["b"]
    assert listing(tmp_path / "out") == []


def test_order_of_rows_files_and_partitions_keep_the_same_ids(tmp_path: Path) -> None:
    rows = make_rows(300, seed=3)
    dedup(tmp_path / "one", write(tmp_path / "all.parquet", rows))
    Random(4).shuffle(rows)
    for part in range(3):
        write(tmp_path / f"in/{part}.parquet", rows[part::3])
    dedup(tmp_path / "many", tmp_path / "in/*.parquet", "--partitions", 3)
    assert kept_ids(tmp_path / "many") == kept_ids(tmp_path / "one")
    facts = [
        {(row["id"], row["keeper"], row["similarity"]) for row in listing(tmp_path / name)}
        for name in ("one", "many")
    ]
    assert facts[0] == facts[1]
    assert len(facts[0]) > 50


@given(st.lists(st.lists(st.integers(0, 5), max_size=9), max_size=9))
def test_repeats_are_counted_over_all_calls(batches: list[list[int]]) -> None:
    repeats, before = Repeats(), Counter[int]()
    for batch in batches:
        expected = []
        for number in batch:
            expected.append(before[number])
            before[number] += 1
        assert repeats.count(np.array(batch, dtype=np.uint64)).tolist() == expected


def test_other_columns_are_named_by_options(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"n": [7, 8, 9], "body": ["a b", "a b", "c d"]}), path)
    dedup(tmp_path / "rows", path, "--text-field", "body")
    (row,) = listing(tmp_path / "rows")
    assert {row["id"], row["keeper"]} == {"a.parquet:0", "a.parquet:1"}
    options = ["--text-field", "body", "--id-field", "n"]
    shown = json.loads(dedup(tmp_path / "named", path, *options, "--json"))
    assert (shown["record"]["rows"], shown["record"]["kept"]) == (3, 2)
    (row,) = listing(tmp_path / "named")
    assert {row["id"], row["keeper"]} == {"7", "8"}


def test_id_names_rows_where_all_files_have_it(tmp_path: Path) -> None:
    named = write(tmp_path / "named.parquet", [("x", "one text")])
    pq.write_table(pa.table({"text": ["one text"]}), tmp_path / "plain.parquet")
    dedup(tmp_path / "out", named, tmp_path / "plain.parquet")
    (row,) = listing(tmp_path / "out")
    assert {row["id"], row["keeper"]} == {"named.parquet:0", "plain.parquet:0"}


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["none*.parquet"], 2, "none*.parquet: no file matches"),
        (["a.parquet", "other/a.parquet"], 2, "two files are called a.parquet"),
        (["a.parquet", "--text-field", "body"], 2, "there is no column `body`. It has: id, text"),
        (["a.parquet", "--id-field", "key"], 2, "there is no column `key`"),
        (["a.parquet", "--text-field", "tags"], 2, "column `tags` holds list"),
        (["a.parquet", "--id-field", "tags"], 2, "column `tags` holds list"),
        (["a.parquet", "notes.txt"], 2, "notes.txt: not a Parquet file"),
        (["a.parquet", "cut.parquet"], 1, "cut.parquet: the Parquet file is damaged or cut off"),
        (["a.parquet", "--threshold", "7"], 2, "threshold is 7"),
        (["a.parquet", "--partitions", "0"], 2, "partitions must lie between 1 and 4096"),
        (["a.parquet", "--memory-bytes", "9"], 2, "memory_bytes must be at least"),
    ],
)
def test_an_error_says_what_is_wrong_and_where(
    tmp_path: Path, arguments: Sequence[str], status: int, message: str
) -> None:
    path = write(tmp_path / "a.parquet", [("1", "some text")])
    write(tmp_path / "other/a.parquet", [("2", "some text")])
    (tmp_path / "notes.txt").write_text("id,text\n1,some text\n")
    (tmp_path / "cut.parquet").write_bytes(path.read_bytes()[:-9])
    given = [tmp_path / name if "." in name else name for name in arguments]
    found, printed, errors = gristmill("dedup", *given, "--out", tmp_path / "out")
    assert (found, printed) == (status, "")
    assert message in errors
    assert errors.count("\n") == 1
    assert not (tmp_path / "out/kept").exists()


def test_gc_removes_what_other_settings_left_and_nothing_that_is_needed(tmp_path: Path) -> None:
    out, path = tmp_path / "out", write(tmp_path / "a.parquet", make_rows(60, seed=6))
    dedup(out, path)
    needed = set(out.rglob("*.*"))
    dedup(out, path, "--threshold", "0.9")
    dedup(out, path)
    status, printed, _ = gristmill("gc", out)
    assert status == 0
    assert " 0 files" not in printed
    assert {path for path in out.rglob("*.*") if path.is_file()} <= needed
    assert dedup(out, path).startswith(f"{out}: nothing to do")


def test_a_record_that_cannot_be_read_is_an_error_that_names_it(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", [("1", "some text")])
    dedup(tmp_path / "out", path)
    (tmp_path / "out/dedup.json").write_text('{"of": "another version"}')
    for command in (["dedup", path, "--out", tmp_path / "out"], ["gc", tmp_path / "out"]):
        status, _, errors = gristmill(*command)
        assert status == 2
        assert "dedup.json: cannot be read: " in errors
    assert list(tmp_path.glob("out/work/scan/*/*.parquet"))


def test_a_killed_run_goes_on_and_ends_with_the_same_bytes(tmp_path: Path) -> None:
    for part in range(4):
        write(tmp_path / f"in/{part}.parquet", make_rows(1200, seed=5)[part::4])
    files, out = tmp_path / "in/*.parquet", tmp_path / "out"
    dedup(tmp_path / "clean", files, "--partitions", 2)
    arguments = ["dedup", str(files), "--partitions", "2", "--out", str(out)]
    command = [sys.executable, "-m", "gristmill", *arguments]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as run:
        while run.poll() is None and not list(out.glob("work/bands/*/*.json")):
            time.sleep(0.002)
        run.send_signal(signal.SIGKILL)
    assert run.returncode == -signal.SIGKILL
    assert not (out / "dedup.json").exists()
    cached = json.loads(dedup(out, files, "--partitions", 2, "--json"))["num_cached"]
    assert cached >= 5
    assert published(out) == published(tmp_path / "clean")


def test_partitions_grow_with_the_input_in_powers_of_two(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(5):
        pq.write_table(pa.table({"text": [f"text {number}"]}), tmp_path / f"{number}.parquet")
    size = (tmp_path / "0.parquet").stat().st_size
    monkeypatch.setattr(dedup_inputs, "PARTITION_BYTES", size)
    for number in range(1, 6):
        files = [str(tmp_path / f"{i}.parquet") for i in range(number)]
        assert dedup_inputs.default_partitions(files) == (1, 2, 4, 4, 8)[number - 1]


def test_threads_give_the_bytes_of_a_plain_loop(tmp_path: Path) -> None:
    texts = [" ".join(f"w{(i * 7 + j) % 90}" for j in range(60)) for i in range(80)]
    for number in range(4):
        rows = {"id": [f"{number}-{i}" for i in range(20)], "text": texts[number * 20 :][:20]}
        pq.write_table(pa.table(rows), tmp_path / f"{number}.parquet")
    for workers in ("1", "3"):
        options = ("--workers", workers, "--partitions", "2")
        dedup(tmp_path / f"out{workers}", tmp_path / "*.parquet", *options)
    files = sorted(
        path.relative_to(tmp_path / "out1") for path in (tmp_path / "out1").glob("[dk]*/*.parquet")
    )
    assert len(files) == 4
    for path in files:
        assert (tmp_path / "out1" / path).read_bytes() == (tmp_path / "out3" / path).read_bytes()
