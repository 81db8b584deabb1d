"""The questions that reconciliation asks of shards and ledger, and the rows that answer them."""

import msgspec


class ShardRows(msgspec.Struct, frozen=True, kw_only=True):
    """What a token shard's own rows say."""

    shard: str
    component: str
    language: str
    rows: int
    tokens: int
    num_tokens: int
    wrong_counts: int
    without_eos: int


class FooterRows(msgspec.Struct, frozen=True, kw_only=True):
    """What a token shard's footer says."""

    file: str
    rows: int
    tokens: int


class PlacedTokens(msgspec.Struct, frozen=True, kw_only=True):
    """The tokens that the ledger places in one shard; none named is the empty text."""

    shard: str
    tokens: int


class GroupTokens(msgspec.Struct, frozen=True, kw_only=True):
    """Documents and tokens of one component and language, and where asked of licence and source."""

    component: str
    language: str
    licence: str = ""
    source: str = ""
    documents: int
    tokens: int
    told_documents: int  # by the ledger
    told_tokens: int


class Mismatch(msgspec.Struct, frozen=True, kw_only=True):
    """Documents for which shards and ledger disagree in one way."""

    kind: str
    shard: str
    documents: int
    example: str
    tokens: int | None  # of the shard and of the ledger, None where it does not know them
    told_tokens: int | None


class RepeatedIds(msgspec.Struct, frozen=True, kw_only=True):
    """How many ids the ledger has more than once, and one of them."""

    documents: int
    example: str | None


class TotalsEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of build.json's totals as the ledger has it."""

    dimension: str
    value: str
    documents: int
    tokens: int


class Sums(msgspec.Struct, frozen=True, kw_only=True):
    """The totals of build.json as the ledger has them."""

    documents: int
    kept: int
    num_bytes: int
    tokens: int


SHARDS = """
    SELECT shard, component, language, count(*) AS rows,
        sum(len(tokens)) AS tokens, sum(num_tokens) AS num_tokens,
        count_if(len(tokens) <> num_tokens) AS wrong_counts,
        count_if(tokens[-1] IS DISTINCT FROM ?) AS without_eos
    FROM token_rows
    GROUP BY ALL ORDER BY ALL
"""

# The footers of shards: rows, and values of the leaf that holds the tokens.
FOOTERS = """
    SELECT file_name AS file, sum(row_group_num_rows)::BIGINT AS rows,
        sum(num_values)::BIGINT AS tokens
    FROM parquet_metadata(?)
    WHERE starts_with(path_in_schema, 'tokens,')
    GROUP BY file_name ORDER BY file_name
"""

PLACED_TOKENS = """
    SELECT coalesce(shard, '') AS shard, coalesce(sum(tokens), 0)::BIGINT AS tokens
    FROM ledger WHERE shard IS NOT NULL OR tokens IS NOT NULL GROUP BY ALL ORDER BY ALL
"""

# Documents of a shard are compared as sums first: of each document's hash, and of that hash times
# its tokens, so that no table of a billion ids is joined where all agree. Runs of a document that
# is cut in several are added up by the second sum; the first takes each document of a row once.
LEDGER_PRINTS = """
    CREATE TEMP TABLE ledger_prints AS
    SELECT coalesce(shard, '') AS shard, component, coalesce(language, 'und') AS language, source,
        dropped_by IS NOT NULL AS is_dropped, count(*) AS documents,
        coalesce(sum(tokens), 0)::BIGINT AS tokens,
        sum(hash(doc_id, sample_id)::HUGEINT) AS presence,
        coalesce(sum(hash(doc_id, sample_id)::HUGEINT * tokens), 0) AS placement
    FROM ledger WHERE dropped_by IS NULL OR shard IS NOT NULL OR tokens IS NOT NULL
    GROUP BY ALL
"""

