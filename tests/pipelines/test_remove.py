"""A take-down leaves nothing behind: text, tokens and copies go, and only the ledger remembers."""

import io
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from gristmill.corpus.errors import GristmillError
from gristmill.corpus.fim import restore
from gristmill.corpus.ids import content_id
from gristmill.corpus.tokenizer import load_tokenizer
from gristmill.pipelines.build import BuildResult, build
from gristmill.pipelines.cli import cli
from gristmill.pipelines.executors import LocalExecutor
from gristmill.pipelines.export.run import export
from gristmill.pipelines.export.settings import make_settings
from gristmill.pipelines.gc import collect_garbage
from gristmill.pipelines.progress import JsonLines
from gristmill.pipelines.remove import Receipt, remove_documents

if TYPE_CHECKING:
    from ..conftest import Corpus

    CopyCorpus = Callable[[Path, Path], Corpus]

PAGES = """
[[source]]
name = "pages"
kind = "warc"
component = "text"
paths = ["pages.warc"]
"""
METADATA = 'shards = 4\nmetadata = "repositories.jsonl"'
SHARDS = "target_tokens = 1\nbucket_bits = 2"  # four shards a language, whatever it holds
HASKELL_500 = "[rules.max_line_length.languages]\nHaskell = { max = 500 }"
LICENCE = "MIT License\n\nPermission is hereby granted, free of charge, to any person\n"
LICENCE_ID = content_id(LICENCE).hex()


def run(corpus: "Corpus", out: Path | None = None) -> BuildResult:
    result = build(
        str(corpus.recipe),
        out=str(out or corpus.out),
        executor=LocalExecutor(),
        observer=JsonLines(io.StringIO()),
    )
    assert not result.failures
    return result


def write_recipe(corpus: "Corpus", rules: str = "") -> None:
    corpus.write(rules=rules, extra=PAGES)
    text = corpus.recipe.read_text().replace("shards = 4", METADATA)
    corpus.recipe.write_text(text.replace("target_tokens = 4000", SHARDS))


def take_down(corpus: "Corpus", *lines: str) -> Receipt:
    listing = corpus.base / "list.txt"
    listing.write_text("# asked for by mail\n" + "".join(f"{line}\n" for line in lines))
    result, receipt = remove_documents(
        str(corpus.out),
        str(listing),
        recipe=None,
        executor=LocalExecutor(),
        observer=JsonLines(io.StringIO()),
    )
    assert not result.failures
    assert receipt is not None
    assert json.loads((corpus.out / receipt.path).read_text())["entries"] == receipt.entries
    return receipt


@pytest.fixture(scope="module")
def original(
    template: Path,
    tmp_path_factory: pytest.TempPathFactory,
    copied_corpus: "CopyCorpus",
    warc_record: Callable[[str, str], bytes],
) -> Path:
    """A build of the small corpus with owners and web pages."""
    corpus = copied_corpus(template, tmp_path_factory.mktemp("original") / "corpus")
    folders = sorted((corpus.base / "repositories").iterdir())
    rows = [
        {"file": f"repositories/{folder.name}", "full_name": folder.name.replace("__", "/")}
        for folder in folders
    ]
    (corpus.base / "repositories.jsonl").write_text("\n".join(map(json.dumps, rows)))
    urls = [f"https://{host}.example.org/{page}" for host in ("one", "two") for page in "abc"]
    pages = [warc_record(url, _page(url)) for url in urls]
    (corpus.base / "pages.warc").write_bytes(b"".join(pages))
    write_recipe(corpus)
    run(corpus)
    return corpus.base


def _page(url: str) -> str:
    paragraphs = "".join(f"<p>Page {url} has come to paragraph {i}.</p>" for i in range(20))
    return f"<html><body><main>{paragraphs}</main></body></html>"


@pytest.fixture
def built(original: Path, tmp_path: Path, copied_corpus: "CopyCorpus") -> "Corpus":
    """A copy of the build, which a test may change."""
    corpus = copied_corpus(original, tmp_path / "corpus")
    write_recipe(corpus)
    assert run(corpus).num_ran == 0
    return corpus


def ledger(corpus: "Corpus") -> list[dict[str, object]]:
    rows: list[dict[str, object]] = pq.read_table(corpus.out / "ledger").to_pylist()
    return rows


def texts_below(out: Path) -> str:
    """Return all text that is anywhere in a build directory, token ids turned back into text."""
    found = []
    for path in sorted(out.rglob("*")):
        if path.is_file() and path.suffix != ".parquet":
            found.append(path.read_bytes().decode("utf-8", "replace"))
        elif path.is_file():
            table = pq.ParquetFile(path).read()
            found += [text for name in table.column_names for text in _strings(table[name])]
    return "\n".join(found)


def _strings(column: pa.ChunkedArray) -> list[str]:
    if column.type == pa.string() or column.type == pa.large_string():
        return [value for value in column.to_pylist() if value is not None]
    if pa.types.is_list(column.type) and column.type.value_type == pa.int32():
        tokenizer = load_tokenizer()
        return [restore(row, tokenizer).decode() for row in column.to_pylist()]
    return []


