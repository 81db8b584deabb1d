"""An index query finds what plain SQL finds, and fetches little of a large table for it."""

import random
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gristmill.corpus.crawl.commoncrawl.columns import INDEX_SCHEMA
from gristmill.corpus.crawl.commoncrawl.merge import merge_selected
from gristmill.corpus.crawl.commoncrawl.query import (
    PartResult,
    QuerySettings,
    read_selected,
    select_from_part,
)
from gristmill.corpus.crawl.commoncrawl.range_file import RangeFile, read_local_range
from gristmill.corpus.crawl.commoncrawl.selection import IndexQuery
from gristmill.corpus.errors import GristmillError

NUM_ROWS = 30_000
GROUP_ROWS = 1000
Select = Callable[..., tuple[PartResult, list[str]]]


def make_row(index: int) -> dict[str, object]:
    chance = random.Random(index)
    name = f"{chance.choice(('www', 'docs', 'a-b'))}.site{index // 100:03}.org"
    domain = name.partition(".")[2]
    path = f"/{chance.choice(('en', 'de'))}/{index}"
    row: dict[str, object] = dict.fromkeys(INDEX_SCHEMA.names)
    return row | {
        "url_surtkey": f"org,{domain[:-4]},{index:06})",
        "url": f"https://{name}{path}",
        "url_host_name": name,
        "url_host_registered_domain": domain,
        "url_host_name_reversed": ".".join(reversed(name.split("."))),
        "url_protocol": "https",
        "url_path": path,
        "fetch_time": datetime(2025, 1, 1, tzinfo=timezone.utc),
        "fetch_status": chance.choice((200, 200, 404)),
        "content_digest": f"{chance.getrandbits(160):040X}"[:32],
        "content_mime_detected": chance.choice(("text/html", "application/pdf")),
        "content_languages": chance.choice(("eng", "deu,eng", "deu", None)),
        "content_truncated": chance.choice((None, "length")),
        "warc_filename": f"crawl-data/X/warc/{chance.randrange(40):05}.warc.gz",
        "warc_record_offset": index * 7919 % 1_000_003,
        "warc_record_length": 100,
        "warc_segment": "1.1",
    }


@pytest.fixture(scope="module")
def part(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("table") / "part-00000.c000.gz.parquet"
    rows = pa.Table.from_pylist([make_row(i) for i in range(NUM_ROWS)], schema=INDEX_SCHEMA)
    pq.write_table(rows, path, compression="gzip", row_group_size=GROUP_ROWS, store_schema=False)
    return path


@pytest.fixture
def select(part: Path, tmp_path: Path) -> Select:
    def run(query: IndexQuery, seed: int = 0) -> tuple[PartResult, list[str]]:
        out = tmp_path / "selected.parquet"
        remote = RangeFile(str(part), part.stat().st_size, read_local_range)
        found = select_from_part(remote, query, out, seed=seed)
        urls = [url for batch in read_selected(out) for url in batch.column("url").to_pylist()]
        assert found.num_selected == len(urls)
        return found, urls

    return run


@pytest.mark.parametrize(
    ("query", "sql"),
    [
        (IndexQuery(), "fetch_status = 200"),
        (IndexQuery(statuses=()), "true"),
        (IndexQuery(domains=("site007.org", "site100.org")), "url ~ '.*site(007|100).org/.*'"),
        (IndexQuery(hosts=("docs.site002.org",)), "url_host_name = 'docs.site002.org'"),
        (
            IndexQuery(domains=("site003.org",), hosts=("docs.site004.org",)),
            "url_host_name = 'docs.site004.org' OR url_host_registered_domain = 'site003.org'",
        ),
        (IndexQuery(mime_types=("application/pdf",)), "content_mime_detected = 'application/pdf'"),
        (IndexQuery(languages=("eng",)), "content_languages LIKE '%eng%'"),
        (
            IndexQuery(url_prefixes=("https://docs.site009.org/en/",)),
            "url LIKE '%docs.site009.org/en/%'",
        ),
        (
            IndexQuery(url_prefixes=("https://docs.site009.org/", "https://docs.site010.org/en/")),
            "url LIKE '%docs.site009.org/%' OR url LIKE '%docs.site010.org/en/%'",
        ),
        (IndexQuery(url_regex=r"/en/\d*7$"), "regexp_matches(url, '/en/.*7$')"),
        (IndexQuery(keep_truncated=False), "content_truncated IS NULL"),
        (IndexQuery(where="url_path LIKE '%3' OR false"), "url LIKE '%3'"),
        (IndexQuery(domains=("none.org",)), "false"),
    ],
)
def test_a_query_finds_what_plain_sql_finds(
    select: Select, part: Path, query: IndexQuery, sql: str
) -> None:
    status = "fetch_status = 200" if query.statuses else "true"
    expected = duckdb.execute(f"SELECT url FROM '{part}' WHERE ({sql}) AND {status}").fetchall()
    assert select(query)[1] == [url for (url,) in expected]


def test_a_domain_costs_a_small_share_of_the_table(select: Select, part: Path) -> None:
    found, urls = select(IndexQuery(domains=("site123.org",)))
    assert urls
    assert found.num_read_rows == GROUP_ROWS
    assert found.fetched_bytes < part.stat().st_size / 5  # two thirds of it the footer


def test_columns_that_are_not_asked_for_are_not_fetched(select: Select, part: Path) -> None:
    found, urls = select(IndexQuery(mime_types=("image/png",), statuses=()))
    assert (urls, found.num_rows) == ([], NUM_ROWS)
    assert found.fetched_bytes < part.stat().st_size / 4


def test_a_limit_is_a_sample_by_the_seed(select: Select) -> None:
    once, again, other = (
        select(IndexQuery(limit=50, domains=("site123.org",)), seed=seed)[1] for seed in (1, 1, 2)
    )
    assert len(once) == 50
    assert once == again != other


def test_a_file_that_is_no_table_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"<html>" * 99)
    remote = RangeFile("https://host/a", 99, lambda _, a, b: (tmp_path / "a").read_bytes()[a:b])
    with pytest.raises(GristmillError, match="https://host/a: it is no Parquet file"):
        select_from_part(remote, IndexQuery(), tmp_path / "out")


