"""What the report tells of duplicates: all clusters in numbers, and the largest by name.

The ledger is summed up twice, by item and by cluster, into tables that spill like every sum; names
are read afterwards, of the few clusters that are shown.
"""

from typing import Final

import msgspec

from .tables import BuildTables

NUM_CLUSTERS: Final = 15
NUM_MEMBERS: Final = 3
SIMILARITY_BINS: Final = 20


class Duplicates(msgspec.Struct, frozen=True, kw_only=True):
    """Counts over all clusters; an item is a document or a repository that is compared as one."""

    clusters: int
    items: int
    documents: int
    num_bytes: int


class DuplicateCluster(msgspec.Struct, frozen=True, kw_only=True):
    """One kept item and what was dropped for it; `members` names the first few."""

    keeper: str
    keeper_documents: int
    items: int
    documents: int
    num_bytes: int
    least_similarity: float | None  # None: pages of one URL, whose texts are not compared
    members: tuple[str, ...]


class SimilarityBin(msgspec.Struct, frozen=True, kw_only=True):
    """Near duplicates whose similarity lies in the bin-th twentieth."""

    bin: int
    items: int


class ClusterSize(msgspec.Struct, frozen=True, kw_only=True):
    """How many clusters hold so many items, the keeper included."""

    size: str
    clusters: int


class Clusters(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that the report tells of duplicates; `largest` has most items first."""

    duplicates: Duplicates
    largest: tuple[DuplicateCluster, ...]
    similarities: tuple[SimilarityBin, ...]
    sizes: tuple[ClusterSize, ...]


class _Largest(msgspec.Struct, frozen=True, kw_only=True):
    cluster: bytes
    items: int
    documents: int
    num_bytes: int
    least_similarity: float | None


class _Keeper(msgspec.Struct, frozen=True, kw_only=True):
    cluster: bytes
    name: str | None
    documents: int


class _Members(msgspec.Struct, frozen=True, kw_only=True):
    cluster: bytes
    names: tuple[str, ...]


# An item has one fate, so its documents share cluster, reason and similarity.
_STEPS = (
    """
    CREATE TEMP TABLE copied_items AS
    SELECT "cluster", any_value(similarity) AS similarity,
        bool_and(dropped_by = 'near_duplicate') AS is_near, count(*) AS documents,
        coalesce(sum(num_bytes), 0)::BIGINT AS num_bytes
    FROM ledger WHERE "cluster" IS NOT NULL GROUP BY item_id, "cluster"
    """,
    """
    CREATE TEMP TABLE clusters AS
    SELECT "cluster", count(*) AS items, sum(documents)::BIGINT AS documents,
        sum(num_bytes)::BIGINT AS num_bytes, min(similarity) AS least_similarity
    FROM copied_items GROUP BY "cluster"
    """,
)

_DUPLICATES = """
    SELECT count(*) AS clusters, coalesce(sum(items), 0)::BIGINT AS items,
        coalesce(sum(documents), 0)::BIGINT AS documents,
        coalesce(sum(num_bytes), 0)::BIGINT AS num_bytes
    FROM clusters
"""

# A similarity is a single-precision number: 0.7 is stored as 0.69999999.
_SIMILARITIES = f"""
    SELECT least({SIMILARITY_BINS - 1}, floor(round(similarity, 5) * {SIMILARITY_BINS}))::INTEGER
            AS bin,
        count(*) AS items
    FROM copied_items WHERE is_near AND similarity IS NOT NULL
    GROUP BY bin ORDER BY bin
"""  # noqa: S608  constants

_SIZES = """
    SELECT CASE
            WHEN items < 4 THEN (items + 1)::VARCHAR
            WHEN items < 9 THEN '5 to 9' WHEN items < 99 THEN '10 to 99'
            WHEN items < 999 THEN '100 to 999' ELSE '1,000 and more'
        END AS size,
        count(*) AS clusters
    FROM clusters GROUP BY 1 ORDER BY min(items)
"""

_LARGEST = f"""
    SELECT * FROM clusters
    ORDER BY items DESC, documents DESC, "cluster" LIMIT {NUM_CLUSTERS}
"""  # noqa: S608  a constant

_NAME = "CASE WHEN kind = 'file' THEN concat(collection, ':', path) ELSE path END"

_KEEPERS = f"""
    SELECT item_id AS "cluster", min({_NAME}) AS name, count({_NAME}) AS documents
    FROM ledger WHERE item_id IN (SELECT unnest(?)) GROUP BY item_id
"""  # noqa: S608  a constant

_MEMBERS = f"""
    SELECT "cluster", min({_NAME}, {NUM_MEMBERS}) AS names
    FROM ledger WHERE "cluster" IN (SELECT unnest(?)) GROUP BY "cluster"
"""  # noqa: S608  constants


def read_clusters(tables: BuildTables) -> Clusters:
    """Ask the ledger, which has been added to the tables."""
    for step in _STEPS:
        tables.run(step)
    (duplicates,) = tables.fetch(Duplicates, _DUPLICATES)
    found = Clusters(
        duplicates=duplicates,
        largest=_named(tables, tables.fetch(_Largest, _LARGEST)),
        similarities=tuple(tables.fetch(SimilarityBin, _SIMILARITIES)),
        sizes=tuple(tables.fetch(ClusterSize, _SIZES)),
    )
    for name in ("copied_items", "clusters"):
        tables.run(f"DROP TABLE {name}")
    return found


def _named(tables: BuildTables, largest: list[_Largest]) -> tuple[DuplicateCluster, ...]:
    """Read the names of the clusters that are shown, and of no others."""
    ids = [one.cluster for one in largest]
    keepers = {row.cluster: row for row in tables.fetch(_Keeper, _KEEPERS, [ids])}
    members = {row.cluster: row.names for row in tables.fetch(_Members, _MEMBERS, [ids])}
    return tuple(
        DuplicateCluster(
            keeper=(keeper and keeper.name) or "",
            keeper_documents=keeper.documents if keeper else 0,
            items=one.items,
            documents=one.documents,
            num_bytes=one.num_bytes,
            least_similarity=one.least_similarity,
            members=members.get(one.cluster, ()),
        )
        for one in largest
        for keeper in [keepers.get(one.cluster)]
    )