def shards_of(corpus: "Corpus", is_taken: Callable[[dict[str, object]], bool]) -> set[str]:
    """Return the token shards that hold documents."""
    return {f"tokens/{row['shard']}" for row in ledger(corpus) if row["shard"] and is_taken(row)}


def changed(before: Mapping[str, bytes], after: Mapping[str, bytes]) -> set[str]:
    return {path for path in before.keys() | after.keys() if before.get(path) != after.get(path)}


ENTRIES: dict[str, tuple[Callable[[dict[str, object]], bool], str]] = {
    "cyd/tools": (lambda row: row["collection"] == "cyd/tools", "cyd step 3"),
    "ada/*": (lambda row: str(row["collection"]).startswith("ada/"), "ada step 3"),
    "https://one.example.org/b": (
        lambda row: row["path"] == "https://one.example.org/b",
        "one.example.org/b has come",
    ),
    "https://two.example.org/*": (
        lambda row: str(row["path"]).startswith("https://two.example.org/"),
        "two.example.org/c has come",
    ),
}


@pytest.mark.parametrize("entry", ENTRIES)
def test_what_is_taken_down_leaves_its_shards_and_every_file(built: "Corpus", entry: str) -> None:
    is_taken, marker = ENTRIES[entry]
    rows, files, held = ledger(built), built.files(), shards_of(built, is_taken)
    assert marker in texts_below(built.out)
    receipt = take_down(built, entry)
    assert marker not in texts_below(built.out)
    assert {shard.path for shard in receipt.shards} == held
    assert {path for path in changed(files, built.files()) if path.startswith("tokens/")} == held
    assert receipt.entries == {entry: sum(map(is_taken, rows))}
    after = ledger(built)
    assert {row["doc_id"] for row in after} == {row["doc_id"] for row in rows}
    for row in after:
        assert (row["dropped_by"] == "removed") == is_taken(row)
        assert not is_taken(row) or row["tokens"] is None


def test_a_content_id_takes_every_copy_along(built: "Corpus") -> None:
    copies = [row for row in ledger(built) if row["content_id"] == bytes.fromhex(LICENCE_ID)]
    assert len({row["collection"] for row in copies}) == 5
    receipt = take_down(built, LICENCE_ID)
    assert receipt.entries == {LICENCE_ID: 5}
    assert "Permission is hereby granted" not in texts_below(built.out)
    removed = [row["doc_id"] for row in ledger(built) if row["dropped_by"] == "removed"]
    assert sorted(removed) == sorted(row["doc_id"] for row in copies)  # type: ignore[type-var]


def test_a_list_that_says_so_takes_the_copies_of_a_repository_along(built: "Corpus") -> None:
    rows = ledger(built)
    own = {row["content_id"] for row in rows if row["collection"] == "bob/tools"} - {None}
    taken = {row["doc_id"] for row in rows if row["content_id"] in own}
    forked = "eve/fork:src/bob.py"
    receipt = take_down(built, "bob/tools", "copies = true")
    after = ledger(built)
    is_bobs = [row["collection"] == "bob/tools" for row in after]
    for row, is_own in zip(after, is_bobs, strict=True):
        assert (row["dropped_by"] == "removed") == (is_own or row["doc_id"] in taken)
    assert "bob step 3" not in texts_below(built.out)
    (places,) = (names for names in receipt.copies.values() if forked in names)
    assert places == ("bob/tools:src/bob.py", forked)
    assert receipt.entries[LICENCE_ID] == 5


def test_a_duplicate_comes_back_when_its_keeper_is_taken_down(built: "Corpus") -> None:
    twins = ("bob/tools", "eve/fork")
    before = {name: kept_paths(built, name) for name in twins}
    (keeper,) = (name for name in twins if "src/bob.py" in before[name])
    (other,) = set(twins) - {keeper}
    assert "src/bob.py" not in before[other]
    held = shards_of(built, lambda row: row["collection"] == keeper)
    receipt = take_down(built, keeper)
    assert kept_paths(built, keeper) == set()
    assert kept_paths(built, other) >= {"src/bob.py", "src/shared.py", "main.c", "bob.h"}
    assert "bob step 3" in texts_below(built.out / "tokens")
    brought_back = shards_of(built, lambda row: row["collection"] == other)
    assert held <= {shard.path for shard in receipt.shards} <= held | brought_back
    rows = ledger(built)
    assert {row["keeper"] for row in rows} <= {None, *(row["item_id"] for row in rows)}


def kept_paths(corpus: "Corpus", collection: str) -> set[object]:
    return {
        row["path"]
        for row in ledger(corpus)
        if row["collection"] == collection and row["dropped_by"] is None
    }


