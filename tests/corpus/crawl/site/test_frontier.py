"""The queue of a crawl survives the process, keeps its order, and ends at its budget."""

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gristmill.corpus.crawl.site.frontier import (
    FoundPage,
    PageBudget,
    PageTotal,
    TakenPage,
    add_pages,
    create_frontier,
    finish_page,
    num_unfinished,
    page_totals,
    release_pages,
    retry_page,
    take_pages,
    waiting_hosts,
)


@pytest.fixture
def frontier(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(tmp_path / "ledger.sqlite")
    create_frontier(connection)
    yield connection
    connection.close()


def add(frontier: sqlite3.Connection, *urls: str, depth: int = 0, host: str = "a") -> int:
    return add_pages(frontier, [FoundPage(url=url, host=host, depth=depth) for url in urls])


def take(
    frontier: sqlite3.Connection,
    num_pages: int = 9,
    *,
    host: str = "a",
    now: float = 0,
    budget: PageBudget | None = None,
) -> list[str]:
    budget = budget or PageBudget()
    pages = take_pages(frontier, host=host, now=now, num_pages=num_pages, budget=budget)
    return [page.url for page in pages]


def test_pages_are_taken_by_depth_and_then_as_they_were_found(
    frontier: sqlite3.Connection,
) -> None:
    add(frontier, "late", depth=2)
    add(frontier, "z", "a", depth=1)
    add(frontier, "seed")
    assert take(frontier, 3) == ["seed", "z", "a"]
    assert take(frontier) == ["late"]


def test_a_page_is_known_once_and_gets_the_smaller_depth(frontier: sqlite3.Connection) -> None:
    assert add(frontier, "x", "y", "x", depth=3) == 2
    assert add(frontier, "y", depth=1) == 0
    pages = take_pages(frontier, host="a", now=0, num_pages=1, budget=PageBudget())
    assert pages == [TakenPage(url="y", depth=1, attempts=1)]


def test_a_finished_page_is_not_taken_again(frontier: sqlite3.Connection) -> None:
    add(frontier, "x")
    take(frontier)
    finish_page(frontier, "x", "kept", num_bytes=10)
    assert add(frontier, "x") == 0
    assert take(frontier) == []


def test_hosts_wait_for_themselves(frontier: sqlite3.Connection) -> None:
    add(frontier, "x")
    add(frontier, "y", host="b")
    assert waiting_hosts(frontier) == [("a", 0), ("b", 0)]
    assert take(frontier, host="b") == ["y"]
    assert waiting_hosts(frontier) == [("a", 0)]


def test_a_page_to_be_tried_again_waits_for_its_time(frontier: sqlite3.Connection) -> None:
    add(frontier, "x")
    take(frontier)
    retry_page(frontier, "x", next_try=50, reason="503")
    assert take(frontier, now=49) == []
    assert waiting_hosts(frontier) == [("a", 50)]
    (page,) = take_pages(frontier, host="a", now=50, num_pages=1, budget=PageBudget())
    assert page.attempts == 2


def test_the_budget_of_pages_counts_those_in_flight_and_not_those_refused(
    frontier: sqlite3.Connection,
) -> None:
    add(frontier, *"abcde")
    finish_page(frontier, "a", "refused", reason="robots")
    budget = PageBudget(max_pages=3)
    assert take(frontier, 2, budget=budget) == ["b", "c"]
    finish_page(frontier, "b", "failed", reason="404")
    assert take(frontier, budget=budget) == ["d"]
    assert take(frontier, budget=budget) == []
    assert num_unfinished(frontier) == 3


def test_the_budget_of_bytes_ends_a_crawl_and_a_larger_one_goes_on(
    frontier: sqlite3.Connection,
) -> None:
    add(frontier, *"abc")
    take(frontier, 1)
    finish_page(frontier, "a", "kept", num_bytes=100)
    assert take(frontier, budget=PageBudget(max_bytes=100)) == []
    assert take(frontier, budget=PageBudget(max_bytes=101)) == ["b", "c"]


def test_what_became_of_pages_is_counted_by_reason(frontier: sqlite3.Connection) -> None:
    add(frontier, *"abcd")
    for url, size in (("a", 5), ("b", 7)):
        finish_page(frontier, url, "kept", num_bytes=size)
    finish_page(frontier, "c", "recorded", reason="noindex", num_bytes=3)
    assert page_totals(frontier) == {
        ("kept", ""): PageTotal(2, 12),
        ("recorded", "noindex"): PageTotal(1, 3),
    }


def test_nothing_is_written_before_the_caller_commits(frontier: sqlite3.Connection) -> None:
    frontier.commit()
    add(frontier, "x")
    take(frontier)
    finish_page(frontier, "x", "kept")
    frontier.rollback()
    assert num_unfinished(frontier) == 0
    assert page_totals(frontier) == {}


KILLED = """
import os, signal, sqlite3, sys
from gristmill.corpus.crawl.site.frontier import *
connection = sqlite3.connect(sys.argv[1])
create_frontier(connection)
add_pages(connection, [FoundPage(url=url, host="a", depth=0) for url in "xyz"])
take_pages(connection, host="a", now=0, num_pages=2, budget=PageBudget())
finish_page(connection, "x", "kept")
connection.commit()
finish_page(connection, "y", "kept")
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_killed_crawl_takes_again_only_what_was_in_flight(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, path], env=os.environ | {"PYTHONPATH": ":".join(sys.path)}
    )
    assert killed.returncode == -signal.SIGKILL
    connection = sqlite3.connect(path)
    assert release_pages(connection) == 1
    pages = take_pages(connection, host="a", now=0, num_pages=9, budget=PageBudget())
    assert [(page.url, page.attempts) for page in pages] == [("y", 1), ("z", 1)]
    connection.close()


def test_taking_a_page_reads_the_queue_by_its_index(frontier: sqlite3.Connection) -> None:
    plan = frontier.execute(
        "EXPLAIN QUERY PLAN SELECT number FROM pages WHERE state = 'waiting' AND host = ?"
        " AND next_try <= ? ORDER BY depth, number LIMIT 1",
        ("a", 0),
    ).fetchall()
    assert [row[3] for row in plan] == ["SEARCH pages USING INDEX waiting_pages (host=?)"]
