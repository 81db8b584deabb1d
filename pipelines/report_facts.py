"""What the report shows beyond the audit: duplicate clusters and the largest contributors."""

from typing import Final

import msgspec

from .report_clusters import Clusters, read_clusters
from .report_contamination import Contamination, read_contamination
from .report_languages import Told, read_told
from .tables import BuildTables

NUM_CONTRIBUTORS: Final = 25


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

    clusters: Clusters
    contributors: tuple[Contributor, ...]
    num_contributors: int
    told: tuple[Told, ...]
    contamination: Contamination | None


class _Count(msgspec.Struct, frozen=True, kw_only=True):
    number: int


# Licences are read of the few that are shown.
_SUMS = """
    CREATE TEMP TABLE contributors AS
    SELECT collection, source, component, count(*) AS documents,
        coalesce(sum(tokens), 0)::BIGINT AS tokens
    FROM ledger WHERE dropped_by IS NULL GROUP BY ALL
"""

_LARGEST = f"""
    CREATE TEMP TABLE largest_contributors AS
    SELECT * FROM contributors
    ORDER BY tokens DESC, collection, source, component LIMIT {NUM_CONTRIBUTORS}
"""  # noqa: S608  a constant

_LICENCES = """
    SELECT c.collection, c.source, c.component, any_value(c.documents) AS documents,
        any_value(c.tokens) AS tokens,
        array_to_string(list_sort(min(DISTINCT coalesce(licence, 'unknown'), 3)), ', ') AS licence
    FROM largest_contributors AS c JOIN ledger AS l ON l.collection = c.collection
        AND l.source = c.source AND l.component = c.component AND l.dropped_by IS NULL
    GROUP BY c.collection, c.source, c.component
    ORDER BY tokens DESC, c.collection, c.source, c.component
"""

_NUM_CONTRIBUTORS = "SELECT count(*) AS number FROM contributors"


def read_facts(tables: BuildTables) -> Facts:
    """Ask the ledger, which has been added to the tables."""
    contributors, number = _read_contributors(tables)
    return Facts(
        clusters=read_clusters(tables),
        contributors=contributors,
        num_contributors=number,
        told=read_told(tables),
        contamination=read_contamination(tables),
    )


def _read_contributors(tables: BuildTables) -> tuple[tuple[Contributor, ...], int]:
    """Return the largest contributors, and how many there are in all."""
    tables.run(_SUMS)
    tables.run(_LARGEST)
    (number,) = tables.fetch(_Count, _NUM_CONTRIBUTORS)
    largest = tuple(tables.fetch(Contributor, _LICENCES))
    for name in ("contributors", "largest_contributors"):
        tables.run(f"DROP TABLE {name}")
    return largest, number.number
