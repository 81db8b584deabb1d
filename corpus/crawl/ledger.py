"""The state of one crawl: an SQLite file that says what is done, what waits and what was refused.

Everything a finished item brought is written before its row says `done`, in one transaction, so a
process that is killed loses at most the items it was fetching. Calls come from one thread.
"""

import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import msgspec

from ..errors import GristmillError
from .ledger_file import LEDGER, lock_folder, prepare_tables

ItemState = Literal["waiting", "done", "refused", "failed"]


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to fetch.

    Attributes:
        kind: what it is, such as `repository` or `warc`.
        position: its place in the order of discovery.
        reason: why it was refused, or failed last.
        attempts: how often it has failed.
        next_try: Unix seconds before which it is left alone.
        facts: JSON of what the crawler knows of it.
        lane: what it shares with those that it waits behind, such as a host.
    """

    kind: str
    id: str
    state: ItemState
    position: int
    reason: str | None
    attempts: int
    next_try: float
    num_bytes: int
    facts: bytes
    lane: str = ""


class HostCounts(msgspec.Struct, kw_only=True):
    """What one host was asked for and what it gave."""

    host: str
    requests: int = 0
    received_bytes: int = 0
    retries: int = 0
    refusals: int = 0  # answers that said to slow down or to go away
    not_modified: int = 0
    waited_seconds: float = 0.0  # slept because of the host's limits or ours


class Ledger:
    """The open ledger of one crawl; one process at a time has it."""

    def __init__(self, folder: Path, *, is_reader: bool = False) -> None:
        """Open the ledger in a folder, or make it.

        Args:
            is_reader: only look at it; another process may have it meanwhile.

        Raises:
            GristmillError: if another process has it, or another version wrote it.
            sqlite3.OperationalError: if the disk is full.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._lock = None if is_reader else lock_folder(folder)
        self.connection = sqlite3.connect(folder / LEDGER, isolation_level=None)
        try:
            prepare_tables(self.connection, folder)
        except (GristmillError, sqlite3.Error):
            self.close()
            raise
        (last,) = self.connection.execute("SELECT max(position) FROM items").fetchone()
        self._next_position = 0 if last is None else last + 1

    def close(self) -> None:
        """Give the ledger up."""
        self.connection.close()
        if self._lock is not None:
            self._lock.close()

    def __enter__(self) -> "Ledger":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Commit all that the block writes, or nothing if it raises; blocks do not nest."""
        self.connection.execute("BEGIN IMMEDIATE")
        try:
            yield self.connection
            self.connection.execute("COMMIT")
        except BaseException:
            if self.connection.in_transaction:  # a full disk may have ended it
                self.connection.execute("ROLLBACK")
            raise

    def add(
        self,
        kind: str,
        items: Iterable[tuple[str, Mapping[str, object]]],
        *,
        rank: int = 0,
        lane: str = "",
    ) -> int:
        """Take up items as waiting; return how many were not known yet.

        Args:
            rank: items of a smaller one are taken first. One that waits with a greater rank gets
                this one and these facts.
        """
        num_new = 0
        for item_id, facts in items:
            encoded = msgspec.json.encode(facts)
            is_new = self.connection.execute(
                "INSERT OR IGNORE INTO items(kind, id, state, rank, position, facts, lane)"
                " VALUES (?, ?, 'waiting', ?, ?, ?, ?)",
                (kind, item_id, rank, self._next_position, encoded, lane),
            ).rowcount
            if not is_new:
                self.connection.execute(
                    "UPDATE items SET rank = ?, facts = ?"
                    " WHERE kind = ? AND id = ? AND state = 'waiting' AND rank > ?",
                    (rank, encoded, kind, item_id, rank),
                )
            num_new += is_new
            self._next_position += 1
        return num_new

    def add_tally(self, kind: str, state: ItemState, reason: str, num_items: int) -> None:
        """Count what is not kept as items, such as links that lead elsewhere."""
        self.connection.execute(
            "INSERT INTO tallies VALUES (?, ?, ?, ?, 0)"
            " ON CONFLICT DO UPDATE SET num_items = num_items + excluded.num_items",
            (kind, state, reason, num_items),
        )

    def reopen(self, kind: str, reason: str) -> None:
        """Let what was refused for a reason wait again."""
        self.connection.execute(
            "UPDATE items SET state = 'waiting', reason = NULL"
            " WHERE kind = ? AND state = 'refused' AND reason = ?",
            (kind, reason),
        )

    def get(self, kind: str, item_id: str) -> Item | None:
        """Return one item."""
        found = self._select("kind = ? AND id = ?", (kind, item_id))
        return next(found, None)

    def take(
        self, kind: str, num_items: int, *, lane: str | None = None, now: float | None = None
    ) -> list[Item]:
        """Return the next items that wait and are due; who fetches them settles them.

        An item stays waiting until it is settled, so a killed process's items come again. Ask
        again only when those of the last call are settled.
        """
        now = time.time() if now is None else now
        order = "ORDER BY next_try, rank, position LIMIT ?"
        if lane is None:
            where = f"kind = ? AND state = 'waiting' AND next_try <= ? {order}"
            return list(self._select(where, (kind, now, num_items)))
        where = (
            f"kind = ? AND state = 'waiting' AND lane <> '' AND lane = ? AND next_try <= ? {order}"
        )
        return list(self._select(where, (kind, lane, now, num_items)))

    def lanes(self, kind: str) -> Iterator[str]:
        """Yield the lanes in which items wait, sorted; each costs one look at an index."""
        lane = ""
        query = (
            "SELECT min(lane) FROM items"
            " WHERE kind = ? AND state = 'waiting' AND lane <> '' AND lane > ?"
        )
        while True:
            (found,) = self.connection.execute(query, (kind, lane)).fetchone()
            if found is None:
                return
            lane = str(found)
            yield lane

    def next_due(self, kind: str) -> float | None:
        """Return the earliest `next_try` of the items that wait, None if none waits."""
        where = "kind = ? AND state = 'waiting'"
        query = f"SELECT min(next_try) FROM items WHERE {where}"  # noqa: S608
        (due,) = self.connection.execute(query, (kind,)).fetchone()
        return None if due is None else float(due)

    def each(self, kind: str, state: ItemState) -> Iterator[Item]:
        """Yield all items of a state in their order; the ledger may change meanwhile."""
        position = -1
        while True:
            where = "kind = ? AND state = ? AND position > ? ORDER BY position LIMIT 1000"
            page = list(self._select(where, (kind, state, position)))
            yield from page
            if not page:
                return
            position = page[-1].position

    def settle(
        self,
        kind: str,
        item_id: str,
        state: ItemState,
        *,
        reason: str | None = None,
        num_bytes: int = 0,
        facts: Mapping[str, object] | msgspec.Struct | None = None,
    ) -> None:
        """Write what became of an item; `facts` replaces what was known."""
        encoded = None if facts is None else msgspec.json.encode(facts)
        self.connection.execute(
            "UPDATE items SET state = ?, reason = ?, num_bytes = ?, next_try = 0,"
            " facts = coalesce(?, facts) WHERE kind = ? AND id = ?",
            (state, reason, num_bytes, encoded, kind, item_id),
        )

    def retry(
        self, kind: str, item_id: str, *, reason: str, max_attempts: int, wait_seconds: float
    ) -> None:
        """Count a failed attempt: the item waits for its next one, or has failed for this run."""
        self.connection.execute(
            "UPDATE items SET attempts = attempts + 1, reason = ?, next_try = ?,"
            " state = CASE WHEN attempts + 1 >= ? THEN 'failed' ELSE 'waiting' END"
            " WHERE kind = ? AND id = ?",
            (reason, time.time() + wait_seconds, max_attempts, kind, item_id),
        )

    def forget(self, kind: str, *, prefix: str = "") -> None:
        """Remove the items of a kind whose id starts with a prefix."""
        self.connection.execute(
            "DELETE FROM items WHERE kind = ? AND id >= ? AND id < ?",
            (kind, prefix, prefix + chr(0x10FFFF)),
        )

    def remove(self, kind: str, item_id: str) -> None:
        """Remove one item."""
        self.connection.execute("DELETE FROM items WHERE kind = ? AND id = ?", (kind, item_id))

    def revive(self) -> None:
        """Let what failed in an earlier run wait again, at once."""
        self.connection.execute(
            "UPDATE items SET state = 'waiting', attempts = 0, next_try = 0"
            " WHERE state = 'failed' OR (state = 'waiting' AND attempts > 0)"
        )

    def counts(self) -> dict[str, dict[str, int]]:
        """Return how many items there are by kind and state."""
        found: dict[str, dict[str, int]] = {}
        for kind, state, count in self._tallies("kind, state, sum(num_items)"):
            found.setdefault(kind, {})[state] = count
        return found

    def reasons(self, state: ItemState) -> dict[str, dict[str, int]]:
        """Return how many items of a state there are by kind and reason."""
        found: dict[str, dict[str, int]] = {}
        for kind, reason, count in self._tallies("kind, reason, sum(num_items)", state):
            found.setdefault(kind, {})[reason] = count
        return found

    def done_bytes(self) -> int:
        """Return the size of all that is done."""
        return sum(count for _, _, count in self._tallies("kind, state, sum(num_bytes)", "done"))

    def _tallies(
        self, columns: str, state: ItemState | None = None
    ) -> Iterator[tuple[str, str, int]]:
        """Read the running totals: to count items anew would take as long as there are many."""
        yield from self.connection.execute(
            f"SELECT {columns} FROM tallies WHERE num_items > 0 AND state = coalesce(?, state)"  # noqa: S608
            " GROUP BY 1, 2 ORDER BY 1, 2",
            (state,),
        )

    def cursor(self, name: str) -> str | None:
        """Return a value kept under a name, such as how far a listing was read."""
        row = self.connection.execute(
            "SELECT value FROM cursors WHERE name = ?", (name,)
        ).fetchone()
        return None if row is None else str(row[0])

    def set_cursor(self, name: str, value: str) -> None:
        """Keep a value under a name."""
        self.connection.execute("INSERT OR REPLACE INTO cursors VALUES (?, ?)", (name, value))

    def add_host_counts(self, counts: Iterable[HostCounts]) -> None:
        """Add to the totals of hosts."""
        names = [name for name in HostCounts.__struct_fields__ if name != "host"]
        sums = ", ".join(f"{name} = {name} + excluded.{name}" for name in names)
        query = (
            f"INSERT INTO hosts(host, {', '.join(names)}) VALUES (?{', ?' * len(names)})"  # noqa: S608
            f" ON CONFLICT(host) DO UPDATE SET {sums}"
        )
        rows = [(each.host, *(getattr(each, name) for name in names)) for each in counts]
        self.connection.executemany(query, rows)

    def hosts(self) -> list[HostCounts]:
        """Return the totals of every host, over all runs."""
        names = HostCounts.__struct_fields__
        rows = self.connection.execute(f"SELECT {', '.join(names)} FROM hosts ORDER BY host")  # noqa: S608
        return [HostCounts(**dict(zip(names, row, strict=True))) for row in rows]

    def _select(self, where: str, values: tuple[object, ...]) -> Iterator[Item]:
        names = Item.__struct_fields__
        query = f"SELECT {', '.join(names)} FROM items WHERE {where}"  # noqa: S608
        for row in self.connection.execute(query, values).fetchall():
            yield Item(**dict(zip(names, row, strict=True)))