SHARD_PRINTS = """
    CREATE TEMP TABLE shard_prints AS
    SELECT shard, component, language, source, false AS is_dropped,
        sum(documents)::BIGINT AS documents, sum(tokens)::BIGINT AS tokens,
        sum(presence) AS presence, sum(placement) AS placement
    FROM (
        SELECT shard, component, language, source, count(*) AS documents,
            sum(num_tokens) AS tokens, sum(hash(doc_id, doc_id)::HUGEINT) AS presence,
            sum(hash(doc_id, doc_id)::HUGEINT * num_tokens) AS placement
        FROM token_rows WHERE coalesce(len(files), 0) = 0 GROUP BY ALL
        UNION ALL
        SELECT shard, component, language, source, count(*), 0,
            sum(hash(document, sample_id)::HUGEINT), 0
        FROM (
            SELECT shard, component, language, source, doc_id AS sample_id,
                unnest(list_distinct(list_transform(files, lambda file: file.doc_id))) AS document
            FROM token_rows WHERE len(files) > 0
        ) GROUP BY ALL
        UNION ALL
        SELECT shard, component, language, source, 0, sum(run), 0,
            sum(hash(document, sample_id)::HUGEINT * run)
        FROM (
            SELECT shard, component, language, source, doc_id AS sample_id,
                files[i].doc_id AS document,
                coalesce(files[i + 1]."offset", num_tokens) - files[i]."offset" AS run
            FROM (
                SELECT *, unnest(range(1, len(files) + 1)) AS i
                FROM token_rows WHERE len(files) > 0
            )
        ) GROUP BY ALL
    )
    GROUP BY ALL
"""

SUSPECTS = """
    CREATE TEMP TABLE suspects AS
    SELECT DISTINCT shard FROM (
        (FROM ledger_prints EXCEPT FROM shard_prints)
        UNION ALL (FROM shard_prints EXCEPT FROM ledger_prints)
    )
"""

NUM_SUSPECTS = "SELECT count(*) AS documents, NULL AS example FROM suspects"

# One row per document inside a shard; a document's tokens may lie in several runs of its row.
DOCUMENTS = """
    CREATE TEMP TABLE placed AS
    SELECT doc_id, sample_id, shard, component, language, source, sum(tokens)::BIGINT AS tokens
    FROM (
        SELECT files[i].doc_id AS doc_id, sample_id, shard, component, language, source,
            coalesce(files[i + 1]."offset", num_tokens) - files[i]."offset" AS tokens
        FROM (
            SELECT *, unnest(range(1, len(files) + 1)) AS i
            FROM (
                SELECT doc_id AS sample_id, shard, component, language, source, num_tokens,
                    CASE
                        WHEN coalesce(len(files), 0) = 0
                        THEN [{'doc_id': doc_id, 'offset': 0::INTEGER}]
                        ELSE files
                    END AS files
                FROM token_rows WHERE shard IN (FROM suspects)
            )
        )
    )
    GROUP BY ALL
"""

# What the ledger places in the same shards, and what it says of their documents wherever they are.
CLAIMS = """
    CREATE TEMP TABLE claims AS
    SELECT doc_id, sample_id, shard, component, coalesce(language, 'und') AS language, source,
        coalesce(licence, 'unknown') AS licence, dropped_by, tokens
    FROM ledger
    WHERE (
        (dropped_by IS NULL OR shard IS NOT NULL OR tokens IS NOT NULL)
        AND coalesce(shard, '') IN (FROM suspects)
    ) OR hash(doc_id) IN (SELECT hash(doc_id) FROM placed)
"""

MISMATCHES = """
    SELECT kind, shard, count(*) AS documents, lower(hex(min(doc_id))) AS example,
        sum(tokens)::BIGINT AS tokens, sum(told_tokens)::BIGINT AS told_tokens
    FROM (
        SELECT coalesce(p.doc_id, l.doc_id) AS doc_id, coalesce(p.shard, l.shard, '') AS shard,
            p.tokens AS tokens, l.tokens AS told_tokens,
            CASE
                WHEN l.doc_id IS NULL THEN 'unknown'
                WHEN p.doc_id IS NOT NULL AND l.dropped_by IS NOT NULL THEN 'dropped'
                WHEN p.doc_id IS NULL AND l.dropped_by IS NOT NULL
                    THEN CASE WHEN l.shard IS NOT NULL OR l.tokens IS NOT NULL THEN 'marked' END
                WHEN p.doc_id IS NULL AND l.shard IS NULL THEN 'unplaced'
                WHEN p.doc_id IS NULL AND l.shard IN (SELECT shard FROM readable) THEN 'absent'
                WHEN p.doc_id IS NULL
                    THEN CASE WHEN l.shard NOT IN (SELECT shard FROM named) THEN 'nowhere' END
                WHEN l.shard IS DISTINCT FROM p.shard THEN 'elsewhere'
                WHEN l.sample_id IS DISTINCT FROM p.sample_id THEN 'sample'
                WHEN l.component IS DISTINCT FROM p.component
                    OR l.language IS DISTINCT FROM p.language THEN 'language'
                WHEN l.source IS DISTINCT FROM p.source THEN 'source'
                WHEN l.tokens IS DISTINCT FROM p.tokens THEN 'tokens'
            END AS kind
        FROM placed AS p FULL JOIN claims AS l ON p.doc_id = l.doc_id
    )
    WHERE kind IS NOT NULL
    GROUP BY kind, shard ORDER BY kind, shard
"""

