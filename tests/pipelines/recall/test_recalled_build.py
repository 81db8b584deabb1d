"""A build that reads of its web pages those that a recall target collected."""

import io
import json
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from gristmill.corpus.errors import GristmillError
from gristmill.pipelines.audit import audit
from gristmill.pipelines.build import BuildResult, build
from gristmill.pipelines.decontam_command import index_benchmarks
from gristmill.pipelines.executors import LocalExecutor
from gristmill.pipelines.lookup import why
from gristmill.pipelines.plan import plan
from gristmill.pipelines.progress import JsonLines
from gristmill.pipelines.recall_command import recall
from gristmill.pipelines.remove import remove_documents
from gristmill.pipelines.summary import plan_text
from gristmill.pipelines.why_text import format_why

SOURCE = 'kind = "warc"\nrecall = "math"\nextract = "fine"'
REJECT = "math\tforum.example.org\t/math/\tprefix\treject\tada\t\t1\t0\t0\t0\t1\t\n"
THEOREM = "https://topology.example.com/3.html"
PET = "https://cats.example.org/3.html"


def loop(folder: Path) -> None:
    result = recall(
        str(folder / "recipe.toml"),
        out=str(folder / "out"),
        executor=LocalExecutor(),
        observer=JsonLines(io.StringIO()),
    )
    assert not result.failures


def wants_recalled(folder: Path, extra: str = "") -> None:
    recipe = folder / "recipe.toml"
    recipe.write_text(recipe.read_text().replace('kind = "warc"', SOURCE) + extra)


def built(folder: Path) -> BuildResult:
    return build(
        str(folder / "recipe.toml"),
        out=str(folder / "out"),
        executor=LocalExecutor(),
        observer=JsonLines(io.StringIO()),
    )


def fates(folder: Path) -> dict[str, str | None]:
    rows = pq.read_table(folder / "out/ledger", columns=["path", "dropped_by"]).to_pylist()
    return {row["path"]: row["dropped_by"] for row in rows}


def kept(folder: Path) -> list[str]:
    return sorted(url for url, reason in fates(folder).items() if reason is None)


def collected(folder: Path) -> pa.Table:
    return pq.read_table(folder / "out/recall/math/collected.parquet")


def stamps(folder: Path, stage: str) -> dict[str, int]:
    """Return when the artifacts of each shard of a stage were written."""
    found = (folder / "out/work" / stage).glob("*/*.parquet")
    return {f"{path.parent.name}/{path.name}": path.stat().st_mtime_ns for path in found}


