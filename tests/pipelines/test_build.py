"""The promises of a build: same bytes on every path, nothing twice, nothing lost."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pyarrow.parquet as pq
import pytest

from gristmill.corpus.errors import GristmillError
from gristmill.corpus.token_rates import estimate_tokens
from gristmill.pipelines.build import BuildResult, build, remembered_recipe
from gristmill.pipelines.engine import make_executor
from gristmill.pipelines.executors import LocalExecutor
from gristmill.pipelines.plan import Plan, plan
from gristmill.pipelines.progress import JsonLines
from gristmill.pipelines.summary import plan_text

if TYPE_CHECKING:
    from ..conftest import Corpus

HASKELL_80 = "[rules.max_line_length.languages]\nHaskell = { max = 500 }"


def run(corpus: "Corpus", out: Path | None = None, workers: int = 0) -> BuildResult:
    executor = LocalExecutor() if workers == 0 else make_executor(workers=workers, address=None)
    return build(
        str(corpus.recipe),
        out=str(out or corpus.out),
        executor=executor,
        observer=JsonLines(sys.stderr),
    )


def planned(corpus: "Corpus") -> Plan:
    return plan(str(corpus.recipe), out=str(corpus.out), executor=LocalExecutor())


def test_second_build_runs_nothing(corpus: "Corpus") -> None:
    first = run(corpus)
    before = corpus.files()
    second = run(corpus)
    assert first.num_ran > 0
    assert second.num_ran == 0
    assert second.published.written == ()
    assert corpus.files() == before


@pytest.mark.parametrize("workers", [1, 2])
def test_ray_gives_the_bytes_of_the_plain_loop(corpus: "Corpus", workers: int) -> None:
    run(corpus)
    run(corpus, corpus.base / "ray", workers=workers)
    assert corpus.files() == corpus.files(corpus.base / "ray")


def test_incremental_build_equals_a_clean_one(corpus: "Corpus") -> None:
    run(corpus)
    corpus.write(rules=HASKELL_80)
    run(corpus)
    run(corpus, corpus.base / "clean")
    assert corpus.files() == corpus.files(corpus.base / "clean")


def test_new_threshold_of_one_language_rewrites_its_shards_only(corpus: "Corpus") -> None:
    run(corpus)
    before = corpus.files()
    corpus.write(rules=HASKELL_80)
    result = run(corpus)
    tokens = [path for path in result.published.written if path.startswith("tokens/")]
    assert tokens
    assert all(path.startswith("tokens/code/Haskell/") for path in tokens)
    changed = {path for path, data in corpus.files().items() if before.get(path) != data}
    assert {path for path in changed if path.startswith("tokens/")} == set(tokens)


def test_plan_names_the_shards_and_tokens_that_the_build_then_changes(corpus: "Corpus") -> None:
    before = run(corpus).record
    corpus.write(rules=HASKELL_80)
    expected = planned(corpus)
    assert planned(corpus) == expected
    result = run(corpus)
    assert expected.is_exact
    named = {shard.path for shard in expected.shards}
    moved = {*result.published.written, *result.published.removed}
    assert named == {path for path in moved if path.startswith("tokens/")}
    assert before is not None
    assert result.record is not None
    (change,) = expected.languages
    assert change.language == "Haskell"
    assert change.tokens_before == before.totals.by["language"]["Haskell"][1]
    assert change.tokens_after == result.record.totals.by["language"]["Haskell"][1]


def test_new_threshold_reads_no_text(corpus: "Corpus") -> None:
    run(corpus)
    corpus.write(rules=HASKELL_80)
    stages = {task.stage for task in (*planned(corpus).done, *planned(corpus).tasks)}
    assert not stages & {"read", "language", "measure", "sign"}


def test_plan_of_a_new_source_says_that_it_must_be_read(corpus: "Corpus") -> None:
    run(corpus)
    (corpus.base / "prose/more.jsonl").write_text('{"text": "one more page of prose"}\n')
    found = planned(corpus)
    assert not found.is_exact
    assert {task.stage for task in found.tasks} == {"read"}
    assert len(found.unknown) == 1


def test_a_first_plan_says_the_tokens_that_the_recipe_expects(corpus: "Corpus") -> None:
    corpus.write(extra="[expect.prose]\ndocuments = 9\ntext_bytes = 1_000_000\n")
    first = planned(corpus)
    assert first.expected_tokens == {"prose": estimate_tokens("en", 1_000_000)}
    assert f"expects {first.expected_tokens['prose']:,} tokens of prose." in plan_text(first)
    run(corpus)
    (corpus.base / "prose/more.jsonl").write_text('{"text": "one more page of prose"}\n')
    assert planned(corpus).expected_tokens == {}


def test_changed_repository_changes_only_its_own_languages(corpus: "Corpus") -> None:
    run(corpus)
    path = corpus.base / "repositories/cyd__tools/main.c"
    path.write_text("int main(void) { return 1; }\n")
    subprocess.run(
        ["git", "-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qam", "two"],
        cwd=path.parent,
        check=True,
    )
    written = run(corpus).published.written
    languages = {path.split("/")[2] for path in written if path.startswith("tokens/")}
    assert languages >= {"C"}
    assert "Haskell" not in languages
    assert "en" not in languages


def test_killed_build_goes_on_and_gives_the_same_bytes(corpus: "Corpus") -> None:
    run(corpus, corpus.base / "clean")
    command = [sys.executable, "-m", "gristmill", "build", str(corpus.recipe), "--out"]
    process = subprocess.Popen(
        [*command, str(corpus.out), "--workers", "0"], stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    for _ in range(12):
        process.stderr.readline()
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stderr.close()
    assert not (corpus.out / "build.json").exists()
    resumed = run(corpus)
    assert resumed.num_cached >= 11
    assert corpus.files() == corpus.files(corpus.base / "clean")


def test_ctrl_c_leaves_a_resumable_build(corpus: "Corpus") -> None:
    command = [sys.executable, "-m", "gristmill", "build", str(corpus.recipe), "--out"]
    process = subprocess.Popen(
        [*command, str(corpus.out), "--workers", "0"], stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    process.stderr.readline()
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "run the same command again" in errors
    assert "Traceback" not in errors
    assert run(corpus).num_cached >= 1


def test_corrupt_artifact_is_made_again(corpus: "Corpus") -> None:
    run(corpus)
    before = corpus.files()
    victim = next((corpus.out / "work/measure").glob("*/*.parquet"))
    victim.write_bytes(victim.read_bytes()[:-100] + b"x" * 100)
    assert run(corpus).num_ran >= 1
    assert corpus.files() == before


def test_corrupt_token_shard_is_repaired(corpus: "Corpus") -> None:
    run(corpus)
    before = corpus.files()
    victim = next(corpus.out.glob("tokens/code/Python/*.parquet"))
    victim.write_bytes(b"not a shard")
    run(corpus)
    assert corpus.files() == before


def test_verify_finds_damage_that_keeps_size_and_time(corpus: "Corpus") -> None:
    run(corpus)
    before = corpus.files()
    victim = next((corpus.out / "work/read").glob("*/*.parquet"))
    status = victim.stat()
    data = bytearray(victim.read_bytes())
    data[len(data) // 2] ^= 0xFF
    with victim.open("r+b") as file:
        file.write(data)
    os.utime(victim, ns=(status.st_atime_ns, status.st_mtime_ns))
    build(
        str(corpus.recipe),
        out=str(corpus.out),
        executor=LocalExecutor(),
        observer=JsonLines(sys.stderr),
        verify=True,
    )
    assert corpus.files() == before


def test_every_row_of_the_ledger_has_a_fate(corpus: "Corpus") -> None:
    run(corpus)
    table = pq.read_table(corpus.out / "ledger")
    reasons = set(table["dropped_by"].to_pylist())
    assert {"empty", "binary", "max_line_length", "near_duplicate", None} >= reasons - {
        "exact_duplicate",
        "mean_line_length",
        "alphabetic_fraction",
        "language",
    }
    for row in table.to_pylist():
        assert (row["dropped_by"] is None) == (row["tokens"] is not None)
        assert (row["tokens"] is None) == (row["shard"] is None)
        if row["dropped_by"] in ("exact_duplicate", "near_duplicate"):
            assert row["keeper"] is not None
            assert row["similarity"] >= 0.7


def test_all_files_of_a_repository_stay_in_one_ledger_file(corpus: "Corpus") -> None:
    run(corpus)
    homes: dict[str, set[str]] = {}
    for path in (corpus.out / "ledger").glob("*.parquet"):
        for name in pq.read_table(path, columns=["collection"])["collection"].to_pylist():
            homes.setdefault(name, set()).add(path.name)
    assert {len(files) for files in homes.values()} == {1}


def test_fork_of_a_repository_is_dropped_whole(corpus: "Corpus") -> None:
    run(corpus)
    table = pq.read_table(corpus.out / "ledger")
    kept = {
        row["collection"]
        for row in table.to_pylist()
        if row["language"] == "Python" and row["dropped_by"] is None
    }
    assert len(kept & {"bob__tools", "eve__fork"}) == 1


@pytest.mark.parametrize("order", ["random", "path", "dependency"])
def test_orders_keep_the_same_files(corpus: "Corpus", order: str) -> None:
    corpus.write(order=order)
    result = run(corpus)
    assert result.record is not None
    assert result.record.totals.by["language"]["Python"][0] > 0


def test_unwritable_out_is_one_clear_line(corpus: "Corpus", tmp_path: Path) -> None:
    blocker = tmp_path / "file"
    blocker.write_text("")
    with pytest.raises(GristmillError, match="cannot be written"):
        run(corpus, blocker / "out")


def test_two_builds_of_one_directory_do_not_mix(corpus: "Corpus") -> None:
    from gristmill.pipelines.store import open_store

    with open_store(str(corpus.out)), pytest.raises(GristmillError, match="another gristmill"):
        run(corpus)


def test_failed_shard_is_quarantined_and_nothing_is_published(corpus: "Corpus") -> None:
    folder = corpus.out / "work/measure"
    folder.parent.mkdir(parents=True)
    folder.write_text("in the way")
    result = run(corpus)
    assert {failure.stage for failure in result.failures} == {"measure"}
    assert not (corpus.out / "build.json").exists()
    assert not (corpus.out / "tokens").exists()
    reports = list((corpus.out / "work/quarantine").glob("measure.*.json"))
    assert json.loads(reports[0].read_text())["message"]
    folder.unlink()
    assert run(corpus).failures == ()
    assert not list((corpus.out / "work/quarantine").iterdir())


def test_no_partial_file_is_left_behind(corpus: "Corpus") -> None:
    run(corpus)
    assert [path for path in corpus.out.rglob("*") if path.name.endswith(".partial")] == []


def test_moving_the_build_and_its_inputs_changes_nothing(corpus: "Corpus") -> None:
    run(corpus)
    before = corpus.files()
    moved = corpus.base.with_name("elsewhere")
    shutil.move(corpus.base, moved)
    result = build(
        str(moved / "recipe.toml"),
        out=str(moved / "out"),
        executor=LocalExecutor(),
        observer=JsonLines(sys.stderr),
    )
    assert result.num_ran == 0
    assert corpus.files(moved / "out") == before


def test_component_that_the_rules_empty_is_an_error_before_anything_changes(
    corpus: "Corpus",
) -> None:
    run(corpus)
    before = corpus.files()
    corpus.write(
        rules='[rules.prose_length]\nsignal = "num_chars"\nmin = 1000000\ncomponents = ["text"]'
    )
    with pytest.raises(GristmillError, match="text has a weight"):
        run(corpus)
    assert corpus.files() == before


def test_changed_verdict_tokenizes_the_changed_documents_only(corpus: "Corpus") -> None:
    run(corpus)
    known = set((corpus.out / "work/tokenize").glob("*/*.json"))
    corpus.write(rules=HASKELL_80)
    run(corpus)
    fresh = set((corpus.out / "work/tokenize").glob("*/*.json")) - known
    built = [json.loads(path.read_text())["counts"]["samples"]["built"] for path in fresh]
    assert len(fresh) >= 1
    # Without Wider.hs, the one sample that holds both files of its repository is another one.
    assert sum(built) == 1


def test_failed_build_of_another_recipe_is_not_what_remove_rebuilds(corpus: "Corpus") -> None:
    run(corpus)
    other = corpus.base / "other.toml"
    other.write_text(corpus.recipe.read_text().replace("prose/*.jsonl", "nowhere/*.jsonl"))
    with pytest.raises(GristmillError, match="no file matches"):
        build(
            str(other),
            out=str(corpus.out),
            executor=LocalExecutor(),
            observer=JsonLines(sys.stderr),
        )
    assert remembered_recipe(str(corpus.out)) == str(corpus.recipe)


def _kill_a_ray_worker(driver: int) -> bool:
    for process in psutil.Process(driver).children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            if process.name().startswith("ray::run_task"):
                process.kill()
                return True
    return False


def test_ray_worker_that_is_killed_costs_a_retry_and_nothing_else(corpus: "Corpus") -> None:
    run(corpus, corpus.base / "clean")
    command = [sys.executable, "-m", "gristmill", "build", str(corpus.recipe), "--json", "--out"]
    process = subprocess.Popen(
        [*command, str(corpus.out), "--workers", "2"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    process.stderr.readline()
    killed = False
    while not killed and process.poll() is None:
        killed = _kill_a_ray_worker(process.pid)
    result, _ = process.communicate(timeout=240)
    assert killed
    assert process.returncode == 0
    assert json.loads(result)["failures"] == []
    assert corpus.files() == corpus.files(corpus.base / "clean")
