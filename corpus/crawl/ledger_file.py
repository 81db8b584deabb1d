"""The file that a crawl's ledger lies in: its tables, its format and its lock."""

import fcntl
import sqlite3
from pathlib import Path
from typing import IO

from ..errors import GristmillError

LEDGER = "ledger.sqlite"
FORMAT = 1  # of the tables below

_TABLES = """
CREATE TABLE IF NOT EXISTS items(
    kind TEXT NOT NULL, id TEXT NOT NULL, state TEXT NOT NULL, rank INTEGER NOT NULL,
    position INTEGER NOT NULL, reason TEXT, attempts INTEGER NOT NULL DEFAULT 0,
    next_try REAL NOT NULL DEFAULT 0, num_bytes INTEGER NOT NULL DEFAULT 0, facts BLOB NOT NULL,
    lane TEXT NOT NULL, PRIMARY KEY(kind, id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS items_in_lanes ON items(kind, state, lane, next_try, rank, position)
    WHERE lane <> '';
CREATE INDEX IF NOT EXISTS items_to_take ON items(kind, state, next_try, rank, position);
CREATE TABLE IF NOT EXISTS tallies(
    kind TEXT NOT NULL, state TEXT NOT NULL, reason TEXT NOT NULL, num_items INTEGER NOT NULL,
    num_bytes INTEGER NOT NULL, PRIMARY KEY(kind, state, reason)
) WITHOUT ROWID;
CREATE TRIGGER IF NOT EXISTS item_added AFTER INSERT ON items BEGIN
    INSERT INTO tallies VALUES (new.kind, new.state, coalesce(new.reason, ''), 1, new.num_bytes)
    ON CONFLICT DO UPDATE SET
        num_items = num_items + 1, num_bytes = num_bytes + excluded.num_bytes;
END;
CREATE TRIGGER IF NOT EXISTS item_changed AFTER UPDATE ON items BEGIN
    UPDATE tallies SET num_items = num_items - 1, num_bytes = num_bytes - old.num_bytes
    WHERE kind = old.kind AND state = old.state AND reason = coalesce(old.reason, '');
    INSERT INTO tallies VALUES (new.kind, new.state, coalesce(new.reason, ''), 1, new.num_bytes)
    ON CONFLICT DO UPDATE SET
        num_items = num_items + 1, num_bytes = num_bytes + excluded.num_bytes;
END;
CREATE TRIGGER IF NOT EXISTS item_removed AFTER DELETE ON items BEGIN
    UPDATE tallies SET num_items = num_items - 1, num_bytes = num_bytes - old.num_bytes
    WHERE kind = old.kind AND state = old.state AND reason = coalesce(old.reason, '');
END;
CREATE TABLE IF NOT EXISTS cursors(name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS hosts(
    host TEXT PRIMARY KEY, requests INTEGER NOT NULL DEFAULT 0,
    received_bytes INTEGER NOT NULL DEFAULT 0, retries INTEGER NOT NULL DEFAULT 0,
    refusals INTEGER NOT NULL DEFAULT 0, not_modified INTEGER NOT NULL DEFAULT 0,
    waited_seconds REAL NOT NULL DEFAULT 0
) WITHOUT ROWID;
"""


def lock_folder(folder: Path) -> IO[str]:
    """Return the open lock of a crawl's folder; closing it, or the process's end, gives it up."""
    lock = (folder / "lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        raise GristmillError(
            "another process crawls into this folder",
            where=str(folder),
            todo="Wait for it to end, or stop it.",
        ) from None
    return lock


def prepare_tables(connection: sqlite3.Connection, folder: Path) -> None:
    """Make what tables are missing, in a file of this format or a new one."""
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")  # a kill loses nothing
        (found,) = connection.execute("PRAGMA user_version").fetchone()
    except sqlite3.OperationalError:  # the disk is full, which the caller explains
        raise
    except sqlite3.DatabaseError as error:
        raise GristmillError(
            f"its ledger cannot be read: {error}",
            where=str(folder / LEDGER),
            todo="Restore it from a backup, or crawl into another folder.",
        ) from None
    if found not in (0, FORMAT):
        raise GristmillError(
            f"its ledger has format {found}, this version writes {FORMAT}",
            where=str(folder),
            todo="Use the version that made it, or crawl into another folder.",
        )
    if found == 0:
        connection.executescript(_TABLES)
        connection.execute(f"PRAGMA user_version = {FORMAT}")
