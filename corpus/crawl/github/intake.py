"""Takes repositories up, however they were found, so that none is asked for twice.

A repository is an item under its numeric id; one that is only known by name is `name:owner/name`
until its id is known. Names that once led to an id are remembered.
"""

from collections.abc import Iterable

import msgspec

from ..ledger import Ledger
from .rules import REPOSITORY

NAME = "name:"
_TABLE = """
CREATE TABLE IF NOT EXISTS repository_names(
    name TEXT PRIMARY KEY, repository INTEGER NOT NULL
) WITHOUT ROWID
"""


class Seen(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A repository that was found; either field may be missing.

    Attributes:
        node_id: GraphQL's id of it, if a listing gave one.
    """

    id: int | None = None
    full_name: str | None = None
    node_id: str | None = None


class Intake:
    """The repositories of one ledger and the names they go by."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        ledger.connection.execute(_TABLE)

    def take_up(self, found: Iterable[Seen]) -> int:
        """Let repositories wait, within the caller's transaction; return how many are new."""
        return self._ledger.add(REPOSITORY, self._items(found))

    def _items(self, found: Iterable[Seen]) -> Iterable[tuple[str, dict[str, object]]]:
        for seen in found:
            facts: dict[str, object] = msgspec.to_builtins(seen)
            if seen.id is not None:
                yield str(seen.id), facts
            elif seen.full_name is not None and self.number(seen.full_name) is None:
                yield NAME + seen.full_name.lower(), facts

    def number(self, full_name: str) -> int | None:
        """Return the id that a name led to."""
        row = self._ledger.connection.execute(
            "SELECT repository FROM repository_names WHERE name = ?", (full_name.lower(),)
        ).fetchone()
        return None if row is None else int(row[0])

    def resolve(self, item_id: str, number: int) -> None:
        """Put an item that was known by name under its id, within the caller's transaction.

        If the repository is known by its id as well, the item is refused as its `duplicate`.
        """
        connection = self._ledger.connection
        connection.execute(
            "INSERT OR REPLACE INTO repository_names VALUES (?, ?)",
            (item_id.removeprefix(NAME), number),
        )
        if self._ledger.get(REPOSITORY, str(number)) is not None:
            self._ledger.settle(REPOSITORY, item_id, "refused", reason="duplicate")
            return
        connection.execute(
            "UPDATE items SET id = ? WHERE kind = ? AND id = ?", (str(number), REPOSITORY, item_id)
        )


def read_seen(encoded: bytes) -> Seen:
    """Return what a ledger's item says of a repository that was not asked for yet."""
    return msgspec.json.decode(encoded, type=Seen)
