"""The recall loop as a person runs it: what it finds, keeps, obeys and says."""

import json
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from gristmill.corpus.errors import GristmillError
from gristmill.pipelines.cli import cli
from gristmill.pipelines.engine import make_executor
from gristmill.pipelines.gc import collect_garbage
from gristmill.pipelines.recall_command import RecallResult

TIMED = ("cost.json", "costs.json", "report.html")
Run = Callable[..., RecallResult]
ACCEPT = "math\tkitchen.example.net\t/recipes/\tprefix\taccept\tada\t\t1\t0\t0\t0\t1\t\n"
REJECT = "math\tforum.example.org\t/math/\tprefix\treject\tada\t\t1\t0\t0\t0\t1\t\n"


def collected(folder: Path) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = pq.read_table(target(folder) / "collected.parquet").to_pylist()
    return rows


def target(folder: Path) -> Path:
    return folder / "out/recall/math"


def hosts(folder: Path) -> Counter[str]:
    return Counter(str(row["url"]).split("/")[2] for row in collected(folder))


def outcome(folder: Path) -> dict[str, bytes]:
    """Return every file that a run leaves, but for artifacts and what has times in it."""
    paths = [path for path in target(folder).rglob("*") if path.is_file()]
    paths = [path for path in paths if path.name not in TIMED]
    return {str(path.relative_to(target(folder))): path.read_bytes() for path in paths}


@pytest.fixture
def copied(found: Path, tmp_path: Path) -> Path:
    """A finished run that a test may change."""
    return Path(shutil.copytree(found, tmp_path / "copied"))


def test_the_loop_finds_the_sites_on_its_topic_and_no_others(found: Path) -> None:
    assert hosts(found) == {
        "algebra.example.org": 24,
        "analysis.example.net": 24,
        "topology.example.com": 24,
        "forum.example.org": 24,
    }
    assert all("/pets/" not in str(row["url"]) for row in collected(found))


def test_each_iteration_reports_its_quality_and_every_condition_to_stop(found: Path) -> None:
    first, last = (
        json.loads((target(found) / f"iteration-00{k}/metrics.json").read_text()) for k in (1, 3)
    )
    assert first["new_pages"] == first["collected_pages"]
    assert last["quality"]["all"]["recall"]["value"] == 1.0
    assert last["quality"]["all"]["precision"]["value"] == 1.0
    assert [one["name"] for one in last["stop"]["conditions"]] == [
        *("overlap", "new tokens", "recall gain", "open review")
    ]
    assert last["stop"]["stops"]


def test_a_second_run_does_nothing_and_changes_nothing(copied: Path, recall_run: Run) -> None:
    before = outcome(copied)
    assert recall_run(copied).num_ran == 0
    assert outcome(copied) == before


def test_workers_do_not_change_a_byte(found: Path, web: Path, recall_run: Run) -> None:
    result = recall_run(web, make_executor(workers=2, address=None))
    assert not result.failures
    assert outcome(web) == outcome(found)


def test_a_changed_decision_scores_nothing_and_moves_only_its_pages(
    copied: Path, recall_run: Run
) -> None:
    before = {str(row["url"]) for row in collected(copied)}
    with (copied / "decisions.tsv").open("a") as file:
        file.write(ACCEPT)
    assert recall_run(copied).num_ran == 0
    moved = before ^ {str(row["url"]) for row in collected(copied)}
    assert len(moved) == 24
    assert all(url.startswith("https://kitchen.example.net/recipes/") for url in moved)


def test_a_rejected_prefix_leaves_even_though_its_scores_are_high(
    copied: Path, recall_run: Run
) -> None:
    (copied / "decisions.tsv").write_text((copied / "decisions.tsv").read_text() + REJECT)
    recall_run(copied)
    assert "forum.example.org" not in hosts(copied)
    assert hosts(copied).total() == 72


def test_a_new_warc_is_scored_by_the_models_that_are_there(
    copied: Path, recall_run: Run, web: Path
) -> None:
    models = [path.read_bytes() for path in sorted(target(copied).rglob("model.bin"))]
    old = (web / "topology.example.com.warc").read_bytes()
    (copied / "new.warc").write_bytes(old.replace(b"topology.example.com", b"geometry.example.or"))
    scored = sorted((copied / "out/work/recall_score").iterdir())
    recall_run(copied)
    assert [path.read_bytes() for path in sorted(target(copied).rglob("model.bin"))] == models
    added = set((copied / "out/work/recall_score").iterdir()) - set(scored)
    assert len(added) == len(models)
    assert all("new.warc" in path.name for path in added)


def test_retraining_begins_at_the_iteration_that_is_named(copied: Path, recall_run: Run) -> None:
    before = outcome(copied)
    first, second = (target(copied) / f"iteration-00{k}/model.bin" for k in (1, 2))
    stamps = first.stat().st_mtime_ns, second.stat().st_mtime_ns
    recall_run(copied, retrain=2)
    assert first.stat().st_mtime_ns == stamps[0]
    assert second.stat().st_mtime_ns != stamps[1]
    assert outcome(copied) == before


