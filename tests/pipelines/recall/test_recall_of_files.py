"""The recall loop over real repositories: seeded with one library, it finds the fork of it."""

import io
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from gristmill.pipelines.audit import audit
from gristmill.pipelines.build import build
from gristmill.pipelines.cli import cli
from gristmill.pipelines.engine import make_executor
from gristmill.pipelines.executors import LocalExecutor
from gristmill.pipelines.progress import JsonLines
from gristmill.pipelines.recall_command import RecallResult
from gristmill.pipelines.summary import to_json

TIMED = ("cost.json", "costs.json", "report.html")
Run = Callable[..., RecallResult]
FIXTURES = Path(__file__).parents[3] / "fixtures"
REPOSITORIES = (
    *("pallets__click.git", "gristmill-fork__click.tar.gz", "pypa__virtualenv.tar.gz"),
    *("sqlalchemy__mako.tar.gz", "jupyter__nbformat.tar.gz"),
)
RECIPE = """\
name = "files"

[[source]]
name = "code"
kind = "repository"
component = "code"
paths = ["repositories/*"]
metadata = "repositories.jsonl"
shards = 2

[dedup]
partitions = 2

[mixture]
weights = { code = 1.0 }

[[recall.target]]
name = "cli"
sources = ["code"]
seeds = ["seeds.txt"]
decisions = "decisions.tsv"
token_budget = [180_000]

[recall.target.train]
dim = 16
buckets = 4096
most_epochs = 100
"""
HEADER = "target host prefix scope verdict who date iteration pages collected lower upper note"
ODD_FOLDER = "C# and 100%/what?"
ODD_PREFIX = "/C%23%20and%20100%25/what%3F/"


def write_files(folder: Path) -> None:
    (folder / "repositories").mkdir(parents=True)
    for name in REPOSITORIES:
        path = FIXTURES / "repositories" / name
        (shutil.copytree if path.is_dir() else shutil.copy)(path, folder / "repositories" / name)
    lines = (FIXTURES / "repositories.jsonl").read_text().splitlines(keepends=True)
    there = [line for line in lines if any(f"/{name}" in line for name in REPOSITORIES)]
    (folder / "repositories.jsonl").write_text("".join(there))
    odd = folder / "repositories/odd" / ODD_FOLDER
    odd.mkdir(parents=True)
    for path in sorted((FIXTURES / "repositories/hukkin__tomli").rglob("*.py")):
        (odd / f"{path.stem} copy.py").write_text(path.read_text())
    (folder / "recipe.toml").write_text(RECIPE)
    (folder / "seeds.txt").write_text("pallets/click/src/\n")
    (folder / "decisions.tsv").write_text(HEADER.replace(" ", "\t") + "\n")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with repositories and a recipe; tests only read it, or copy it."""
    folder = tmp_path_factory.mktemp("files") / "files"
    write_files(folder)
    return folder


@pytest.fixture(scope="module")
def found(files: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same after a run."""
    folder = Path(shutil.copytree(files, tmp_path_factory.mktemp("found") / "files"))
    arguments = ["recall", str(folder / "recipe.toml"), "--out", str(folder / "out")]
    shown = CliRunner().invoke(cli, [*arguments, "--workers", "0"], catch_exceptions=False)
    assert shown.exit_code == 0, shown.output
    (folder / "shown.txt").write_text(shown.stdout)
    return folder


@pytest.fixture
def copied(found: Path, tmp_path: Path) -> Path:
    """A finished run that a test may change."""
    return Path(shutil.copytree(found, tmp_path / "copied", symlinks=True))


def urls(folder: Path) -> list[str]:
    table = pq.read_table(folder / "out/recall/cli/collected.parquet")
    found: list[str] = table["url"].to_pylist()
    return found


def decide(folder: Path, host: str, prefix: str, verdict: str) -> None:
    line = ["cli", host, prefix, "prefix", verdict, "ada", "", *"11101", ""]
    line[7:12] = ["1", "0", "0", "0", "1"]
    with (folder / "decisions.tsv").open("a") as file:
        file.write("\t".join(line) + "\n")


def outcome(folder: Path) -> dict[str, bytes]:
    root = folder / "out/recall"
    paths = [path for path in root.rglob("*") if path.is_file() and path.name not in TIMED]
    return {str(path.relative_to(root)): path.read_bytes() for path in paths}


def test_the_loop_finds_the_files_of_the_fork(found: Path) -> None:
    hosts = Counter("/".join(url.split("/")[:2]) for url in urls(found))
    assert [host for host, _ in hosts.most_common(2)] == ["pallets/click", "gristmill-fork/click"]
    assert sum(url.startswith("gristmill-fork/click/src/") for url in urls(found)) >= 10  # of 16
    domains = pq.read_table(found / "out/recall/cli/iteration-002/domains.parquet").to_pylist()
    assert {"gristmill-fork/click": "gristmill-fork", "pallets/click": "pallets"}.items() <= {
        row["host"]: row["domain"] for row in domains if row["in_topic"]
    }.items()


