"""The audit counts what is there and names every way in which the files of a build disagree."""

import io
import json
import re
import shutil
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import fsspec
import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from gristmill.corpus.errors import GristmillError
from gristmill.filters.languages import language_table
from gristmill.pipelines.audit import DIMENSIONS, Audit, Breakdown, audit, format_table
from gristmill.pipelines.build import build
from gristmill.pipelines.executors import LocalExecutor
from gristmill.pipelines.progress import JsonLines

if TYPE_CHECKING:
    from ..conftest import Corpus

NUM_ROWS = 60


def edit(path: Path, change: Callable[[pa.Table], pa.Table]) -> None:
    """Write a Parquet file anew with a changed table."""
    table = change(pq.ParquetFile(path).read())
    path.unlink()
    pq.write_table(table, path)


def set_values(
    name: str, change: Callable[[object], object], row: int = 0
) -> Callable[[pa.Table], pa.Table]:
    """Return a change of one value of one column."""

    def apply(table: pa.Table) -> pa.Table:
        values = table[name].to_pylist()
        values[row] = change(values[row])
        index = table.schema.get_field_index(name)
        return table.set_column(index, table.field(name), pa.array(values, table[name].type))

    return apply


def python_shard(out: Path) -> Path:
    return min((out / "tokens/code/Python").glob("*.parquet"))


def ledger_of(out: Path, column: str, value: str) -> tuple[Path, int]:
    """Return a ledger file and the first row whose column has the value."""
    for path in sorted((out / "ledger").glob("*.parquet")):
        values = pq.ParquetFile(path).read()[column].to_pylist()
        if value in values:
            return path, values.index(value)
    raise AssertionError((column, value))


def published(out: Path) -> list[Path]:
    """Return the files of a build but those of its work folder."""
    files = (path for path in sorted(out.rglob("*")) if path.is_file())
    return [path for path in files if path.relative_to(out).parts[0] != "work"]


def differences(out: Path) -> list[str]:
    return list(audit(str(out), by=()).differences)


def ledger_rows(out: Path) -> list[dict[str, object]]:
    files = sorted((out / "ledger").glob("*.parquet"))
    return [row for path in files for row in pq.ParquetFile(path).read().to_pylist()]


def breakdown(found: Audit, by: str) -> Breakdown:
    return next(part for part in found.breakdowns if part.by == by)


def test_a_sound_build_has_no_differences(built: Path) -> None:
    found = audit(str(built), by=())
    record = json.loads((built / "build.json").read_bytes())["totals"]
    assert found.differences == ()
    assert found.totals.tokens == record["tokens"] > 0
    assert found.totals.documents == record["documents"]
    assert found.totals.dropped > 0


@pytest.mark.parametrize("by", DIMENSIONS)
def test_every_breakdown_adds_up_to_the_totals(built: Path, by: str) -> None:
    found = audit(str(built), by=(by,))
    groups = breakdown(found, by).groups
    for field in ("documents", "kept", "dropped", "num_bytes", "kept_bytes", "tokens"):
        assert sum(getattr(group, field) for group in groups) == getattr(found.totals, field)
    assert sum(group.token_fraction for group in groups) == pytest.approx(1)


def test_tokens_of_languages_are_those_in_the_shards(built: Path) -> None:
    counted: Counter[tuple[str, str]] = Counter()
    for path in built.glob("tokens/*/*/*.parquet"):
        table = pq.ParquetFile(path).read()
        for language, tokens in zip(table["language"].to_pylist(), table["tokens"], strict=True):
            counted[path.parts[-3], language_table().family(language)] += len(tokens)
    groups = breakdown(audit(str(built), by=("language",)), "language").groups
    assert {(g.component, g.value): g.tokens for g in groups if g.kept} == counted


def test_two_names_of_one_language_are_counted_as_one(copied: Path) -> None:
    before = breakdown(audit(str(copied), by=("language",)), "language").groups
    (one,) = (group for group in before if group.value == "Python")
    names = iter(("Docker", "Dockerfile"))
    for _ in range(2):
        path, row = ledger_of(copied, "language", "Python")
        edit(path, set_values("language", lambda _: next(names), row))
    groups = breakdown(audit(str(copied), by=("language",)), "language").groups
    documents = {group.value: group.documents for group in groups if group.component == "code"}
    assert "Docker" not in documents
    assert documents["Python"] == one.documents - 2
    had = next((group.documents for group in before if group.value == "Dockerfile"), 0)
    assert documents["Dockerfile"] == had + 2