def test_other_settings_of_a_model_train_it_again(copied: Path, recall_run: Run) -> None:
    before = (target(copied) / "iteration-001/model.json").read_bytes()
    recipe = (copied / "recipe.toml").read_text().replace("dim = 16", "dim = 8")
    (copied / "recipe.toml").write_text(recipe)
    recall_run(copied)
    assert (target(copied) / "iteration-001/model.json").read_bytes() != before


@pytest.mark.parametrize(
    "moment",
    [
        "out/work/recall_pool/*/*.json",
        "out/recall/math/.iteration-001.partial",
        "out/recall/math/iteration-001/table.bin",
        "out/recall/math/iteration-002/model.json",
    ],
)
def test_a_killed_run_goes_on_and_ends_with_the_same_bytes(
    found: Path, web: Path, recall_run: Run, moment: str
) -> None:
    arguments = ["recall", "recipe.toml", "--out", "out", "--workers", "0"]
    command = [sys.executable, "-m", "gristmill", *arguments]
    with subprocess.Popen(
        command, cwd=web, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    ) as process:
        while process.poll() is None and not list(web.glob(moment)):
            time.sleep(0.002)
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    assert not recall_run(web).failures
    assert outcome(web) == outcome(found)


def test_gc_keeps_what_a_loop_stands_on(copied: Path, recall_run: Run) -> None:
    assert collect_garbage(str(copied / "out"), dry_run=False).num_files == 0
    assert recall_run(copied).num_ran == 0


def test_pages_of_one_url_or_one_text_are_one_page(web: Path, recall_run: Run) -> None:
    old = (web / "topology.example.com.warc").read_bytes()
    (web / "again.warc").write_bytes(old.replace(b"https://topology", b"http://topology"))
    (web / "copy.warc").write_bytes(old.replace(b"topology.example.com", b"mirrored.example.or"))
    record = recall_run(web).targets[0].record
    assert record.pages == 228
    # The text of a page names no host, so a page of another host may be its copy.
    assert record.left_out["same_url"] + record.left_out["same_text"] == 48


def test_open_questions_can_be_copied_into_the_decisions_file(web: Path, recall_run: Run) -> None:
    recipe = (web / "recipe.toml").read_text()
    (web / "recipe.toml").write_text(recipe + "\n[recall.target.prefixes]\naccept_share = 0.6\n")
    recall_run(web)
    review = (target(web) / "iteration-001/review.tsv").read_text()
    assert len(review.splitlines()) > 1
    assert "https://" in review
    (web / "decisions.tsv").write_text(review.replace("\thold\t?\t", "\taccept\tada\t"))
    metrics = recall_run(web).targets[0].iterations[0]
    assert metrics.prefixes_open == 0
    assert metrics.decisions_by_people == len(review.splitlines()) - 1


def test_labelled_pages_are_seeds_and_negatives(web: Path, recall_run: Run) -> None:
    lines = [
        *(f"https://algebra.example.org/notes/{i}.html\tyes\n" for i in range(24)),
        *(f"https://cats.example.org/{i}.html\tno\n" for i in range(8, 24)),
        "https://nowhere.example.org/\tyes\n",
    ]
    (web / "pages.tsv").write_text("".join(lines))
    recipe = (web / "recipe.toml").read_text()
    (web / "recipe.toml").write_text(
        recipe.replace('seeds = ["seeds.txt"]', 'pages = ["pages.tsv"]')
    )
    result = recall_run(web).targets[0]
    assert result.iterations[0].seed_pages == 24
    assert result.notes == ("1 labelled pages are not in the pool",)


def test_seeds_outside_the_pool_are_an_error(web: Path, recall_run: Run) -> None:
    (web / "seeds.txt").write_text("elsewhere.example.org\n")
    with pytest.raises(GristmillError, match="no page of the pool is a seed"):
        recall_run(web)


def test_a_damaged_record_of_a_model_is_an_error_that_names_it(
    copied: Path, recall_run: Run
) -> None:
    (target(copied) / "iteration-002/model.json").write_text("{}")
    with pytest.raises(GristmillError, match=r"iteration-002/model\.json"):
        recall_run(copied)


def test_a_person_reads_a_table_and_what_a_crawl_would_cost(found: Path) -> None:
    arguments = ["recall", str(found / "recipe.toml"), "--out", str(found / "out")]
    shown = CliRunner().invoke(cli, [*arguments, "--workers", "0"], catch_exceptions=False)
    assert "math: a pool of 228 pages" in shown.stdout
    assert "stopped: nothing new is found any more" in shown.stdout
    assert "core-hours" in shown.stdout
    assert "out/recall/math/report.html" in shown.stdout


def test_a_tool_reads_json(found: Path) -> None:
    arguments = ["recall", str(found / "recipe.toml"), "--out", str(found / "out"), "--json"]
    shown = CliRunner().invoke(cli, [*arguments, "--workers", "0"], catch_exceptions=False)
    (result,) = json.loads(shown.stdout)["targets"]
    assert result["record"]["collected_pages"] == 96
    assert len(result["iterations"]) == 3


def test_a_target_that_is_not_there_is_an_error(found: Path) -> None:
    arguments = ["recall", str(found / "recipe.toml"), "--out", str(found / "out")]
    with pytest.raises(GristmillError, match="there is no target `code`"):
        CliRunner().invoke(cli, [*arguments, "--target", "code"], catch_exceptions=False)