def test_nothing_is_rewritten_for_unknown_entries_and_they_are_reported(built: "Corpus") -> None:
    before = built.files()
    unknown = ["nobody/nothing", "noone/*", "https://three.example.org/*", "0" * 32]
    receipt = take_down(built, *unknown)
    assert receipt.entries == dict.fromkeys(unknown, 0)
    assert receipt.shards == ()
    assert receipt.documents == 0
    # The list is kept, for builds to come.
    assert changed(before, built.files()) <= {"build.json", "removals.json"}


def test_the_command_prints_the_receipt_and_refuses_a_list_it_cannot_read(built: "Corpus") -> None:
    listing = built.base / "list.txt"
    listing.write_text("dan/tools\nnobody/nothing\n")
    command = [sys.executable, "-m", "gristmill", "remove", str(built.out), str(listing)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert "nobody/nothing: matches nothing" in done.stdout
    assert "rewritten tokens/code/Python/" in done.stdout
    listing.write_text("not a repository\n")
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert f"{listing}:1: `not a repository` is no repository" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_command_names_an_export_that_still_holds_what_was_taken_down(
    built: "Corpus", tmp_path: Path
) -> None:
    for name, component in (("stale", "code"), ("fresh", "text")):
        settings = make_settings("mds", components=(component,))
        out = str(tmp_path / name)
        export(str(built.out), out=out, settings=settings, workers=0, report=lambda *_: None)
    listing = built.base / "list.txt"
    listing.write_text("dan/tools\n")
    done = CliRunner().invoke(cli, ["remove", str(built.out), str(listing)], catch_exceptions=False)
    assert done.exit_code == 0
    assert f"note: the export in {tmp_path}/stale is of what was built before: " in done.stderr
    assert "changed (tokens/code/" in done.stderr
    assert f"{tmp_path}/fresh" not in done.stderr


def test_later_builds_keep_out_what_was_taken_down(built: "Corpus", tmp_path: Path) -> None:
    take_down(built, "ada/*", LICENCE_ID, "https://one.example.org/*")
    assert run(built).num_ran == 0
    write_recipe(built, rules=HASKELL_500)
    run(built)
    assert kept_paths(built, "ada/haskell") == set()
    assert "ada step 3" not in texts_below(built.out)
    assert "Permission is hereby granted" not in texts_below(built.out)
    run(built, tmp_path / "clean")
    assert changed(built.files(), built.files(tmp_path / "clean"))
    shutil.copy(built.out / "removals.json", tmp_path / "clean/removals.json")
    run(built, tmp_path / "clean")
    assert not changed(built.files(), built.files(tmp_path / "clean"))


def test_a_take_down_also_holds_for_inputs_added_later(
    built: "Corpus", repository: Callable[[Path, Mapping[str, str]], Path]
) -> None:
    take_down(built, "ada/*", LICENCE_ID)
    files = {"LICENSE": LICENCE, "late.py": "def late():\n    return 'much later'\n" * 3}
    for owner in ("ada", "flo"):
        repository(built.base / "repositories" / f"{owner}__late", files)
        with (built.base / "repositories.jsonl").open("a") as metadata:
            row = {"file": f"repositories/{owner}__late", "full_name": f"{owner}/late"}
            metadata.write("\n" + json.dumps(row))
    run(built)
    assert kept_paths(built, "ada/late") == set()
    assert kept_paths(built, "flo/late") == {"late.py"}
    assert "Permission is hereby granted" not in texts_below(built.out / "tokens")


def test_taking_down_again_rewrites_nothing_and_lists_add_up(built: "Corpus") -> None:
    take_down(built, "cyd/tools", LICENCE_ID)
    before = built.files()
    again = take_down(built, "cyd/tools", LICENCE_ID)
    assert (again.documents, again.shards) == (0, ())
    assert not changed(before, built.files())
    take_down(built, "dan/tools")
    for owner in ("cyd", "dan"):
        assert kept_paths(built, f"{owner}/tools") == set()
        assert f"{owner} step 3" not in texts_below(built.out)


def test_a_take_down_that_was_stopped_is_finished_by_the_next(built: "Corpus") -> None:
    warc = built.base / "pages.warc"
    warc.rename(warc.with_suffix(".away"))
    with pytest.raises(GristmillError, match="no file matches"):
        take_down(built, "cyd/tools")
    warc.with_suffix(".away").rename(warc)
    receipt = take_down(built, "cyd/tools")
    assert receipt.shards
    assert "cyd step 3" not in texts_below(built.out)


def test_gc_removes_what_a_rule_change_left_and_nothing_that_is_needed(built: "Corpus") -> None:
    before = built.files()
    write_recipe(built, rules=HASKELL_500)
    run(built)
    num_files = len(list((built.out / "work").rglob("*.parquet")))
    preview = collect_garbage(str(built.out), dry_run=True)
    assert len(list((built.out / "work").rglob("*.parquet"))) == num_files
    garbage = collect_garbage(str(built.out), dry_run=False)
    assert garbage == preview
    assert garbage.num_files > 0
    assert collect_garbage(str(built.out), dry_run=False).num_files == 0
    assert run(built).num_ran == 0
    write_recipe(built)
    assert run(built).num_ran > 0
    assert not changed(before, built.files())
