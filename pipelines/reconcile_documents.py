"""Every document of the shards beside its row of the ledger, and sums by licence and source.

Shards whose sums agree are not looked at again; of the others each document is compared.
"""

from collections.abc import Iterator, Mapping

from .reconcile_queries import (
    CLAIMS,
    DISTINCT_IDS,
    DOCUMENTS,
    DUPLICATES,
    GROUPS,
    LANGUAGES,
    LEDGER_PRINTS,
    MISMATCHES,
    NUM_SUSPECTS,
    SHARD_PRINTS,
    SUSPECTS,
    GroupTokens,
    Mismatch,
    RepeatedIds,
)
from .tables import BuildTables

MAX_LISTED = 50  # differences of one kind

_SENTENCES: Mapping[str, str] = {
    "unknown": "{shard} holds {n} that the ledger does not know",
    "dropped": "{shard} holds {n} that the ledger calls dropped",
    "marked": "the ledger gives dropped documents tokens in {shard}: {n}",
    "unplaced": "the ledger keeps {n} without naming a shard",
    "absent": "{shard} lacks {n} that the ledger places there",
    "nowhere": "the ledger places {n} in {shard}, which is not a shard of this build",
    "elsewhere": "{shard} holds {n} that the ledger places in another shard",
    "sample": "{shard} holds {n} in another training document than the ledger says",
    "language": "{shard} holds {n} of another language or component than the ledger says",
    "source": "{shard} holds {n} of another source than the ledger says",
    "tokens": "{shard} holds {n} with another number of tokens than the ledger says",
}


def document_differences(tables: BuildTables, readable: list[str]) -> Iterator[str]:
    """Yield what is wrong with documents, then with languages, licences and sources.

    Args:
        tables: ledger and token rows have been added.
        readable: paths of the shards in them.
    """
    for statement in (LEDGER_PRINTS, SHARD_PRINTS, SUSPECTS):
        tables.run(statement)
    (suspects,) = tables.fetch(RepeatedIds, NUM_SUSPECTS)
    if suspects.documents:
        yield from _mismatches(tables, readable)
    (repeated,) = tables.fetch(RepeatedIds, DISTINCT_IDS)
    if repeated.documents:
        (twice,) = tables.fetch(RepeatedIds, DUPLICATES)
        if twice.documents:
            yield (
                f"the ledger has {twice.documents:,} ids more than once (such as {twice.example})"
            )
    yield from _sums(tables.fetch(GroupTokens, LANGUAGES))
    if suspects.documents:
        yield from _sums(tables.fetch(GroupTokens, GROUPS))


def _mismatches(tables: BuildTables, readable: list[str]) -> Iterator[str]:
    for name, paths in (("readable", readable), ("named", list(tables.record.tokens))):
        tables.run(f"CREATE TEMP TABLE {name} (shard VARCHAR)")
        inside = [path.removeprefix("tokens/") for path in paths]
        tables.run(f"INSERT INTO {name} SELECT unnest(?)", [inside])
    tables.run(DOCUMENTS)
    tables.run(CLAIMS)
    found = tables.fetch(Mismatch, MISMATCHES)
    for mismatch in found[:MAX_LISTED]:
        number = "1 document" if mismatch.documents == 1 else f"{mismatch.documents:,} documents"
        shard = f"tokens/{mismatch.shard}" if mismatch.shard else "no shard"
        sentence = _SENTENCES[mismatch.kind].format(shard=shard, n=number)
        such = "" if mismatch.documents == 1 else "such as "
        yield f"{sentence} ({such}{mismatch.example}{_tokens(mismatch)})"
    if len(found) > MAX_LISTED:
        yield f"{len(found) - MAX_LISTED:,} more differences between shards and ledger"


def _tokens(mismatch: Mismatch) -> str:
    if mismatch.tokens is None:
        return "" if mismatch.told_tokens is None else f"; {mismatch.told_tokens:,} tokens"
    if mismatch.told_tokens in (None, mismatch.tokens):
        return f"; {mismatch.tokens:,} tokens"
    return f"; {mismatch.tokens:,} tokens, the ledger says {mismatch.told_tokens:,}"


def _sums(groups: list[GroupTokens]) -> Iterator[str]:
    for group in groups[:MAX_LISTED]:
        name = f"{group.component}/{group.language}"
        if group.licence:
            name += f", licence {group.licence}, source {group.source}"
        yield (
            f"{name}: the shards hold {group.tokens:,} tokens of {group.documents:,} documents, "
            f"the ledger {group.told_tokens:,} of {group.told_documents:,}"
        )
    if len(groups) > MAX_LISTED:
        yield f"{len(groups) - MAX_LISTED:,} more differences between languages or licences"