def test_a_table_of_other_columns_is_an_error(tmp_path: Path) -> None:
    pq.write_table(pa.table({"url": ["a"]}), tmp_path / "a")
    remote = RangeFile(str(tmp_path / "a"), (tmp_path / "a").stat().st_size, read_local_range)
    with pytest.raises(GristmillError, match="it has no column content_digest, warc_filename"):
        select_from_part(remote, IndexQuery(), tmp_path / "out")


def test_a_short_read_is_an_error(part: Path, tmp_path: Path) -> None:
    remote = RangeFile("u", part.stat().st_size, lambda _, a, b: bytes(min(5, b - a)))
    with pytest.raises(OSError, match="5 of"):
        select_from_part(remote, IndexQuery(), tmp_path / "out")


def test_a_column_that_came_later_is_null_in_an_older_table(part: Path, tmp_path: Path) -> None:
    old = tmp_path / "old.parquet"
    pq.write_table(pq.read_table(part).drop_columns(["content_languages"]).slice(0, 100), old)
    remote = RangeFile(str(old), old.stat().st_size, read_local_range)
    query = IndexQuery(languages=("eng",))
    assert select_from_part(remote, query, tmp_path / "out").num_selected == 0


def test_a_condition_that_fails_on_a_row_is_an_error(select: Select) -> None:
    with pytest.raises(GristmillError, match="try_cast"):
        select(IndexQuery(where="url_path::INTEGER = 1"))


def test_merged_parts_are_sorted_by_file_and_offset(part: Path, tmp_path: Path) -> None:
    parts = []
    for index, status in enumerate((200, 404)):
        remote = RangeFile(str(part), part.stat().st_size, read_local_range)
        parts.append(tmp_path / f"{index}.parquet")
        select_from_part(remote, IndexQuery(statuses=(status,)), parts[-1])
    settings = QuerySettings(max_memory_bytes=64 << 20)
    assert merge_selected(parts, tmp_path / "all.parquet", settings=settings) == NUM_ROWS
    rows = pq.read_table(tmp_path / "all.parquet").to_pylist()
    places = [(row["warc_filename"], row["warc_record_offset"]) for row in rows]
    assert places == sorted(places)
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".sort")] == []


def test_a_sample_does_not_depend_on_how_the_table_is_split(part: Path, tmp_path: Path) -> None:
    rows = pq.read_table(part)
    samples = []
    for num_parts in (1, 3):
        outs = []
        for index in range(num_parts):
            size = -(-rows.num_rows // num_parts)
            path = tmp_path / f"{num_parts}-{index}"
            pq.write_table(rows.slice(index * size, size), path, row_group_size=4000)
            outs.append(path.with_suffix(".out"))
            remote = RangeFile(str(path), path.stat().st_size, read_local_range)
            select_from_part(remote, IndexQuery(limit=20), outs[-1], seed=5)
        merge_selected(outs, tmp_path / "merged", limit=20, seed=5)
        samples.append(pq.read_table(tmp_path / "merged").to_pylist())
    assert len(samples[0]) == 20
    assert samples[0] == samples[1]
