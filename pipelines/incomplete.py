"""Repositories that dedup of files has left incomplete: a kept part, and files that lie elsewhere.

A file whose copy is kept in the same repository is not missing. Languages that are compared as
whole repositories (`dedup.repository_languages`) leave none incomplete among their files.
"""

import msgspec

from .tables import BuildTables

NUM_REPOSITORIES = 10  # shown, those that miss most


class IncompleteRepository(msgspec.Struct, frozen=True, kw_only=True):
    """One repository: its files that are kept, and those dropped for a file of another one."""

    source: str
    repository: str
    kept: int
    missing: int
    missing_bytes: int


class Incomplete(msgspec.Struct, frozen=True, kw_only=True):
    """All such repositories, and the first of them."""

    repositories: int
    files: int
    num_bytes: int
    most: tuple[IncompleteRepository, ...]


class _Count(msgspec.Struct, frozen=True, kw_only=True):
    repositories: int
    files: int
    num_bytes: int


_INCOMPLETE = """
    WITH homes AS (
        SELECT DISTINCT item_id, source, collection FROM ledger
        WHERE item_id IN (SELECT keeper FROM ledger)
    ), repositories AS (
        SELECT l.source, l.collection AS repository, count_if(l.dropped_by IS NULL) AS kept,
            count_if(h.item_id IS NOT NULL) AS missing,
            coalesce(sum(l.num_bytes) FILTER (h.item_id IS NOT NULL), 0) AS missing_bytes
        FROM ledger AS l LEFT JOIN homes AS h ON h.item_id = l.keeper
            AND (h.source, h.collection) IS DISTINCT FROM (l.source, l.collection)
        WHERE l.kind = 'file'
        GROUP BY ALL HAVING kept > 0 AND missing > 0
    )
"""

_COUNT = f"""
    {_INCOMPLETE}
    SELECT count(*) AS repositories, coalesce(sum(missing), 0)::BIGINT AS files,
        coalesce(sum(missing_bytes), 0)::BIGINT AS num_bytes
    FROM repositories
"""  # noqa: S608  a constant

_MOST = f"""
    {_INCOMPLETE}
    SELECT * FROM repositories ORDER BY missing DESC, repository, source LIMIT {NUM_REPOSITORIES}
"""  # noqa: S608  constants


def read_incomplete(tables: BuildTables) -> Incomplete:
    """Return the repositories of a build whose ledger has been added."""
    (count,) = tables.fetch(_Count, _COUNT)
    most = tables.fetch(IncompleteRepository, _MOST)
    return Incomplete(**msgspec.structs.asdict(count), most=tuple(most))
