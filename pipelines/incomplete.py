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


# Each step is a small part of the one before: files with a keeper, where these keepers lie, and
# the repositories that lack some. Hashes of ids are half as long; ids decide.
_STEPS = (
    """
    CREATE TEMP TABLE copies AS
    SELECT source, collection, keeper, hash(keeper) AS keeper_hash, count(*) AS files,
        coalesce(sum(num_bytes), 0)::BIGINT AS num_bytes
    FROM ledger WHERE keeper IS NOT NULL AND kind = 'file' GROUP BY ALL
    """,
    """
    CREATE TEMP TABLE homes AS
    SELECT DISTINCT item_id, source, collection
    FROM ledger WHERE hash(item_id) IN (SELECT keeper_hash FROM copies)
    """,
    """
    CREATE TEMP TABLE lacking AS
    SELECT c.source, c.collection, sum(c.files)::BIGINT AS missing,
        sum(c.num_bytes)::BIGINT AS missing_bytes
    FROM copies AS c JOIN homes AS h ON h.item_id = c.keeper
        AND (h.source, h.collection) IS DISTINCT FROM (c.source, c.collection)
    GROUP BY ALL
    """,
    """
    CREATE TEMP TABLE incomplete AS
    SELECT l.source, l.collection AS repository, count(*) AS kept, any_value(missing) AS missing,
        any_value(missing_bytes) AS missing_bytes
    FROM ledger AS l JOIN lacking USING (source, collection)
    WHERE l.kind = 'file' AND l.dropped_by IS NULL
    GROUP BY ALL
    """,
)

_COUNT = """
    SELECT count(*) AS repositories, coalesce(sum(missing), 0)::BIGINT AS files,
        coalesce(sum(missing_bytes), 0)::BIGINT AS num_bytes
    FROM incomplete
"""

_MOST = f"""
    SELECT * FROM incomplete ORDER BY missing DESC, repository, source LIMIT {NUM_REPOSITORIES}
"""  # noqa: S608  a constant


def read_incomplete(tables: BuildTables) -> Incomplete:
    """Return the repositories of a build whose ledger has been added."""
    for step in _STEPS:
        tables.run(step)
    (count,) = tables.fetch(_Count, _COUNT)
    most = tables.fetch(IncompleteRepository, _MOST)
    for name in ("copies", "homes", "lacking", "incomplete"):
        tables.run(f"DROP TABLE {name}")
    return Incomplete(**msgspec.structs.asdict(count), most=tuple(most))
