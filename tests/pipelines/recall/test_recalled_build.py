"""A build that keeps of its web pages those that a recall target collected."""

import io
import shutil
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from gristmill.corpus.errors import GristmillError
from gristmill.pipelines.audit import audit
from gristmill.pipelines.build import BuildResult, build
from gristmill.pipelines.executors import LocalExecutor
from gristmill.pipelines.progress import JsonLines


def built(folder: Path) -> BuildResult:
    recipe = folder / "recipe.toml"
    text = recipe.read_text()
    if "recall = " not in text:
        recipe.write_text(text.replace('kind = "warc"', 'kind = "warc"\nrecall = "math"'))
    return build(
        str(recipe),
        out=str(folder / "out"),
        executor=LocalExecutor(),
        observer=JsonLines(io.StringIO()),
    )


@pytest.fixture
def copied(found: Path, tmp_path: Path) -> Path:
    """A finished run of the loop that a test may build from."""
    return Path(shutil.copytree(found, tmp_path / "copied"))


def test_a_build_keeps_collected_pages_alone(copied: Path) -> None:
    assert not built(copied).failures
    ledger = pq.read_table(copied / "out/ledger", columns=["path", "dropped_by"])
    kept = ledger.filter(pc.is_null(ledger["dropped_by"]))["path"].to_pylist()
    collected = pq.read_table(copied / "out/recall/math/collected.parquet")["url"].to_pylist()
    assert sorted(kept) == collected
    assert set(pc.drop_null(ledger["dropped_by"]).to_pylist()) == {"not_recalled"}
    assert not audit(str(copied / "out"), by=("component",)).differences


def test_a_build_before_the_loop_says_what_to_run(web: Path) -> None:
    with pytest.raises(GristmillError, match="Run `gristmill recall`"):
        built(web)


def test_a_build_reads_what_the_loop_has_read(copied: Path) -> None:
    read = {path: path.stat().st_mtime_ns for path in copied.glob("out/work/read/*/*.parquet")}
    built(copied)
    assert {path: path.stat().st_mtime_ns for path in read} == read


def test_a_target_that_is_misspelt_is_an_error(copied: Path) -> None:
    recipe = copied / "recipe.toml"
    recipe.write_text(recipe.read_text().replace('"warc"', '"warc"\nrecall = "maths"'))
    with pytest.raises(GristmillError, match="unknown recall target `maths`"):
        built(copied)
