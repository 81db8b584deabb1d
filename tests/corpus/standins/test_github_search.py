"""The search's query language."""

from datetime import datetime, timezone

import pytest

from gristmill.corpus.standins.github.search import SearchError, matches

from .github_client import repository

REPOSITORY = repository(
    1,
    "Alpha/gears",
    stars=50,
    language="C++",
    licence="MIT",
    disk_usage_kib=7,
    created_at=datetime(2023, 10, 31, 23, 59, 59, tzinfo=timezone.utc),
    pushed_at=datetime(2024, 5, 1, tzinfo=timezone.utc),
)
HITS = [
    "gear",
    "user:alpha",
    "org:ALPHA",
    "repo:alpha/gears",
    'language:"c++"',
    "license:mit",
    "stars:50",
    "stars:>=50",
    "stars:<51",
    "stars:10..50",
    "stars:*..50",
    "stars:50..*",
    "size:7",
    "created:2023-10-31",
    "created:<2023-11-01",
    "created:<=2023-10-31",
    "created:2023-10-01..2023-10-31",
    "created:>2023-10-31T00:00:01Z",
    "pushed:>2024-04-30",
    "archived:false",
    "is:public",
]
MISSES = [
    "wheel",
    "user:beta",
    "language:C",
    "stars:>50",
    "stars:51..60",
    "created:>=2023-11-01",
    "created:>2023-10-31",
    "archived:true",
    "fork:only",
    "is:private",
    "user:alpha stars:>50",
]


@pytest.mark.parametrize("query", HITS)
def test_a_query_finds_what_it_describes(query: str) -> None:
    assert matches(query)(REPOSITORY)


@pytest.mark.parametrize("query", MISSES)
def test_a_query_leaves_out_the_rest(query: str) -> None:
    assert not matches(query)(REPOSITORY)


@pytest.mark.parametrize("query", ["", '"open', "stars:", "colour:red"])
def test_a_query_with_a_mistake_is_told(query: str) -> None:
    with pytest.raises(SearchError):
        matches(query)
