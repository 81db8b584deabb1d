"""What is evaluated on has no copy in training: of files, of whole repositories, of pages."""

import io
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow.parquet as pq
import pytest

from gristmill.corpus.held_out import read_held_out
from gristmill.corpus.tokenizer import load_tokenizer
from gristmill.pipelines.build import build
from gristmill.pipelines.executors import LocalExecutor
from gristmill.pipelines.held_out_units import Place, hash_limit, unit_hashes
from gristmill.pipelines.progress import JsonLines

if TYPE_CHECKING:
    MakeRepository = Callable[[Path, Mapping[str, str | bytes]], Path]

RECIPE = """\
name = "leaks"
seed = {seed}

[[source]]
name = "github"
kind = "repository"
component = "code"
paths = ["repositories/*"]
metadata = "repositories.jsonl"
shards = 2

[[source]]
name = "issues"
kind = "documents"
component = "code"
paths = ["issues.jsonl"]

[[source]]
name = "web"
kind = "warc"
component = "text"
paths = ["pages.warc"]

[rules]
preset = "none"

[dedup]
repository_languages = ["Python"]
boilerplate = {{ min_pages = 3, scope = "corpus" }}

[held_out]
fraction = 0.5

[mixture.weights]
code = 0.5
text = 0.5
"""
OWNERS = ("ada", "bob", "cyd", "dan")
SITES = ("one.example", "two.example", "three.example", "four.example")
MENU = "Home, products, prices and how to contact the people who made this"
Row = dict[str, object]


def module(name: str, functions: int = 40) -> str:
    return "".join(
        f"def {name}_{i}(value):\n    return value * {i} + len('{name} step {i}')\n\n\n"
        for i in range(functions)
    )


def files(owner: str) -> dict[str, str | bytes]:
    """Return a repository with files of its own, one that all have, and one that all edited."""
    return {
        "main.py": module(f"main_{owner}", 90),
        "vendored/six.py": module("six"),
        "vendored/near.py": module("near") + f"# as {owner} wants it\n",
        "six.hs": "".join(f"six{i} :: Int\nsix{i} = {i}\n" for i in range(40)),
        f"{owner}.hs": "".join(f"{owner}{i} :: Int\n{owner}{i} = {i}\n" for i in range(40)),
    }


def page(site: str, number: int) -> str:
    lines = "".join(f"<p>{site} says in {number} that {i} is {i * 7}.</p>" for i in range(20))
    return f"<html><body><p>{MENU}</p><main>{lines}</main></body></html>"


@pytest.fixture(scope="module")
def base(
    tmp_path_factory: pytest.TempPathFactory,
    repository: "MakeRepository",
    warc_record: Callable[[str, str], bytes],
) -> Path:
    """Repositories that share files, their issues, and sites that share a line."""
    found = tmp_path_factory.mktemp("leaks")
    for owner in OWNERS:
        repository(found / "repositories" / owner, files(owner))
    names = [{"file": f"repositories/{o}", "full_name": f"{o.title()}/tools"} for o in OWNERS]
    (found / "repositories.jsonl").write_text("\n".join(map(json.dumps, names)))
    issues = [
        {"id": f"{owner}/Tools#{i}", "text": f"{owner} has trouble number {i}. " * 9}
        for owner in OWNERS
        for i in range(3)
    ]
    (found / "issues.jsonl").write_text("\n".join(map(json.dumps, issues)))
    pages = [warc_record(f"https://www.{s}/{i}", page(s, i)) for s in SITES for i in range(2)]
    (found / "pages.warc").write_bytes(b"".join(pages))
    return found


def is_held_out(seed: int, kind: str, name: str) -> bool:
    place = Place(kind=kind, source="", collection=name, path=name, origin_file="")
    return unit_hashes([place], seed=seed)[0] < hash_limit(0.5)


def seeds(number: int) -> list[int]:
    """Return seeds that hold out some of the repositories and some of the sites, not all."""
    found = []
    for seed in range(1000):
        owners = sum(is_held_out(seed, "file", f"{owner}/tools") for owner in OWNERS)
        sites = sum(is_held_out(seed, "page", f"https://{site}") for site in SITES)
        if 0 < owners < len(OWNERS) and 0 < sites < len(SITES):
            found.append(seed)
    return found[:number]


def run(base: Path, seed: int) -> list[Row]:
    """Build with a seed, once, and return the ledger."""
    recipe, out = base / f"{seed}.toml", base / f"out{seed}"
    recipe.write_text(RECIPE.format(seed=seed))
    result = build(
        str(recipe), out=str(out), executor=LocalExecutor(), observer=JsonLines(io.StringIO())
    )
    assert not result.failures, result.failures
    rows: list[Row] = pq.read_table(out / "ledger").to_pylist()
    return rows


def side(row: Row) -> str:
    return str(row["dropped_by"] or "kept")


SEEDS = seeds(4)


@pytest.mark.parametrize("seed", SEEDS)
def test_files_of_both_sides_are_evaluated_on_by_none(base: Path, seed: int) -> None:
    for row in run(base, seed):
        name, owner = str(row["path"]), str(row["collection"]).partition("/")[0].casefold()
        if name.startswith(("vendored/", "main")):
            is_shared = name.startswith("vendored/")
            told = "held_out_copy" if is_shared else "held_out"
            held = is_held_out(seed, "file", f"{owner}/tools")
            assert side(row) == (told if held else "kept"), (owner, name)


@pytest.mark.parametrize("seed", SEEDS)
def test_copies_that_dedup_drops_stay_dropped(base: Path, seed: int) -> None:
    rows = run(base, seed)
    shared = [side(row) for row in rows if row["path"] == "six.hs"]
    assert sorted(shared)[: len(OWNERS) - 1] == ["exact_duplicate"] * (len(OWNERS) - 1)
    for own in ("ada.hs", "bob.hs"):
        assert [side(row) for row in rows if row["path"] == own] in (["kept"], ["held_out"])


@pytest.mark.parametrize("seed", SEEDS)
def test_no_text_is_on_both_sides(base: Path, seed: int) -> None:
    rows = run(base, seed)
    trained = {row["content_id"] for row in rows if side(row) == "kept"}
    evaluated = {row["content_id"] for row in rows if side(row) == "held_out"}
    assert trained
    assert evaluated
    assert not trained & evaluated


@pytest.mark.parametrize("seed", SEEDS)
def test_issues_are_on_the_side_of_their_repository(base: Path, seed: int) -> None:
    rows = [row for row in run(base, seed) if row["source"] == "issues"]
    for row in rows:
        owner = str(row["path"]).partition("/")[0]
        held = is_held_out(seed, "file", f"{owner}/tools")
        assert side(row) == ("held_out" if held else "kept")
    assert len(rows) == 3 * len(OWNERS)


@pytest.mark.parametrize("seed", SEEDS)
def test_lines_that_sites_share_are_cut_on_both_sides(base: Path, seed: int) -> None:
    rows = [row for row in run(base, seed) if row["source"] == "web"]
    assert {side(row) for row in rows} == {"kept", "held_out"}
    assert all(row["cut_chars"] for row in rows)
    tokenizer = load_tokenizer()
    texts = [
        tokenizer.decode_bytes(document.tokens[:-1]).decode()
        for document in read_held_out(str(base / f"out{seed}"))
        if document.component == "text"
    ]
    assert texts
    assert not any(MENU in text for text in texts)
