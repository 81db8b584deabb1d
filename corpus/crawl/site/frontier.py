"""The pages that a crawl knows, in SQLite: which are waiting, and what became of the others.

No function commits: the ledger that owns the connection does, together with what it says about
files. A page that was taken when the process died is taken again.
"""

import sqlite3
from collections.abc import Iterable, Mapping
from typing import Final, Literal

import msgspec

# In the order in which pages are taken: fewest links from a seed, then found first.
SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS pages (
    number INTEGER PRIMARY KEY,
    url TEXT NOT NULL UNIQUE,
    host TEXT NOT NULL,
    depth INTEGER NOT NULL,
    state TEXT NOT NULL DEFAULT 'waiting',
    found_on TEXT,
    attempts INTEGER NOT NULL DEFAULT 0,
    next_try REAL NOT NULL DEFAULT 0,
    reason TEXT,
    num_bytes INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX IF NOT EXISTS waiting_pages ON pages (host, depth, number, next_try)
    WHERE state = 'waiting';
CREATE INDEX IF NOT EXISTS taken_pages ON pages (number) WHERE state = 'taken';
CREATE TABLE IF NOT EXISTS page_totals (
    state TEXT NOT NULL,
    reason TEXT NOT NULL,
    num_pages INTEGER NOT NULL,
    num_bytes INTEGER NOT NULL,
    PRIMARY KEY (state, reason)
) STRICT, WITHOUT ROWID;
"""

# kept: in the archive as a page; recorded: in the archive, but no page to build from (a redirect,
# noindex, 404); refused: never asked for; failed: given up.
Outcome = Literal["kept", "recorded", "refused", "failed"]
PageState = Literal["waiting", "taken", "kept", "recorded", "refused", "failed"]


class FoundPage(msgspec.Struct, frozen=True, kw_only=True):
    """A page to be added; `found_on` is the page or sitemap that names it, None for a seed."""

    url: str
    host: str
    depth: int
    found_on: str | None = None


class TakenPage(msgspec.Struct, frozen=True, kw_only=True):
    """A page to be fetched now; `attempts` counts this one."""

    url: str
    depth: int
    attempts: int


class PageBudget(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How much a crawl fetches at most, in all its runs; pages in flight may exceed `max_bytes`."""

    max_pages: int = 100_000
    max_bytes: int = 10 << 30


class PageTotal(msgspec.Struct, frozen=True):
    """How many pages are in one state for one reason, and their bytes."""

    num_pages: int
    num_bytes: int


def create_frontier(connection: sqlite3.Connection) -> None:
    """Create the tables where they are missing."""
    for statement in SCHEMA.split(";"):  # executescript would commit
        connection.execute(statement)


def add_pages(connection: sqlite3.Connection, pages: Iterable[FoundPage]) -> int:
    """Add the pages that are not known, in the order given; return how many that are.

    A known page that still waits gets the smaller depth.
    """
    before = _num_known(connection)
    connection.executemany(
        "INSERT INTO pages (url, host, depth, found_on) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (url) DO UPDATE SET depth = excluded.depth"
        " WHERE state = 'waiting' AND excluded.depth < depth",
        ((page.url, page.host, page.depth, page.found_on) for page in pages),
    )
    return _num_known(connection) - before


def take_pages(
    connection: sqlite3.Connection,
    *,
    host: str,
    now: float,
    num_pages: int,
    budget: PageBudget,
) -> list[TakenPage]:
    """Mark the next waiting pages of a host as taken and return them, none beyond the budget.

    Args:
        now: in the seconds of `next_try`; pages that wait for a later time are passed over.
    """
    room = min(num_pages, _room(connection, budget))
    rows = connection.execute(
        "SELECT number, url, depth, attempts + 1 FROM pages"
        " WHERE state = 'waiting' AND host = ? AND next_try <= ?"
        " ORDER BY depth, number LIMIT ?",
        (host, now, max(0, room)),
    ).fetchall()
    connection.executemany(
        "UPDATE pages SET state = 'taken', attempts = attempts + 1 WHERE number = ?",
        ((row[0],) for row in rows),
    )
    return [TakenPage(url=url, depth=depth, attempts=attempts) for _, url, depth, attempts in rows]


def finish_page(
    connection: sqlite3.Connection,
    url: str,
    outcome: Outcome,
    *,
    reason: str | None = None,
    num_bytes: int = 0,
) -> None:
    """Record what became of a page that is waiting or taken."""
    changed = connection.execute(
        "UPDATE pages SET state = ?, reason = ?, num_bytes = ?"
        " WHERE url = ? AND state IN ('waiting', 'taken')",
        (outcome, reason, num_bytes, url),
    )
    assert changed.rowcount == 1, f"{url} is finished already or unknown"
    connection.execute(
        "INSERT INTO page_totals VALUES (?, ?, 1, ?) ON CONFLICT (state, reason) DO UPDATE"
        " SET num_pages = num_pages + 1, num_bytes = num_bytes + excluded.num_bytes",
        (outcome, reason or "", num_bytes),
    )


def retry_page(connection: sqlite3.Connection, url: str, *, next_try: float, reason: str) -> None:
    """Let a taken page wait until a time; `reason` is why it was not fetched now."""
    changed = connection.execute(
        "UPDATE pages SET state = 'waiting', next_try = ?, reason = ?"
        " WHERE url = ? AND state = 'taken'",
        (next_try, reason, url),
    )
    assert changed.rowcount == 1, f"{url} is not taken"


def release_pages(connection: sqlite3.Connection) -> int:
    """Let all taken pages wait, at the start of a run; return how many there were.

    The attempt that nobody finished does not count.
    """
    changed = connection.execute(
        "UPDATE pages SET state = 'waiting', attempts = attempts - 1 WHERE state = 'taken'"
    )
    return changed.rowcount


def waiting_hosts(connection: sqlite3.Connection) -> list[tuple[str, float]]:
    """Return the hosts with waiting pages, and when the first of each may be taken."""
    return list(
        connection.execute(
            "SELECT host, min(next_try) FROM pages WHERE state = 'waiting'"
            " GROUP BY host ORDER BY host"
        )
    )


def num_unfinished(connection: sqlite3.Connection) -> int:
    """Return how many pages are waiting or taken; more than none after a run: a budget ended it."""
    found = connection.execute(
        "SELECT (SELECT count(*) FROM pages WHERE state = 'waiting')"
        " + (SELECT count(*) FROM pages WHERE state = 'taken')"
    ).fetchone()
    return int(found[0])


def page_totals(connection: sqlite3.Connection) -> Mapping[tuple[str, str], PageTotal]:
    """Return the finished pages by outcome and reason, "" where there is none."""
    rows = connection.execute("SELECT * FROM page_totals ORDER BY state, reason")
    return {(state, reason): PageTotal(pages, size) for state, reason, pages, size in rows}


def _num_known(connection: sqlite3.Connection) -> int:
    # Pages are never deleted, so the last number counts them without reading them.
    found = connection.execute("SELECT coalesce(max(number), 0) FROM pages").fetchone()
    return int(found[0])


def _room(connection: sqlite3.Connection, budget: PageBudget) -> int:
    """Return how many pages more may be taken: pages that were never asked for are free."""
    num_pages, num_bytes = connection.execute(
        "SELECT coalesce(sum(num_pages), 0), coalesce(sum(num_bytes), 0) FROM page_totals"
        " WHERE state != 'refused'"
    ).fetchone()
    taken = connection.execute("SELECT count(*) FROM pages WHERE state = 'taken'").fetchone()
    if num_bytes >= budget.max_bytes:
        return 0
    return int(budget.max_pages - num_pages - taken[0])