def test_it_stops_after_two_iterations_and_speaks_of_files(found: Path) -> None:
    assert not (found / "out/recall/cli/iteration-003").exists()
    shown = (found / "shown.txt").read_text()
    assert "iteration 2 is the last one" in shown
    assert "files (" in shown
    assert "1,000,000 files, by the CPU time taken here" in shown


def test_files_have_the_language_that_a_build_detects(found: Path) -> None:
    pools = [pq.read_table(path) for path in found.glob("out/work/recall_pool/*/*.parquet")]
    languages = Counter(one for pool in pools for one in pool["language"].to_pylist())
    assert languages.most_common(1)[0][0] == "Python"
    assert languages["Markdown"] > 0


def test_copies_of_a_file_are_one_file(found: Path) -> None:
    paths = found.glob("out/work/recall_pool/*/*.parquet")
    ids = [one for path in paths for one in pq.read_table(path)["doc_id"].to_pylist()]
    read = [pq.read_table(path) for path in found.glob("out/work/read/*/*.parquet")]
    contents = {
        row["doc_id"]: row["content_id"]
        for table in read
        for row in table.select(["doc_id", "content_id"]).to_pylist()
    }
    assert len({contents[one] for one in ids}) == len(ids)


def test_workers_do_not_change_a_byte_of_files(
    found: Path, files: Path, tmp_path: Path, recall_run: Run
) -> None:
    folder = Path(shutil.copytree(files, tmp_path / "files"))
    result = recall_run(folder, make_executor(workers=2, address=None))
    assert not result.failures
    assert outcome(folder) == outcome(found)


@pytest.mark.parametrize(
    ("host", "prefix", "verdict"),
    [("gristmill-fork/click", "/src/", "reject"), ("odd", ODD_PREFIX, "accept")],
)
def test_a_changed_decision_moves_only_files_below_that_directory(
    copied: Path, recall_run: Run, host: str, prefix: str, verdict: str
) -> None:
    before = set(urls(copied))
    decide(copied, host, prefix, verdict)
    assert recall_run(copied).num_ran == 0
    moved = before ^ set(urls(copied))
    assert moved
    assert all(url.startswith(host + prefix) for url in moved)


def test_a_build_keeps_collected_files_alone(copied: Path, recall_run: Run) -> None:
    decide(copied, "odd", ODD_PREFIX, "accept")
    recall_run(copied)
    recipe = copied / "recipe.toml"
    recipe.write_text(recipe.read_text().replace("shards = 2", 'shards = 2\nrecall = "cli"'))
    read = {path: path.stat().st_mtime_ns for path in copied.glob("out/work/read/*/*.parquet")}
    result = build(
        str(recipe),
        out=str(copied / "out"),
        executor=LocalExecutor(),
        observer=JsonLines(io.StringIO()),
    )
    assert not result.failures
    ledger = pq.read_table(copied / "out/ledger", columns=["collection", "path", "dropped_by"])
    gone = pc.equal(pc.fill_null(ledger["dropped_by"], ""), "not_recalled")
    kept = ledger.filter(pc.invert(gone)).to_pylist()
    names = {(row["collection"], row["path"]) for row in kept if row["dropped_by"] is None}
    assert ("odd", f"{ODD_FOLDER}/_parser copy.py") in names
    assert len(names) == len(urls(copied))
    assert {path: path.stat().st_mtime_ns for path in read} == read
    assert not audit(str(copied / "out"), by=("component",)).differences


def test_described_files_are_seeds_and_a_new_bar_reads_no_text(
    files: Path, tmp_path: Path, recall_run: Run
) -> None:
    folder = Path(shutil.copytree(files, tmp_path / "files"))
    recipe = folder / "recipe.toml"
    rule = 'seeds_rule = "described"'
    recipe.write_text(RECIPE.replace('seeds = ["seeds.txt"]', rule))
    first = recall_run(folder).targets[0]
    recipe.write_text(recipe.read_text() + "\n[recall.target.described]\nleast_words = 400\n")
    again = recall_run(folder)
    stricter = again.targets[0]
    assert 0 < stricter.iterations[0].seed_pages < first.iterations[0].seed_pages
    described = first.record.artifacts["recall_described"]
    assert stricter.record.artifacts["recall_described"] == described
    assert again.num_ran == 2 * len(described), to_json(again)


def test_labelled_files_are_found_by_any_spelling(copied: Path, recall_run: Run) -> None:
    label = "odd/C%23 and%20100%25/what%3f/_parser copy.py\tno\n"
    (copied / "labels.tsv").write_text(label)
    recipe = copied / "recipe.toml"
    recipe.write_text(recipe.read_text().replace("seeds = ", 'pages = ["labels.tsv"]\nseeds = '))
    assert recall_run(copied).targets[0].notes == ()