@pytest.fixture(scope="module")
def original(found: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A build of what the loop found; tests only read it, or copy it."""
    folder = Path(shutil.copytree(found, tmp_path_factory.mktemp("original") / "web"))
    wants_recalled(folder)
    assert not built(folder).failures
    return folder


@pytest.fixture
def copied(original: Path, tmp_path: Path) -> Path:
    """A copy of the build that a test may change."""
    return Path(shutil.copytree(original, tmp_path / "copied"))


@pytest.fixture
def searched(found: Path, tmp_path: Path) -> Path:
    """A finished run of the loop that a test may build from."""
    return Path(shutil.copytree(found, tmp_path / "searched"))


def test_a_build_keeps_collected_pages_alone(original: Path) -> None:
    assert kept(original) == sorted(collected(original)["url"].to_pylist())
    assert set(fates(original).values()) == {None, "not_recalled"}
    found = audit(str(original / "out"), by=("component",))
    assert not found.differences
    assert [(drop.reason, drop.kind) for drop in found.funnel] == [("not_recalled", "read")]


def test_other_pages_are_rows_that_nobody_parsed(original: Path) -> None:
    read = pa.concat_tables(
        pq.read_table(path, partitioning=None)
        for path in sorted((original / "out/work/read").glob("*/*.parquet"))
    )
    left = read.filter(pc.equal(read["read_drop"], "not_recalled"))
    assert left.num_rows == 132
    assert left["text"].null_count == left["bytes_digest"].null_count == left.num_rows
    assert pc.min(left["num_bytes"]).as_py() > 500


def test_the_pool_is_read_by_the_cheap_tier_and_what_it_collected_by_the_source_s(
    original: Path,
) -> None:
    texts = {"cheap": 0, "fine": 0}
    for path in (original / "out/work/read").glob("*/*.parquet"):
        tier = json.loads(path.with_suffix(".json").read_text())["settings"]["options"].get(
            "extract", "cheap"
        )
        column = pq.read_table(path, columns=["text"], partitioning=None)["text"]
        is_markdown = pc.starts_with(pc.drop_null(column), "# Page")
        assert set(is_markdown.to_pylist()) <= {tier == "fine"}
        texts[tier] += len(is_markdown)
    assert texts == {"cheap": 228, "fine": 96}


def test_why_says_that_the_loop_did_not_collect_a_page(original: Path) -> None:
    shown = format_why(why(str(original / "out"), PET))
    assert "DROPPED by not_recalled: the recall loop did not collect it" in shown


def test_a_changed_decision_reads_only_the_files_of_its_pages_again(copied: Path) -> None:
    with (copied / "decisions.tsv").open("a") as file:
        file.write(REJECT)
    loop(copied)
    before = stamps(copied, "read")
    shown = plan(str(copied / "recipe.toml"), out=str(copied / "out"), executor=LocalExecutor())
    reads = [task for task in shown.tasks if task.stage == "read"]
    assert [(task.shard.split(".warc")[0], task.reason) for task in reads] == [
        ("web.forum", "other pages of it are collected")
    ]
    assert f"read of {reads[0].shard}: other pages of it are collected" in plan_text(shown)
    assert not built(copied).failures
    assert [name.split(".warc")[0] for name in stamps(copied, "read").keys() - before] == [
        "web.forum"
    ]
    assert kept(copied) == sorted(collected(copied)["url"].to_pylist())


def test_a_build_after_a_loop_that_changed_nothing_does_nothing(copied: Path) -> None:
    loop(copied)
    assert built(copied).num_ran == 0


def test_a_file_that_changed_since_the_loop_is_refused(copied: Path) -> None:
    warc = copied / "topology.example.com.warc"
    warc.write_bytes(warc.read_bytes().replace(b"/3.html", b"/x.html"))
    (failure,) = built(copied).failures
    assert "1 pages that were collected are not in it" in failure.message
    assert failure.is_final


def test_a_list_of_another_version_is_refused(copied: Path) -> None:
    path = copied / "out/recall/math/collected.parquet"
    pq.write_table(collected(copied).drop_columns(["origin_id"]), path)
    failures = built(copied).failures
    assert {failure.stage for failure in failures} == {"recalled"}
    assert "Run `gristmill recall` again" in failures[0].message


def test_a_page_that_is_taken_down_leaves_a_build_of_recalled_pages(copied: Path) -> None:
    (copied / "list.txt").write_text(f"{THEOREM}\n{PET}\n")
    result, receipt = remove_documents(
        str(copied / "out"),
        str(copied / "list.txt"),
        recipe=None,
        executor=LocalExecutor(),
        observer=JsonLines(io.StringIO()),
    )
    assert not result.failures
    assert receipt is not None
    assert (receipt.entries, receipt.documents) == ({THEOREM: 1, PET: 1}, 1)
    assert {fates(copied)[url] for url in (THEOREM, PET)} == {"removed"}


def test_a_benchmark_item_in_a_recalled_page_drops_it_and_is_told(searched: Path) -> None:
    (path,) = (searched / "out/work/read").glob("web.topology*/*.parquet")
    rows = pq.read_table(path, columns=["path", "text"], partitioning=None).to_pylist()
    (text,) = (row["text"] for row in rows if row["path"] == THEOREM)
    item = " ".join(text.split()[20:60])
    (searched / "own.jsonl").write_text(
        json.dumps({"task_id": "Own/0", "prompt": item, "canonical_solution": "four"}) + "\n"
    )
    index_benchmarks([str(searched / "own.jsonl")], out=str(searched / "own.index"))
    wants_recalled(searched, '\n[decontamination]\nindex = ["own.index"]\n')
    assert not built(searched).failures
    assert {url for url, reason in fates(searched).items() if reason == "contaminated"} == {THEOREM}
    assert "Own/0, prompt" in format_why(why(str(searched / "out"), THEOREM))
    funnel = audit(str(searched / "out"), by=()).funnel
    assert [(drop.reason, drop.documents) for drop in funnel if drop.kind == "contamination"] == [
        ("contaminated", 1)
    ]


def test_a_second_source_reads_the_same_files_for_another_target(searched: Path) -> None:
    recipe = searched / "recipe.toml"
    text = recipe.read_text()
    again = text[text.index("[[source]]") : text.index("[dedup]")]
    again = again.replace('name = "web"', 'name = "again"').replace('kind = "warc"', SOURCE)
    recipe.write_text(text.replace("[dedup]", f"{again}[dedup]"))
    assert not built(searched).failures
    ledger = pq.read_table(searched / "out/ledger", columns=["source", "dropped_by"])
    reasons = ledger.filter(pc.equal(ledger["source"], "again"))["dropped_by"].to_pylist()
    assert reasons.count("not_recalled") == 132


def test_a_build_before_the_loop_says_what_to_run(web: Path) -> None:
    wants_recalled(web)
    with pytest.raises(GristmillError, match="Run `gristmill recall`"):
        built(web)


def test_a_target_that_is_misspelt_is_an_error(searched: Path) -> None:
    recipe = searched / "recipe.toml"
    recipe.write_text(recipe.read_text().replace('"warc"', '"warc"\nrecall = "maths"'))
    with pytest.raises(GristmillError, match="unknown recall target `maths`"):
        built(searched)
