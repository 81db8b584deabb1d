"""A build of a crawl is the build of the repositories themselves, and follows the crawl."""

import io
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow.parquet as pq
import pytest

from gristmill.corpus.crawl.github.clone import read_clone
from gristmill.corpus.crawl.github.files import ContentLimits
from gristmill.corpus.crawl.github.index import RepositoryFacts
from gristmill.corpus.crawl.github.store import RepositoryStore, StoreSettings
from gristmill.corpus.crawl.ledger import Ledger
from gristmill.corpus.crawl.manifest import CrawlManifest, write_manifest
from gristmill.corpus.errors import GristmillError
from gristmill.corpus.sources.git import head_commit
from gristmill.pipelines.build import BuildResult, build
from gristmill.pipelines.executors import LocalExecutor
from gristmill.pipelines.plan import Plan, plan
from gristmill.pipelines.progress import JsonLines
from gristmill.pipelines.remove import remove_documents

if TYPE_CHECKING:
    from ..conftest import Corpus

IDENTITY = ["doc_id", "content_id", "collection", "path", "revision", "dropped_by", "tokens"]


def crawl(out: Path, folders: Iterable[Path]) -> None:
    """Crawl repositories that are not in the store yet, each under its folder's name."""
    with Ledger(out / "crawl/hub") as ledger:
        store = RepositoryStore(ledger, StoreSettings(num_shards=2, frame_bytes=2000))
        for folder in folders:
            commit = head_commit(folder)
            number = int(commit[:8], 16)
            facts = RepositoryFacts(id=number, full_name=folder.name, commit=commit)
            store.commit(store.collect(facts, read_clone(folder, commit, ContentLimits())))
        store.close()
        manifest = CrawlManifest(kind="github", files=tuple(store.files()), is_complete=True)
    write_manifest(str(out / "crawl/hub"), manifest)


def from_crawl(corpus: "Corpus") -> None:
    text = corpus.recipe.read_text()
    old = 'paths = ["repositories/*"]\nshards = 4\n'
    assert old in text
    corpus.recipe.write_text(text.replace(old, 'crawl = "hub"\n'))


def run(corpus: "Corpus") -> BuildResult:
    result = build(
        str(corpus.recipe),
        out=str(corpus.out),
        executor=LocalExecutor(),
        observer=JsonLines(io.StringIO()),
    )
    assert not result.failures
    return result


def run_plan(corpus: "Corpus") -> Plan:
    return plan(str(corpus.recipe), out=str(corpus.out), executor=LocalExecutor())


def folders(corpus: "Corpus") -> list[Path]:
    return sorted((corpus.base / "repositories").iterdir())


def ledger(corpus: "Corpus") -> list[dict[str, object]]:
    files = sorted((corpus.out / "ledger").glob("*.parquet"))
    rows = [row for path in files for row in pq.read_table(path).to_pylist()]
    kept = [{name: row[name] for name in IDENTITY if name in row} for row in rows]
    return sorted(kept, key=lambda row: str(row["doc_id"]))


def tokens(corpus: "Corpus") -> dict[str, bytes]:
    return {name: data for name, data in corpus.files().items() if name.startswith("tokens/")}


def test_a_build_of_a_crawl_has_the_documents_and_tokens_of_its_repositories(
    corpus: "Corpus",
) -> None:
    run(corpus)
    direct = (ledger(corpus), tokens(corpus))
    crawl(corpus.out, folders(corpus))
    from_crawl(corpus)
    run(corpus)
    assert (ledger(corpus), tokens(corpus)) == direct


def test_a_crawl_that_brought_more_is_read_alone(corpus: "Corpus") -> None:
    from_crawl(corpus)
    crawl(corpus.out, folders(corpus)[:4])
    run(corpus)
    assert run_plan(corpus).tasks == ()
    crawl(corpus.out, folders(corpus)[4:])
    units = {task.shard for task in run_plan(corpus).tasks if task.stage == "read"}
    assert units
    assert all("00001.parquet" in name for name in units)


def test_a_crawl_that_was_not_run_is_named_with_its_recipe(corpus: "Corpus") -> None:
    from_crawl(corpus)
    with pytest.raises(GristmillError, match="there is no such crawl") as caught:
        run(corpus)
    assert str(corpus.recipe) in caught.value.where


def test_a_take_down_reaches_a_repository_that_is_crawled_later(corpus: "Corpus") -> None:
    from_crawl(corpus)
    first, *rest = folders(corpus)
    crawl(corpus.out, rest)
    run(corpus)
    names = corpus.base / "remove.txt"
    names.write_text(f"{first.name}\n")
    remove_documents(
        str(corpus.out),
        str(names),
        recipe=None,
        executor=LocalExecutor(),
        observer=JsonLines(io.StringIO()),
    )
    crawl(corpus.out, [first])
    run(corpus)
    read = (corpus.out / "work/read").rglob("*.parquet")
    texts = [
        row["text"]
        for path in read
        for row in pq.read_table(path, columns=["collection", "text"]).to_pylist()
        if row["collection"] == first.name
    ]
    assert texts
    assert set(texts) == {None}
