"""What the report shows beyond the audit: duplicate clusters and the largest contributors."""

from typing import Final

import msgspec

from .report_contamination import Contamination, read_contamination
from .report_languages import Told, read_told
from .tables import BuildTables

NUM_CLUSTERS: Final = 15
NUM_MEMBERS: Final = 3
NUM_CONTRIBUTORS: Final = 25
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


class Contributor(msgspec.Struct, frozen=True, kw_only=True):
    """A repository, a host or a data set."""

    collection: str
    source: str
    component: str
    licence: str
    documents: int
    tokens: int


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that the report asks of the ledger beside the audit."""

    duplicates: Duplicates
    clusters: tuple[DuplicateCluster, ...]
    similarities: tuple[SimilarityBin, ...]
    sizes: tuple[ClusterSize, ...]
    contributors: tuple[Contributor, ...]
    num_contributors: int
    told: tuple[Told, ...]
    contamination: Contamination | None


class _Count(msgspec.Struct, frozen=True, kw_only=True):
    number: int


_DUPLICATES = """
    SELECT count(DISTINCT "cluster") AS clusters, count(DISTINCT item_id) AS items,
        count(*) AS documents, coalesce(sum(num_bytes), 0) AS num_bytes
    FROM ledger WHERE "cluster" IS NOT NULL
"""

_CLUSTERS = f"""
    WITH named AS (
        SELECT item_id, "cluster", num_bytes, similarity,
            CASE WHEN kind = 'file' THEN concat(collection, ':', path) ELSE path END AS name
        FROM ledger
    ),
    largest AS (
        SELECT "cluster", count(DISTINCT item_id) AS items, count(*) AS documents,
            sum(num_bytes) AS num_bytes, min(similarity) AS least_similarity,
            min(name, {NUM_MEMBERS}) AS members
        FROM named WHERE "cluster" IS NOT NULL
        GROUP BY "cluster" ORDER BY items DESC, documents DESC, "cluster" LIMIT {NUM_CLUSTERS}
    )
    SELECT coalesce(min(k.name), '') AS keeper, count(k.name) AS keeper_documents,
        any_value(l.items) AS items, any_value(l.documents) AS documents,
        any_value(l.num_bytes) AS num_bytes, any_value(l.least_similarity) AS least_similarity,
        any_value(l.members) AS members
    FROM largest AS l LEFT JOIN named AS k ON k.item_id = l."cluster"
    GROUP BY l."cluster" ORDER BY items DESC, documents DESC, l."cluster"
"""  # noqa: S608  constants

# A similarity is a single-precision number: 0.7 is stored as 0.69999999.
_SIMILARITIES = f"""
    SELECT least({SIMILARITY_BINS - 1}, floor(round(similarity, 5) * {SIMILARITY_BINS}))::INTEGER
            AS bin,
        count(DISTINCT item_id) AS items
    FROM ledger WHERE dropped_by = 'near_duplicate' AND similarity IS NOT NULL
    GROUP BY bin ORDER BY bin
"""  # noqa: S608  constants

_SIZES = """
    SELECT CASE
            WHEN size < 5 THEN size::VARCHAR
            WHEN size < 10 THEN '5 to 9' WHEN size < 100 THEN '10 to 99'
            WHEN size < 1000 THEN '100 to 999' ELSE '1,000 and more'
        END AS size,
        count(*) AS clusters
    FROM (
        SELECT count(DISTINCT item_id) + 1 AS size FROM ledger
        WHERE "cluster" IS NOT NULL GROUP BY "cluster"
    ) AS sizes
    GROUP BY 1 ORDER BY min(sizes.size)
"""

_CONTRIBUTORS = f"""
    SELECT collection, source, component,
        array_to_string(list_sort(min(DISTINCT coalesce(licence, 'unknown'), 3)), ', ') AS licence,
        count(*) AS documents, coalesce(sum(tokens), 0) AS tokens
    FROM ledger WHERE dropped_by IS NULL
    GROUP BY collection, source, component
    ORDER BY tokens DESC, collection, source LIMIT {NUM_CONTRIBUTORS}
"""  # noqa: S608  a constant

_NUM_CONTRIBUTORS = """
    SELECT count(*) AS number FROM (
        SELECT DISTINCT collection, source, component FROM ledger WHERE dropped_by IS NULL
    )
"""


def read_facts(tables: BuildTables) -> Facts:
    """Ask the ledger, which has been added to the tables."""
    (duplicates,) = tables.fetch(Duplicates, _DUPLICATES)
    (number,) = tables.fetch(_Count, _NUM_CONTRIBUTORS)
    return Facts(
        duplicates=duplicates,
        clusters=tuple(tables.fetch(DuplicateCluster, _CLUSTERS)),
        similarities=tuple(tables.fetch(SimilarityBin, _SIMILARITIES)),
        sizes=tuple(tables.fetch(ClusterSize, _SIZES)),
        contributors=tuple(tables.fetch(Contributor, _CONTRIBUTORS)),
        num_contributors=number.number,
        told=read_told(tables),
        contamination=read_contamination(tables),
    )
