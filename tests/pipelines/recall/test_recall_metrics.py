"""What an iteration came to: numbers of each, alarms, and a table that DuckDB reads."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from gristmill.pipelines.recall_command import RecallResult
from gristmill.pipelines.recall_text import recall_text

Run = Callable[..., RecallResult]


@pytest.fixture
def copied(found: Path, tmp_path: Path) -> Path:
    """A finished run that a test may change."""
    return Path(shutil.copytree(found, tmp_path / "copied"))


def metrics(folder: Path, iteration: int) -> dict[str, object]:
    path = folder / f"out/recall/math/iteration-00{iteration}/metrics.json"
    read: dict[str, object] = json.loads(path.read_text())
    return read


def rows(folder: Path, columns: str) -> list[tuple[object, ...]]:
    path = folder / "out/recall/*/iterations.parquet"
    query = f"SELECT {columns} FROM '{path}' ORDER BY target, iteration"
    return duckdb.execute(query).fetchall()


def test_duckdb_reads_a_row_for_each_iteration(found: Path) -> None:
    seen = rows(found, "target, iteration, collected_pages, overlap, model")
    expected = [metrics(found, i) for i in (1, 2, 3)]
    assert seen == [
        ("math", i + 1, one["collected_pages"], one["overlap"], one["model"])
        for i, one in enumerate(expected)
    ]


def test_the_table_holds_shares_with_their_intervals(found: Path) -> None:
    (*_, last) = rows(found, "precision, precision_lower, recall, recall_upper, audited_pages")
    # Two hosts are audited: some redraws hold none that was collected.
    assert last == (1.0, 0.0, 1.0, 1.0, 12)


def test_the_table_counts_pages_by_language(found: Path) -> None:
    assert rows(found, "map_extract(languages, 'en')[1]")[-1] == (96,)


def test_without_an_audit_shares_are_null(web: Path, recall_run: Run) -> None:
    recipe = (web / "recipe.toml").read_text()
    (web / "recipe.toml").write_text(recipe.replace('audit = "audit.tsv"\n', ""))
    recall_run(web)
    assert set(rows(web, "precision, recall_lower, new_precision, audited_pages")) == {
        (None, None, None, 0)
    }


def test_pages_are_new_or_lost_against_the_iteration_before(found: Path) -> None:
    first, *later = (metrics(found, i) for i in (1, 2, 3))
    assert (first["overlap"], first["lost_pages"]) == (0.0, 0)
    before = first
    for one in later:
        kept = int(str(one["collected_pages"])) - int(str(one["new_pages"]))
        assert kept == int(str(before["collected_pages"])) - int(str(one["lost_pages"]))
        before = one


def test_words_drift_from_those_of_the_first_iteration(found: Path) -> None:
    first, second = (metrics(found, i)["drift"] for i in (1, 2))
    assert first == 0
    assert isinstance(second, float)
    assert second > 0


def test_impure_seeds_are_an_alarm_in_metrics_and_text(copied: Path, recall_run: Run) -> None:
    wrong = "".join(f"https://topology.example.com/{i}.html\tno\n" for i in range(6))
    (copied / "audit.tsv").write_text((copied / "audit.tsv").read_text() + wrong)
    result = recall_run(copied)
    assert result.num_ran == 0
    alarms = result.targets[0].iterations[-1].alarms
    assert [alarm.name for alarm in alarms] == ["impure seeds"]
    assert "ALARM after iteration 3: impure seeds, 0.50 against 0.90" in recall_text(result)


def test_a_bar_of_a_guard_is_a_setting(copied: Path, recall_run: Run) -> None:
    wrong = "".join(f"https://topology.example.com/{i}.html\tno\n" for i in range(6))
    (copied / "audit.tsv").write_text((copied / "audit.tsv").read_text() + wrong)
    with (copied / "recipe.toml").open("a") as file:
        file.write("\n[recall.target.guards]\nseed_purity = 0.4\n")
    assert not recall_run(copied).targets[0].iterations[-1].alarms


def test_new_pages_have_a_precision_of_their_own(copied: Path, recall_run: Run) -> None:
    first = recall_run(copied).targets[0].iterations[0].quality
    assert first.all is not None
    # All pages of the first iteration are new.
    assert first.new_precision == first.all.precision
