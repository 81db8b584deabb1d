"""What the report asks of the ledger equals the same counted row by row, in little memory too."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import TypedDict, cast

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gristmill.pipelines.report import render_report
from gristmill.pipelines.report_clusters import NUM_CLUSTERS, SIMILARITY_BINS
from gristmill.pipelines.report_facts import NUM_CONTRIBUTORS, Facts, read_facts
from gristmill.pipelines.tables import open_tables

NUM_ROWS = 3000
NUM_KEPT = 1000


class Row(TypedDict):
    """The columns that the facts are of."""

    source: str
    component: str
    kind: str
    collection: str
    path: str
    licence: str | None
    num_bytes: int
    tokens: int | None
    dropped_by: str | None
    item_id: bytes | None
    cluster: bytes | None
    similarity: float | None


@pytest.fixture
def ledger(copied: Path) -> Path:
    """A build with clusters of every size, of documents and of items of four documents."""
    path = next((copied / "ledger").glob("*github*.parquet"))
    table = pq.ParquetFile(path).read()
    kept = next(row for row in table.to_pylist() if row["tokens"])
    made = pa.Table.from_pylist([kept | _made(i) for i in range(NUM_ROWS)], schema=table.schema)
    path.unlink()
    pq.write_table(pa.concat_tables([table, made]), path)
    return copied


def _made(i: int) -> dict[str, object]:
    """Return what row `i` has in place of another's: kept, or dropped for one of those."""
    group = i // 4
    own: dict[str, object] = {
        "doc_id": i.to_bytes(16, "big"),
        "item_id": (100_000 + (4 * group if group % 2 else i)).to_bytes(16, "big"),
        "collection": f"owner/{i * i % 499}",
        "path": f"file_{i}.py",
        "licence": ("MIT", "ISC", "Zlib", "0BSD", None)[i % 5],
        "num_bytes": i,
        "tokens": i,
    }
    if i < NUM_KEPT:
        return own
    cluster = (100_000 + 4 * (group**4 % 241)).to_bytes(16, "big")
    reason = ("near_duplicate", "exact_duplicate", "same_page")[group % 3]
    similarity = (0.7 + group % 30 / 100, 1.0, None)[group % 3]
    return own | {
        "dropped_by": reason,
        "cluster": cluster,
        "keeper": cluster,
        "similarity": similarity,
        "tokens": None,
    }


def rows(out: Path) -> list[Row]:
    names = list(Row.__annotations__)
    tables = [pq.ParquetFile(path).read(names) for path in sorted((out / "ledger").iterdir())]
    return cast("list[Row]", pa.concat_tables(tables).to_pylist())


def facts(out: Path, *, memory_mb: int = 1024) -> Facts:
    with open_tables(str(out), memory_mb=memory_mb) as tables:
        tables.add_ledger()
        return read_facts(tables)


def by_cluster(found: Iterable[Row]) -> dict[bytes, list[Row]]:
    clusters = defaultdict(list)
    for row in found:
        if row["cluster"] is not None:
            clusters[row["cluster"]].append(row)
    return clusters


def num_items(found: Iterable[Row]) -> int:
    return len({row["item_id"] for row in found})


def name(row: Row) -> str:
    return f"{row['collection']}:{row['path']}" if row["kind"] == "file" else row["path"]


def test_duplicates_are_counted_by_document_item_and_cluster(ledger: Path) -> None:
    found = facts(ledger).clusters.duplicates
    clusters = by_cluster(rows(ledger))
    copies = [row for members in clusters.values() for row in members]
    assert num_items(copies) < len(copies)
    assert (found.clusters, found.items) == (len(clusters), num_items(copies))
    assert found.documents == len(copies)
    assert found.num_bytes == sum(row["num_bytes"] for row in copies)


def test_the_largest_clusters_have_their_sums_and_first_names(ledger: Path) -> None:
    every = rows(ledger)
    clusters = by_cluster(every)
    sizes = {key: (-num_items(found), -len(found), key) for key, found in clusters.items()}
    largest = facts(ledger).clusters.largest
    assert len(largest) == NUM_CLUSTERS < len(clusters)
    for shown, key in zip(largest, sorted(clusters, key=sizes.__getitem__), strict=False):
        keepers = sorted(name(row) for row in every if row["item_id"] == key)
        assert (shown.items, shown.documents) == (-sizes[key][0], -sizes[key][1])
        assert (shown.keeper, shown.keeper_documents) == (keepers[0], len(keepers))
        assert shown.num_bytes == sum(row["num_bytes"] for row in clusters[key])
        assert list(shown.members) == sorted(map(name, clusters[key]))[:3]
        measured = [row["similarity"] for row in clusters[key]]
        assert shown.least_similarity == min((x for x in measured if x is not None), default=None)


def test_clusters_are_counted_by_size_with_their_keeper(ledger: Path) -> None:
    found = {part.size: part.clusters for part in facts(ledger).clusters.sizes}
    sizes = Counter(num_items(members) + 1 for members in by_cluster(rows(ledger)).values())
    limits = {"2": 2, "3": 3, "4": 4, "5 to 9": 9, "10 to 99": 99, "100 to 999": 999}
    wanted: Counter[str] = Counter()
    for size, number in sizes.items():
        wanted[next(text for text, limit in limits.items() if size <= limit)] += number
    assert found == wanted
    assert list(found) == [text for text in limits if text in found]


def test_near_duplicates_are_counted_by_similarity(ledger: Path) -> None:
    near = {
        row["item_id"]: row["similarity"]
        for row in rows(ledger)
        if row["dropped_by"] == "near_duplicate"
    }
    wanted = Counter(
        min(SIMILARITY_BINS - 1, int(round(similarity or 0, 5) * SIMILARITY_BINS + 1e-9))
        for similarity in near.values()
    )
    assert {bin.bin: bin.items for bin in facts(ledger).clusters.similarities} == wanted


def test_contributors_have_their_tokens_and_licences(ledger: Path) -> None:
    kept = defaultdict(list)
    for row in rows(ledger):
        if row["dropped_by"] is None:
            kept[row["collection"], row["source"], row["component"]].append(row)
    found = facts(ledger)
    assert found.num_contributors == len(kept) > len(found.contributors) == NUM_CONTRIBUTORS
    tokens = {key: sum(row["tokens"] or 0 for row in parts) for key, parts in kept.items()}
    first = sorted(kept, key=lambda key: (-tokens[key], key))[:NUM_CONTRIBUTORS]
    for one, key in zip(found.contributors, first, strict=True):
        licences = {row["licence"] or "unknown" for row in kept[key]}
        assert (one.collection, one.source, one.component) == key
        assert (one.documents, one.tokens) == (len(kept[key]), tokens[key])
        assert one.licence == ", ".join(sorted(licences)[:3])


def test_little_memory_gives_the_same_page(ledger: Path) -> None:
    assert render_report(str(ledger), memory_mb=64) == render_report(str(ledger))
