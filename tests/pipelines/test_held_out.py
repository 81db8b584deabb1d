"""Holding out in a build: whole units, seen by nobody who trains, rewritten like all else."""

import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow.parquet as pq
import pytest

from gristmill.corpus.errors import GristmillError
from gristmill.corpus.held_out import read_held_out
from gristmill.corpus.tokenizer import load_tokenizer
from gristmill.pipelines.audit import audit, format_table
from gristmill.pipelines.build import build
from gristmill.pipelines.engine import make_executor
from gristmill.pipelines.executors import LocalExecutor
from gristmill.pipelines.gc import collect_garbage
from gristmill.pipelines.plan import plan
from gristmill.pipelines.progress import JsonLines
from gristmill.pipelines.remove import remove_documents
from gristmill.pipelines.trace import trace

if TYPE_CHECKING:
    from ..conftest import Corpus

    CopyCorpus = Callable[[Path, Path], Corpus]

Row = dict[str, object]
OWN_STAGES = {"held_out_units", "held_out_choice", "held_out_copies", "held_out_fates", "hold_out"}
AFTER = {
    *("assemble", "tokenize", "pack", "ledger"),
    *("held_out_samples", "held_out_tokens", "held_out_pack"),
}


def hold_out(fraction: float) -> str:
    return f"\n[held_out]\nfraction = {fraction}\n"


def run(corpus: "Corpus", fraction: float, out: Path | None = None, extra: str = "") -> set[str]:
    """Build; return the names of the stages that have an artifact of this build alone."""
    corpus.write(extra=f"{extra}{hold_out(fraction)}")
    out = out or corpus.out
    before = {str(path) for path in out.glob("work/*/*/*.json")}
    result = build(
        str(corpus.recipe),
        out=str(out),
        executor=LocalExecutor(),
        observer=JsonLines(io.StringIO()),
    )
    assert not result.failures, result.failures
    made = {path for path in out.glob("work/*/*/*.json") if str(path) not in before}
    return {path.parent.parent.name for path in made}


def ledger(out: Path) -> list[Row]:
    rows: list[Row] = pq.read_table(out / "ledger").to_pylist()
    return rows


def held_out(out: Path) -> set[object]:
    """Return the ids of the documents that the ledger calls held out."""
    return {row["doc_id"] for row in ledger(out) if row["dropped_by"] == "held_out"}


def kept(out: Path) -> set[object]:
    return {row["doc_id"] for row in ledger(out) if row["dropped_by"] is None}


def documents_below(folder: Path) -> set[object]:
    """Return the ids of all documents in the rows of shards."""
    found: set[object] = set()
    for path in folder.rglob("*.parquet"):
        for row in pq.read_table(path, columns=["doc_id", "files"]).to_pylist():
            found |= {file["doc_id"] for file in row["files"]} or {row["doc_id"]}
    return found


@pytest.fixture(scope="module")
def base(
    template: Path, tmp_path_factory: pytest.TempPathFactory, copied_corpus: "CopyCorpus"
) -> Path:
    """The small corpus with 0.4 of it held out; tests only read it."""
    corpus = copied_corpus(template, tmp_path_factory.mktemp("held") / "corpus")
    run(corpus, 0.4)
    return corpus.base


@pytest.fixture
def built(base: Path, tmp_path: Path, copied_corpus: "CopyCorpus") -> "Corpus":
    """A copy of the build, which a test may change."""
    corpus = copied_corpus(base, tmp_path / "corpus")
    corpus.write(extra=hold_out(0.4))
    return corpus


def test_no_repository_is_on_both_sides(base: Path) -> None:
    sides: dict[object, set[object]] = {}
    for row in ledger(base / "out"):
        if row["kind"] == "file" and row["dropped_by"] in (None, "held_out"):
            sides.setdefault(row["collection"], set()).add(row["dropped_by"])
    assert all(len(side) == 1 for side in sides.values()), sides
    assert {None, "held_out"} == set().union(*sides.values())