def test_the_funnel_equals_a_count_in_plain_python(built: Path) -> None:
    rows = ledger_rows(built)
    found = audit(str(built), by=())
    drops = {drop.reason: drop for drop in found.funnel}
    first = Counter(row["dropped_by"] for row in rows if row["dropped_by"] is not None)
    hits = Counter(hit for row in rows for hit in row["rule_hits"] or ())  # type: ignore[attr-defined]
    only = Counter(row["rule_hits"][0] for row in rows if len(row["rule_hits"] or ()) == 1)  # type: ignore[index,arg-type]
    assert {name: drop.documents for name, drop in drops.items() if drop.documents} == first
    rules = [drop for drop in found.funnel if drop.kind == "rule"]
    assert {drop.reason: drop.hits for drop in rules} == hits
    assert {drop.reason: drop.only for drop in rules if drop.only} == only
    assert found.totals.documents - sum(first.values()) == found.totals.kept


def test_the_funnel_follows_the_order_of_the_build(built: Path) -> None:
    kinds = [drop.kind for drop in audit(str(built), by=()).funnel]
    assert kinds == sorted(kinds, key=["read", "removal", "rule", "duplicate"].index)
    assert {"read", "rule", "duplicate"} <= set(kinds)


def test_dropped_text_has_an_estimate_of_its_tokens_and_a_binary_file_has_none(
    built: Path,
) -> None:
    drops = {drop.reason: drop for drop in audit(str(built), by=()).funnel}
    assert drops["binary"].estimated_tokens == 0 < drops["binary"].num_bytes
    assert 0 < drops["near_duplicate"].estimated_tokens < drops["near_duplicate"].num_bytes


def test_license_is_another_spelling_of_licence(built: Path) -> None:
    groups = audit(str(built), by=("license",)).breakdowns[0].groups
    assert {"MIT", "unknown"} == {group.value for group in groups}


def test_an_unknown_grouping_names_the_nearest(built: Path) -> None:
    with pytest.raises(GristmillError, match=r"Did you mean `language`"):
        audit(str(built), by=("langauge",))


def test_a_folder_without_a_build_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(GristmillError, match=r"no build\.json"):
        audit(str(tmp_path), by=())


def test_a_missing_shard_is_named_first_and_then_its_consequences(copied: Path) -> None:
    shard = python_shard(copied)
    shard.unlink()
    found = differences(copied)
    path = shard.relative_to(copied)
    assert found[0] == f"{path} is missing"
    assert any(line.startswith("code/Python: the shards hold") for line in found)
    assert not any("C%23" in line or "lacks" in line for line in found)


def test_a_token_less_in_a_row_is_named_with_its_document(copied: Path) -> None:
    shard = python_shard(copied)
    edit(shard, set_values("tokens", lambda tokens: tokens[1:]))  # type: ignore[index]
    edit(shard, set_values("num_tokens", lambda count: count - 1))  # type: ignore[operator]
    found = differences(copied)
    path = shard.relative_to(copied)
    assert any(re.match(rf"{path} has [\d,]+ bytes, build.json says", line) for line in found)
    wrong = f"{path} holds 1 document with another number of tokens than the ledger says"
    assert sum(line.startswith(wrong) for line in found) == 1


def test_a_wrong_num_tokens_is_found_by_counting(copied: Path) -> None:
    shard = python_shard(copied)
    edit(shard, set_values("num_tokens", lambda count: count + 5))  # type: ignore[operator]
    path = shard.relative_to(copied)
    assert any(line.startswith(f"{path}: 1 rows hold another") for line in differences(copied))


def test_a_row_without_eos_is_found(copied: Path) -> None:
    shard = python_shard(copied)
    edit(shard, set_values("tokens", lambda tokens: [*tokens[:-1], 5]))  # type: ignore[index]
    path = shard.relative_to(copied)
    assert f"{path}: 1 rows do not end with EOS" in differences(copied)


def test_a_row_that_was_taken_out_of_a_shard_is_missed(copied: Path) -> None:
    shard = python_shard(copied)
    edit(shard, lambda table: table.slice(1))
    path = shard.relative_to(copied)
    assert any(line.startswith(f"{path} lacks ") for line in differences(copied))


def test_a_row_of_another_shard_is_found(copied: Path) -> None:
    source = next((copied / "tokens/code/C%23").glob("*.parquet"))
    rows = pq.ParquetFile(source).read()
    target = python_shard(copied)
    edit(target, lambda table: pa.concat_tables([table, rows]))
    found = differences(copied)
    assert any("that the ledger places in another shard" in line for line in found)
    assert f"{target.relative_to(copied)} holds rows of C#" in found


