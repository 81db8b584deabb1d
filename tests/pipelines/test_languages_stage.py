"""A recipe's languages: what a new extension re-runs and rewrites, and what it does not."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow.parquet as pq
import pytest

from gristmill.corpus.errors import GristmillError
from gristmill.pipelines.build import BuildResult, build
from gristmill.pipelines.executors import LocalExecutor
from gristmill.pipelines.progress import JsonLines
from gristmill.pipelines.recipe import load_recipe

if TYPE_CHECKING:
    from ..conftest import Corpus

BY_NAME = '[languages]\ncontent_model = "none"\n'
HSX = BY_NAME + '[languages.extensions]\nHaskell = [".hsx"]\n'


def run(corpus: "Corpus") -> tuple[BuildResult, list[tuple[str, str]]]:
    """Build; return also which stages ran on which shards."""
    stream = io.StringIO()
    result = build(
        str(corpus.recipe),
        out=str(corpus.out),
        executor=LocalExecutor(),
        observer=JsonLines(stream),
    )
    events = [json.loads(line) for line in stream.getvalue().splitlines()]
    return result, [(e["stage"], e["shard"]) for e in events if e["event"] == "done"]


def rows_of(corpus: "Corpus") -> list[dict[str, object]]:
    columns = ["path", "language", "language_evidence", "dropped_by", "tokens"]
    rows: list[dict[str, object]] = pq.read_table(
        corpus.out / "ledger", columns=columns
    ).to_pylist()
    return rows


@pytest.fixture
def with_hsx(corpus: "Corpus", repository: Callable[[Path, dict[str, str]], Path]) -> "Corpus":
    """The small corpus and a file of an extension that no table knows, built."""
    text = "module Odd where\n" + "".join(f"odd{i} = {i} + length xs\n" for i in range(30))
    files = {"Odd.hsx": text, "a.py": "import os\nprint(os.name)\n"}
    repository(corpus.base / "repositories/hed__odd", files)
    corpus.write(rules=BY_NAME)
    run(corpus)
    return corpus


def test_new_extension_reads_one_shard_and_rewrites_its_language_only(with_hsx: "Corpus") -> None:
    with_hsx.write(rules=HSX)
    result, ran = run(with_hsx)
    assert len([shard for stage, shard in ran if stage == "language"]) == 1
    assert not [shard for stage, shard in ran if stage in ("read", "sign")]
    tokens = [path for path in result.published.written if path.startswith("tokens/")]
    assert tokens
    assert all(path.startswith("tokens/code/Haskell/") for path in tokens)


def test_file_of_the_new_extension_is_kept_from_then_on(with_hsx: "Corpus") -> None:
    (before,) = [row for row in rows_of(with_hsx) if row["path"] == "Odd.hsx"]
    with_hsx.write(rules=HSX)
    run(with_hsx)
    (after,) = [row for row in rows_of(with_hsx) if row["path"] == "Odd.hsx"]
    assert (before["language"], before["dropped_by"]) == (None, "language")
    assert (after["language"], after["language_evidence"]) == ("Haskell", "extension")
    assert after["dropped_by"] is None


def test_misspelt_language_of_an_extension_is_an_error_that_names_the_key(
    corpus: "Corpus",
) -> None:
    corpus.write(rules='[languages.extensions]\nHaskel = [".hsx"]\n')
    with pytest.raises(GristmillError, match=r"languages\.extensions: unknown language `Haskel`"):
        load_recipe(str(corpus.recipe))


COMMENTS = """
[rules.comments]
signal = "comment_language"
none_of = ["de"]
"""
GERMAN = "\n".join(
    f"# Diese Funktion berechnet den Wert Nummer {i} und gibt ihn danach zur\u00fcck.\nx{i} = {i}"
    for i in range(20)
)


def test_rule_on_the_language_of_comments_measures_it_and_drops_by_it(
    corpus: "Corpus", repository: Callable[[Path, dict[str, str]], Path]
) -> None:
    repository(corpus.base / "repositories/hed__de", {"de.py": GERMAN})
    corpus.write(rules=COMMENTS)
    run(corpus)
    dropped = {row["path"] for row in rows_of(corpus) if row["dropped_by"] == "comments"}
    assert dropped == {"de.py"}
    assert "comment_language" in pq.read_schema(next((corpus.out / "ledger").iterdir())).names