def test_shards_hold_exactly_what_the_ledger_says(base: Path) -> None:
    out = base / "out"
    assert documents_below(out / "held_out") == held_out(out) != set()
    assert documents_below(out / "tokens") == kept(out) != set()


def test_rows_are_as_they_were_written_and_their_texts_have_so_many_bytes(base: Path) -> None:
    tokenizer = load_tokenizer()
    for document in read_held_out(str(base / "out")):
        text = tokenizer.decode_bytes(document.tokens[:-1])
        assert len(text) == document.num_bytes
        assert document.tokens[-1] == tokenizer.sentinels.eos
    tables = [pq.read_table(path) for path in (base / "out/held_out").rglob("*.parquet")]
    assert {fim for table in tables for fim in table["fim"].to_pylist()} == {0}


def test_no_held_out_text_is_trained_on(base: Path) -> None:
    rows = ledger(base / "out")
    sides = [
        {row["content_id"] for row in rows if row["dropped_by"] == reason}
        for reason in (None, "held_out")
    ]
    assert not sides[0] & sides[1]


def test_totals_and_audit_tell_what_is_held_out(base: Path) -> None:
    record = json.loads((base / "out/build.json").read_text())
    found = list(read_held_out(str(base / "out")))
    assert record["totals"]["held_out"] == {
        "documents": len(found),
        "tokens": sum(len(document.tokens) for document in found),
        "num_bytes": sum(document.num_bytes for document in found),
    }
    assert record["totals"]["drops"]["held_out"] == len(held_out(base / "out"))
    audited = audit(str(base / "out"), by=["rule"])
    assert not audited.differences
    assert audited.funnel[-1].kind == "held_out"
    assert f"Held out: {len(found)} training documents" in format_table(audited)


def test_without_a_fraction_nothing_is_made(corpus: "Corpus") -> None:
    stages = run(corpus, 0)
    assert not any("held" in stage or "hold" in stage for stage in stages)
    assert not (corpus.out / "held_out.json").exists()
    with pytest.raises(GristmillError, match="holds nothing out"):
        list(read_held_out(str(corpus.out)))


def test_a_new_fraction_reruns_only_who_is_held_out_and_what_follows(built: "Corpus") -> None:
    assert run(built, 0.401) == {"held_out_units"}  # it takes no unit more
    made = run(built, 0.7)
    assert {"hold_out", "assemble", "held_out_pack"} <= made <= OWN_STAGES | AFTER


def test_only_shards_whose_documents_changed_are_rewritten(built: "Corpus") -> None:
    before = {path: documents_below(path) for path in shards_of(built)}
    files = built.files()
    run(built, 0.5)
    after = built.files()
    changed = {path for path in shards_of(built) if before.get(path) != documents_below(path)}
    rewritten = {name for name in after if files.get(name) != after[name]}
    assert {str(path.relative_to(built.out)) for path in changed} == {
        name for name in rewritten if name.startswith(("tokens/", "held_out/"))
    }
    assert 0 < len(changed) < len(shards_of(built))


def shards_of(corpus: "Corpus") -> list[Path]:
    """Return the folders of all languages: a shard may be cut in two."""
    return [path for top in ("tokens", "held_out") for path in corpus.out.glob(f"{top}/*/*/*")]


def test_a_build_after_another_fraction_equals_a_clean_one(built: "Corpus") -> None:
    for fraction in (0.6, 0.0, 0.3):
        run(built, fraction)
    clean = built.base / "clean"
    run(built, 0.3, clean)
    assert built.files() == built.files(clean)


def test_ray_holds_the_same_out(built: "Corpus") -> None:
    result = build(
        str(built.recipe),
        out=str(built.base / "ray"),
        executor=make_executor(workers=2, address=None),
        observer=JsonLines(io.StringIO()),
    )
    assert not result.failures
    assert built.files() == built.files(built.base / "ray")


