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


class LanguageTokens(msgspec.Struct, frozen=True, kw_only=True):
    """The documents and tokens of one component and language."""

    component: str
    language: str
    documents: int
    tokens: int


class Mismatch(msgspec.Struct, frozen=True, kw_only=True):
    """Documents for which shards and ledger disagree in one way."""

    kind: str
    shard: str
    documents: int
    example: str


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

# One row per document inside a shard; a document's tokens may lie in several runs of its row.
DOCUMENTS = """
    CREATE TEMP TABLE placed AS
    SELECT doc_id, sample_id, shard, component, language, sum(tokens) AS tokens
    FROM (
        SELECT files[i].doc_id AS doc_id, sample_id, shard, component, language,
            coalesce(files[i + 1]."offset", num_tokens) - files[i]."offset" AS tokens
        FROM (
            SELECT *, unnest(range(1, len(files) + 1)) AS i
            FROM (
                SELECT doc_id AS sample_id, shard, component, language, num_tokens,
                    CASE
                        WHEN coalesce(len(files), 0) = 0
                        THEN [{'doc_id': doc_id, 'offset': 0::INTEGER}]
                        ELSE files
                    END AS files
                FROM token_rows
            )
        )
    )
    GROUP BY ALL
"""

MISMATCHES = """
    SELECT kind, shard, count(*) AS documents, lower(hex(min(doc_id))) AS example
    FROM (
        SELECT coalesce(p.doc_id, l.doc_id) AS doc_id, coalesce(p.shard, l.shard, '') AS shard,
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
                    OR coalesce(l.language, 'und') IS DISTINCT FROM p.language THEN 'language'
                WHEN l.tokens IS DISTINCT FROM p.tokens THEN 'tokens'
            END AS kind
        FROM placed AS p FULL JOIN ledger AS l ON p.doc_id = l.doc_id
    )
    WHERE kind IS NOT NULL
    GROUP BY kind, shard ORDER BY kind, shard
"""

SHARD_LANGUAGES = """
    SELECT component, language, count(DISTINCT doc_id) AS documents, sum(tokens) AS tokens
    FROM placed GROUP BY ALL
"""

LEDGER_LANGUAGES = """
    SELECT component, coalesce(language, 'und') AS language, count(*) AS documents,
        coalesce(sum(tokens), 0) AS tokens
    FROM ledger WHERE dropped_by IS NULL GROUP BY ALL
"""

DUPLICATES = """
    SELECT count(*) AS documents, lower(hex(min(doc_id))) AS example
    FROM (SELECT doc_id FROM ledger GROUP BY doc_id HAVING count(*) > 1)
"""

VALUES = """
    WITH kept AS (FROM ledger WHERE dropped_by IS NULL),
    named AS (
        SELECT 'component' AS dimension, component AS value, tokens FROM kept
        UNION ALL SELECT 'language', coalesce(language, 'unknown'), tokens FROM kept
        UNION ALL SELECT 'licence', coalesce(licence, 'unknown'), tokens FROM kept
        UNION ALL SELECT 'source', source, tokens FROM kept
    )
    SELECT dimension, value, count(*) AS documents, coalesce(sum(tokens), 0) AS tokens
    FROM named GROUP BY ALL
    UNION ALL
    SELECT 'drops', dropped_by, count(*), 0
    FROM ledger WHERE dropped_by IS NOT NULL GROUP BY ALL
"""

SUM = """
    SELECT count(*) AS documents, count_if(dropped_by IS NULL) AS kept,
        coalesce(sum(num_bytes), 0) AS num_bytes, coalesce(sum(tokens), 0) AS tokens
    FROM ledger
"""
