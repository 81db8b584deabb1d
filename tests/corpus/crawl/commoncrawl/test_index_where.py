"""A `where` is one expression about one row, and can reach nothing else."""

import msgspec
import pytest

from gristmill.corpus.crawl.commoncrawl.sandbox import open_sandbox
from gristmill.corpus.crawl.commoncrawl.selection import (
    IndexQuery,
    Selection,
    check_selection,
    crawl_listing,
    is_table_part,
)
from gristmill.corpus.crawl.commoncrawl.where import check_where
from gristmill.corpus.errors import GristmillError


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("url LIKE '%a%'", {"url"}),
        ("url_path = '/' OR fetch_status > 300 -- why", {"url_path", "fetch_status"}),
        ("list_contains(string_split(content_languages, ','), 'eng')", {"content_languages"}),
        ("CASE WHEN url ~ 'a' THEN true ELSE fetch_time > '2024-01-01' END", {"url", "fetch_time"}),
        ("try_cast(url AS INTEGER) IS NULL AND URL NOT IN ('a', 'b')", {"url"}),
    ],
)
def test_a_plain_condition_names_its_columns(text: str, columns: set[str]) -> None:
    assert check_where(text, where="where") == columns


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("url = ", "cannot read it"),
        ("a) OR (b", "cannot read it"),
        ("url = 'a'; SELECT 1", "more than one expression"),
        ("url = 'a' LIMIT 1", "more than one expression"),
        ("url = 'a' UNION SELECT 1", "more than one expression"),
        ("url = 'a' GROUP BY url", "more than one expression"),
        ("url IN (SELECT url FROM part)", "subquery"),
        ("exists(FROM read_csv('/etc/passwd'))", "subquery"),
        ("row_number() OVER () > 1", "window"),
        ("len(list_transform([1], x -> x)) = 1", "lambda"),
        ("$domains IS NULL", "parameter"),
        ("count(*) > 1", "no function of the row alone"),
        ("random() < 0.5", "no function of the row alone"),
        ("now() > fetch_time", "no function of the row alone"),
        ("read_text('/etc/passwd') IS NULL", "no function of the row alone"),
        ("current_setting('threads') = '1'", "no function of the row alone"),
        ("no_such(url)", "no function of the row alone"),
        ("nope = 1", "no column nope"),
        ("part.url = 'a'", "no column part.url"),
        ("url", "gives a VARCHAR"),
        ("lower(url, url) = 'a'", "refuses"),
        ("url = '" + "a" * 10_000 + "'", "over 10000 characters"),
    ],
)
def test_anything_more_is_refused(text: str, why: str) -> None:
    with pytest.raises(GristmillError, match=why):
        check_where(text, where="crawl.commoncrawl[0].index.where")


@pytest.mark.parametrize(
    "sql",
    [
        "FROM read_text('/etc/passwd')",
        "FROM '/etc/passwd'",
        "COPY (SELECT 1) TO '/tmp/gristmill-never'",
        "ATTACH '/tmp/gristmill-never.db'",
        "INSTALL httpfs",
        "SET enable_external_access = true",
        "RESET lock_configuration",
        "FROM GristmillError",
    ],
)
def test_the_sandbox_reaches_nothing(sql: str) -> None:
    import duckdb

    with open_sandbox(max_memory_bytes=64 << 20) as sandbox, pytest.raises(duckdb.Error):
        sandbox.execute(sql).fetchall()


@pytest.mark.parametrize(
    ("selection", "why"),
    [
        (Selection(), "crawls or paths"),
        (Selection(crawls=("CC-MAIN-2024-22",), paths="x"), "crawls or paths"),
        (Selection(crawls=("../x",)), "no crawl id"),
        (Selection(crawls=("CC-MAIN-2024-22",) * 2), "named twice"),
        (Selection(crawls=("CC-MAIN-2024-22",), num_files=0), "below 1"),
        (Selection(paths="x", index=IndexQuery()), "goes with crawls"),
        (Selection(crawls=("CC-MAIN-2024-22",), index=IndexQuery(limit=0)), "limit"),
        (Selection(crawls=("CC-MAIN-2024-22",), index=IndexQuery(hosts=("A.org",))), "lower case"),
        (
            Selection(crawls=("CC-MAIN-2024-22",), index=IndexQuery(url_prefixes=("x.org",))),
            "prefix",
        ),
        (Selection(crawls=("CC-MAIN-2024-22",), index=IndexQuery(url_regex="(")), "regular"),
        (Selection(crawls=("CC-MAIN-2024-22",), index=IndexQuery(where="nope")), "no column"),
    ],
)
def test_a_selection_without_meaning_is_refused(selection: Selection, why: str) -> None:
    with pytest.raises(GristmillError, match=why):
        check_selection(selection, where="crawl.commoncrawl[0]")


def test_an_unknown_key_of_a_selection_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError, match="domain"):
        msgspec.convert({"index": {"domain": ["a.org"]}}, Selection)


def test_listings_and_parts_are_found_by_name() -> None:
    name = crawl_listing("CC-MAIN-2024-22", "warc")
    assert name == "crawl-data/CC-MAIN-2024-22/warc.paths.gz"
    path = "cc-index/table/cc-main/warc/crawl=X/subset={}/part-00000.c000.gz.parquet"
    found = [is_table_part(path.format(one), IndexQuery()) for one in ("warc", "robotstxt")]
    assert found == [True, False]