def test_a_kept_document_that_the_ledger_calls_dropped_is_found(copied: Path) -> None:
    path, row = ledger_of(copied, "language", "C#")
    edit(path, set_values("dropped_by", lambda _: "invented", row))
    found = differences(copied)
    assert any(
        line.startswith("tokens/code/C%23/") and "that the ledger calls dropped" in line
        for line in found
    )
    assert any("totals.drops of invented is 0 documents" in line for line in found)


def test_a_document_that_left_the_ledger_is_found(copied: Path) -> None:
    path, row = ledger_of(copied, "language", "C#")
    keep = lambda table: table.filter(pc.not_equal(pa.array(range(len(table))), row))  # noqa: E731
    edit(path, keep)
    assert any("1 document that the ledger does not know" in line for line in differences(copied))


def test_a_ledger_that_counts_a_token_more_is_found(copied: Path) -> None:
    path, row = ledger_of(copied, "language", "C#")
    edit(path, set_values("tokens", lambda tokens: tokens + 1, row))  # type: ignore[operator]
    found = differences(copied)
    assert any(line.startswith("code/C#: the shards hold") for line in found)
    assert any(line.startswith("build.json: totals.tokens is") for line in found)


def test_a_document_twice_in_the_ledger_is_found(copied: Path) -> None:
    path, row = ledger_of(copied, "language", "C#")
    edit(path, lambda table: pa.concat_tables([table, table.slice(row, 1)]))
    assert any("the ledger has 1 ids more than once" in line for line in differences(copied))


def test_a_shard_that_no_build_named_is_found(copied: Path) -> None:
    shutil.copyfile(python_shard(copied), copied / "tokens/code/Python/more.parquet")
    assert differences(copied) == ["tokens/code/Python/more.parquet is not a file of this build"]


def test_a_torn_shard_is_named_and_the_rest_is_counted(copied: Path) -> None:
    shard = python_shard(copied)
    shard.write_bytes(shard.read_bytes()[:-20])
    path = shard.relative_to(copied)
    assert any(line.startswith(f"{path} is not a Parquet file") for line in differences(copied))


def test_wrong_totals_in_build_json_are_found(copied: Path) -> None:
    record = json.loads((copied / "build.json").read_bytes())
    record["totals"]["kept"] += 1
    record["totals"]["by"]["licence"]["MIT"][1] += 7
    (copied / "build.json").write_text(json.dumps(record))
    found = differences(copied)
    assert [line.partition(" is ")[0] for line in found] == [
        "build.json: totals.kept",
        "build.json: totals.by.licence of MIT",
    ]


def test_a_mixture_of_another_build_is_found(copied: Path) -> None:
    mixture = json.loads((copied / "mixture.json").read_bytes())
    mixture["components"][0]["tokens"] += 1
    gone = mixture["components"][0]["shards"].pop()
    (copied / "mixture.json").write_text(json.dumps(mixture))
    found = differences(copied)
    assert found[0].startswith("mixture.json: code has ")
    assert found[1:] == [f"{gone['path']} is named by build.json alone"]


@pytest.mark.parametrize("name", ["a[b]*c?d", "key=value", "it's 100% {x}"])
def test_a_strange_folder_name_changes_nothing(built: Path, copied: Path, name: str) -> None:
    moved = copied.rename(copied.parent / name)
    assert audit(str(moved), by=DIMENSIONS) == audit(str(built), by=DIMENSIONS)
    assert audit(str(moved), by=(), check=False) == audit(str(built), by=(), check=False)


def test_a_remote_build_audits_like_a_local_one(built: Path) -> None:
    filesystem = fsspec.filesystem("memory")
    for path in published(built):
        filesystem.pipe_file(f"/remote [1]/{path.relative_to(built)}", path.read_bytes())
    assert audit("memory:///remote [1]", by=DIMENSIONS) == audit(str(built), by=DIMENSIONS)


def test_the_table_fits_a_terminal_and_ends_with_the_verdict(built: Path) -> None:
    text = format_table(audit(str(built), by=DIMENSIONS))
    assert max(map(len, text.splitlines())) <= 100
    assert text.endswith("agree.")
    assert re.search(r"^total +[\d,]+ +[\d,]+ +[\d,]+ +[\d,]+ +[\d,]+ +100\.0%$", text, re.M)