LANGUAGES = """
    SELECT * FROM (
        SELECT component, language, sum(documents * held)::BIGINT AS documents,
            sum(tokens * held)::BIGINT AS tokens, sum(documents * told)::BIGINT AS told_documents,
            sum(tokens * told)::BIGINT AS told_tokens
        FROM (
            SELECT *, 1 AS held, 0 AS told FROM shard_prints
            UNION ALL SELECT *, 0, 1 FROM ledger_prints WHERE NOT is_dropped
        )
        GROUP BY ALL
    )
    WHERE (documents, tokens) <> (told_documents, told_tokens) ORDER BY ALL
"""

# Licences stand in the ledger alone; that of a document in a shard is the ledger's for its id.
GROUPS = """
    SELECT * FROM (
        SELECT component, language, licence, source, sum(held)::BIGINT AS documents,
            coalesce(sum(tokens * held), 0)::BIGINT AS tokens,
            sum(told)::BIGINT AS told_documents,
            coalesce(sum(tokens * told), 0)::BIGINT AS told_tokens
        FROM (
            SELECT p.component, p.language, coalesce(l.licence, 'unknown') AS licence, p.source,
                p.tokens, 1 AS held, 0 AS told
            FROM placed AS p LEFT JOIN claims AS l ON l.doc_id = p.doc_id
            UNION ALL
            SELECT component, language, licence, source, tokens, 0, 1 FROM claims
            WHERE dropped_by IS NULL AND shard IN (FROM suspects) AND shard IN (FROM readable)
        )
        GROUP BY ALL
    )
    WHERE (documents, tokens) <> (told_documents, told_tokens) ORDER BY ALL
"""

DISTINCT_IDS = """
    SELECT count(*) - count(DISTINCT hash(doc_id)) AS documents, NULL AS example FROM ledger
"""

DUPLICATES = """
    SELECT count(*) AS documents, lower(hex(min(doc_id))) AS example
    FROM (SELECT doc_id FROM ledger GROUP BY doc_id HAVING count(*) > 1)
"""

VALUES = """
    WITH named AS (
        SELECT component, coalesce(language, 'unknown') AS language, licence, source, documents,
            tokens
        FROM cells WHERE dropped_by IS NULL
    )
    SELECT 'component' AS dimension, component AS value, sum(documents)::BIGINT AS documents,
        sum(tokens)::BIGINT AS tokens
    FROM named GROUP BY ALL
    UNION ALL SELECT 'language', language, sum(documents), sum(tokens) FROM named GROUP BY ALL
    UNION ALL SELECT 'licence', licence, sum(documents), sum(tokens) FROM named GROUP BY ALL
    UNION ALL SELECT 'source', source, sum(documents), sum(tokens) FROM named GROUP BY ALL
    UNION ALL SELECT 'drops', dropped_by, sum(documents), 0
    FROM cells WHERE dropped_by IS NOT NULL GROUP BY ALL
"""

SUM = """
    SELECT coalesce(sum(documents), 0)::BIGINT AS documents,
        coalesce(sum(documents) FILTER (dropped_by IS NULL), 0)::BIGINT AS kept,
        coalesce(sum(num_bytes), 0)::BIGINT AS num_bytes,
        coalesce(sum(tokens), 0)::BIGINT AS tokens
    FROM cells
"""