def test_shards_of_the_input_change_no_side(built: "Corpus") -> None:
    before = held_out(built.out)
    built.write(extra=hold_out(0.4))
    built.recipe.write_text(built.recipe.read_text().replace("shards = 4", "shards = 1"))
    other = built.base / "other"
    build_as_written(built, other)
    assert held_out(other) == before


def build_as_written(corpus: "Corpus", out: Path) -> None:
    result = build(
        str(corpus.recipe),
        out=str(out),
        executor=LocalExecutor(),
        observer=JsonLines(io.StringIO()),
    )
    assert not result.failures


def test_new_documents_move_no_old_one(built: "Corpus") -> None:
    before, old = held_out(built.out), {row["doc_id"] for row in ledger(built.out)}
    rows = [{"id": f"new-{i}", "text": f"A new one: {i} " * 30} for i in range(30)]
    new = built.base / "prose/new.jsonl"
    new.write_text("".join(json.dumps(row) + "\n" for row in rows))
    run(built, 0.4)
    after = held_out(built.out)
    assert after & old == before
    assert after - old


def test_plan_names_the_shards_that_come_and_go(built: "Corpus") -> None:
    built.write(extra=hold_out(0.7))
    found = plan(str(built.recipe), out=str(built.out), executor=LocalExecutor())
    assert found.is_exact
    files = built.files()
    build_as_written(built, built.out)
    after = built.files()
    changed = {name for name in files.keys() | after.keys() if files.get(name) != after.get(name)}
    assert {shard.path for shard in found.shards} == {
        name for name in changed if name.startswith(("tokens/", "held_out/"))
    }


def test_nothing_held_out_any_more_leaves_nothing(built: "Corpus") -> None:
    run(built, 0)
    assert not list(built.out.glob("held_out/**/*.parquet"))
    assert not (built.out / "held_out.json").exists()
    assert not held_out(built.out)


def test_gc_keeps_what_the_next_build_needs(built: "Corpus") -> None:
    collect_garbage(str(built.out), dry_run=False)
    assert run(built, 0.4) == set()


def test_a_lost_shard_is_published_again(built: "Corpus") -> None:
    files = built.files()
    shutil.rmtree(built.out / "held_out")
    (built.out / "held_out.json").unlink()
    run(built, 0.4)
    assert built.files() == files


def test_a_removed_document_leaves_what_is_held_out(built: "Corpus") -> None:
    row = next(row for row in ledger(built.out) if row["dropped_by"] == "held_out")
    content = row["content_id"]
    assert isinstance(content, bytes)
    (built.base / "list.txt").write_text(content.hex() + "\n")
    result, receipt = remove_documents(
        str(built.out),
        str(built.base / "list.txt"),
        recipe=None,
        executor=LocalExecutor(),
        observer=JsonLines(io.StringIO()),
    )
    assert not result.failures
    assert receipt is not None
    assert any(shard.path.startswith("held_out/") for shard in receipt.shards)
    assert row["doc_id"] not in documents_below(built.out / "held_out")


def test_a_held_out_token_is_traced_to_its_document(base: Path) -> None:
    shard = next((base / "out/held_out/code").rglob("*.parquet"))
    found = trace(str(base / "out"), str(shard.relative_to(base / "out")), 0, 0)
    assert found.token is not None
    assert found.fim == "NONE"
    assert found.segments[0].origin is not None


def test_audit_finds_what_does_not_agree(built: "Corpus") -> None:
    paths = sorted((built.out / "held_out").rglob("*.parquet"))
    shutil.copy(paths[0], paths[0].with_name("part-0.parquet"))
    paths[1].unlink()
    manifest = built.out / "held_out.json"
    manifest.write_text(manifest.read_text().replace('"num_bytes": ', '"num_bytes": 1', 1))
    told = "\n".join(audit(str(built.out), by=[]).differences)
    assert "is not a file of this build" in told
    assert f"{paths[1].relative_to(built.out)} is missing" in told
    assert "is another one in held_out.json than in build.json" in told
    assert "that the ledger says it holds" in told
