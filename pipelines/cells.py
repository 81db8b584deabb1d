"""The ledger summed up in one pass: a row for each combination of what audits group by.

A ledger of a billion documents comes to some ten thousand rows, so every breakdown and the funnel
are answered from this table; only dictionary columns and three numbers of the ledger are read.
"""

from collections.abc import Collection

from .tables import BuildTables

# Columns that an audit seldom groups by are null unless asked for: each multiplies the rows.
SELDOM = ("encoding", "language_evidence")

_CELLS = """
    CREATE TEMP TABLE cells AS
    SELECT component, language, coalesce(licence, 'unknown') AS licence, source, kind,
        CASE WHEN ? THEN encoding END AS encoding,
        CASE WHEN ? THEN language_evidence END AS language_evidence,
        dropped_by, read_drop IS NULL AS has_text, count(*) AS documents,
        coalesce(sum(num_bytes), 0)::BIGINT AS num_bytes,
        coalesce(sum(tokens), 0)::BIGINT AS tokens
    FROM ledger GROUP BY ALL
"""

_HITS = """
    CREATE TEMP TABLE hit_cells AS
    SELECT rule_hits, component, coalesce(language, 'und') AS language, count(*) AS documents,
        coalesce(sum(num_bytes), 0)::BIGINT AS num_bytes
    FROM ledger WHERE len(rule_hits) > 0 GROUP BY ALL
"""


def add_cells(tables: BuildTables, seldom: Collection[str] = ()) -> None:
    """Make the tables `cells` and `hit_cells` of the ledger, which has been added.

    Args:
        seldom: the columns of SELDOM that will be asked for.
    """
    tables.run(_CELLS, [name in seldom for name in SELDOM])
    tables.run(_HITS)