def test_the_table_sums_up_a_long_tail_and_escapes_names(built: Path) -> None:
    found = audit(str(built), by=("source",))
    group = found.breakdowns[0].groups[0]
    groups = tuple(
        msgspec.structs.replace(group, value=f"\x1b[31m{'n' * 200} {i} [bold]\u202e")
        for i in range(NUM_ROWS)
    )
    wide = msgspec.structs.replace(found, breakdowns=(Breakdown(by="source", groups=groups),))
    text = format_table(wide)
    assert "and 20 more" in text
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert max(map(len, text.splitlines())) <= 100


def test_repositories_that_dedup_of_files_left_incomplete_are_named(built: Path) -> None:
    found = audit(str(built), by=()).incomplete
    # bob/tools holds two copies and a near copy of files of ada's, which has a licence
    (bob,) = found.most
    assert (bob.repository, bob.missing) == ("bob__tools", 3)
    assert (found.repositories, found.files) == (1, 3)
    assert found.num_bytes == bob.missing_bytes > 0
    shown = format_table(audit(str(built), by=("component",)))
    assert "left 1 repository incomplete" in shown
    assert "are missing in bob__tools,\n" in shown
    assert f"which keeps {bob.kept} and lacks 3." in shown


def test_a_copy_inside_a_repository_leaves_it_complete(
    corpus: "Corpus", repository: Callable[[Path, Mapping[str, str]], Path]
) -> None:
    readme = "# The same twice\n\nOnce at the top and once among the other documents.\n"
    shutil.rmtree(corpus.base / "repositories")
    repository(corpus.base / "repositories/a__b", {"README.md": readme, "docs/README.md": readme})
    observer = JsonLines(io.StringIO())
    build(str(corpus.recipe), out=str(corpus.out), executor=LocalExecutor(), observer=observer)
    found = audit(str(corpus.out), by=("rule",))
    assert [drop.documents for drop in found.funnel if drop.reason == "exact_duplicate"] == [1]
    assert found.incomplete.repositories == 0


def test_a_document_of_another_source_is_found(copied: Path) -> None:
    shard = next((copied / "tokens/code/C%23").glob("*.parquet"))
    edit(shard, set_values("source", lambda _: "elsewhere"))
    found = differences(copied)
    path = shard.relative_to(copied)
    wrong = f"{path} holds 1 document of another source than the ledger says"
    assert any(line.startswith(wrong) for line in found)
    assert any(
        line.startswith("code/C#, licence") and "source elsewhere: the shards hold" in line
        for line in found
    )


def test_tokens_of_a_licence_and_source_that_differ_are_named(copied: Path) -> None:
    path, row = ledger_of(copied, "language", "C#")
    edit(path, set_values("tokens", lambda tokens: tokens + 3, row))  # type: ignore[operator]
    row_of = pq.ParquetFile(path).read().slice(row, 1).to_pylist()[0]
    name = f"code/C#, licence {row_of['licence'] or 'unknown'}, source github: the shards hold "
    (line,) = [line for line in differences(copied) if line.startswith(name)]
    assert f"{row_of['tokens'] - 3:,} tokens of 1 documents" in line
    assert f"the ledger {row_of['tokens']:,} of 1" in line


def test_a_run_of_tokens_that_moved_between_two_files_of_a_row_is_found(copied: Path) -> None:
    for shard in sorted(copied.glob("tokens/code/*/*.parquet")):
        lists = pq.ParquetFile(shard).read()["files"].to_pylist()
        row = next((i for i, files in enumerate(lists) if len(files) > 1), None)
        if row is not None:
            break
    assert row is not None

    def shifted(files: object) -> object:
        assert isinstance(files, list)
        files[1]["offset"] += 1
        return files

    edit(shard, set_values("files", shifted, row))
    wrong = f"{shard.relative_to(copied)} holds 2 documents with another number of tokens"
    assert any(line.startswith(wrong) for line in differences(copied))


def test_footers_alone_tell_of_a_row_that_was_taken_out(copied: Path) -> None:
    shard = python_shard(copied)
    edit(shard, lambda table: table.slice(1))
    found = audit(str(copied), by=(), check=False).differences
    path = shard.relative_to(copied)
    assert any(
        re.match(rf"{path} holds [\d,]+ rows and [\d,]+ tokens, build", line) for line in found
    )
    assert any(re.match(rf"{path} holds [\d,]+ tokens, the ledger places", line) for line in found)


def test_footers_alone_agree_with_a_sound_build_and_say_what_was_not_read(built: Path) -> None:
    found = audit(str(built), by=(), check=False)
    assert found.differences == ()
    assert format_table(found).endswith("agree; --check reads rows.")


def test_little_memory_changes_no_number(built: Path) -> None:
    assert audit(str(built), by=DIMENSIONS, memory_mb=64) == audit(str(built), by=DIMENSIONS)
