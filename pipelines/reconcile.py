"""Reconciliation: shards, ledger, build.json and mixture.json must tell one story.

Tokens are counted from the token lists in the shards. Every difference is one sentence, the cause
before its consequences; many of a kind are one sentence with an example. File contents are not
digested again (a build does that with --verify), but sizes are compared.
"""

from collections.abc import Iterator, Mapping

import msgspec

from ..corpus.mixture import Mixture
from ..corpus.shards import language_folder
from ..corpus.storage import exists, join, read_bytes
from ..corpus.tokenizer_info import Sentinels
from .reconcile_queries import (
    DOCUMENTS,
    DUPLICATES,
    LEDGER_LANGUAGES,
    MISMATCHES,
    SHARD_LANGUAGES,
    SHARDS,
    SUM,
    VALUES,
    LanguageTokens,
    Mismatch,
    RepeatedIds,
    ShardRows,
    Sums,
    TotalsEntry,
)
from .tables import BuildTables

MAX_LISTED = 50  # differences of one kind


def reconcile(tables: BuildTables) -> list[str]:
    """Return every difference between the files of a build; the ledger has been added."""
    readable = tables.add_token_rows()
    _count_documents(tables, readable)
    shards = tables.fetch(ShardRows, SHARDS, (_eos(tables),))
    return [
        *tables.file_differences,
        *_shard_differences(tables, shards),
        *_document_differences(tables),
        *_language_differences(tables),
        *_total_differences(tables),
        *_mixture_differences(tables, shards),
    ]


def _eos(tables: BuildTables) -> int:
    """Return the id that rows end with; of a mixture.json that is wrong, another check speaks."""
    try:
        data = read_bytes(join(tables.out, "mixture.json"))
        return msgspec.json.decode(data, type=Mixture).sentinels.eos
    except (OSError, msgspec.DecodeError):
        return Sentinels().eos


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
    "tokens": "{shard} holds {n} with another number of tokens than the ledger says",
}


def _count_documents(tables: BuildTables, readable: list[str]) -> None:
    """Make the tables that the comparison of documents joins."""
    for name, paths in (("readable", readable), ("named", list(tables.record.tokens))):
        tables.connection.execute(f"CREATE TEMP TABLE {name} (shard VARCHAR)")
        inside = [path.removeprefix("tokens/") for path in paths]
        tables.connection.execute(f"INSERT INTO {name} SELECT unnest(?)", [inside])
    tables.run(DOCUMENTS)


def _shard_differences(tables: BuildTables, shards: list[ShardRows]) -> Iterator[str]:
    counted: dict[str, tuple[int, int]] = {}
    for shard in shards:
        path = f"tokens/{shard.shard}"
        rows, tokens = counted.get(path, (0, 0))
        counted[path] = (rows + shard.rows, tokens + shard.tokens)
        if shard.wrong_counts or shard.tokens != shard.num_tokens:
            yield (
                f"{path}: {shard.wrong_counts:,} rows hold another number of tokens than their "
                f"num_tokens, {shard.tokens:,} and {shard.num_tokens:,} in all"
            )
        if shard.without_eos:
            yield f"{path}: {shard.without_eos:,} rows do not end with EOS"
        if language_folder(shard.language) != path.split("/")[2]:
            yield f"{path} holds rows of {shard.language}"
    for path, named in sorted(tables.record.tokens.items()):
        rows, tokens = counted.get(path, (named.rows, named.tokens))  # a missing file is named
        if (rows, tokens) != (named.rows, named.tokens):
            yield (
                f"{path} holds {rows:,} rows and {tokens:,} tokens, "
                f"build.json says {named.rows:,} and {named.tokens:,}"
            )


def _document_differences(tables: BuildTables) -> Iterator[str]:
    found = tables.fetch(Mismatch, MISMATCHES)
    for mismatch in found[:MAX_LISTED]:
        number = "1 document" if mismatch.documents == 1 else f"{mismatch.documents:,} documents"
        shard = f"tokens/{mismatch.shard}" if mismatch.shard else "no shard"
        sentence = _SENTENCES[mismatch.kind].format(shard=shard, n=number)
        such = "" if mismatch.documents == 1 else "such as "
        yield f"{sentence} ({such}{mismatch.example})"
    if len(found) > MAX_LISTED:
        yield f"{len(found) - MAX_LISTED:,} more differences between shards and ledger"
    (twice,) = tables.fetch(RepeatedIds, DUPLICATES)
    if twice.documents:
        yield f"the ledger has {twice.documents:,} ids more than once (such as {twice.example})"


def _language_differences(tables: BuildTables) -> Iterator[str]:
    held, told = (
        {(part.component, part.language): part for part in tables.fetch(LanguageTokens, query)}
        for query in (SHARD_LANGUAGES, LEDGER_LANGUAGES)
    )
    for key in sorted(held.keys() | told.keys()):
        component, language = key
        nothing = LanguageTokens(component=component, language=language, documents=0, tokens=0)
        ours, theirs = held.get(key, nothing), told.get(key, nothing)
        if ours != theirs:
            yield (
                f"{component}/{language}: the shards hold {ours.tokens:,} tokens of "
                f"{ours.documents:,} documents, the ledger {theirs.tokens:,} of "
                f"{theirs.documents:,}"
            )


def _total_differences(tables: BuildTables) -> Iterator[str]:
    named = tables.record.totals
    (ours,) = tables.fetch(Sums, SUM)
    for field in Sums.__struct_fields__:
        if getattr(ours, field) != getattr(named, field):
            yield (
                f"build.json: totals.{field} is {getattr(named, field):,}, "
                f"the ledger has {getattr(ours, field):,}"
            )
    theirs = {
        (dimension, value): tuple(pair)
        for dimension, values in named.by.items()
        for value, pair in values.items()
    } | {("drops", reason): (count, 0) for reason, count in named.drops.items()}
    counted = {
        (part.dimension, part.value): (part.documents, part.tokens)
        for part in tables.fetch(TotalsEntry, VALUES)
    }
    for key in sorted(theirs.keys() | counted.keys()):
        one, other = theirs.get(key, (0, 0)), counted.get(key, (0, 0))
        if one != other:
            where = "drops" if key[0] == "drops" else f"by.{key[0]}"
            yield (
                f"build.json: totals.{where} of {key[1]} is {one[0]:,} documents and {one[1]:,} "
                f"tokens, the ledger has {other[0]:,} and {other[1]:,}"
            )


def _mixture_differences(tables: BuildTables, shards: list[ShardRows]) -> Iterator[str]:
    url = join(tables.out, "mixture.json")
    if not exists(url):
        yield "mixture.json is missing"
        return
    try:
        mixture = msgspec.json.decode(read_bytes(url), type=Mixture)
    except msgspec.DecodeError as error:
        yield f"mixture.json is not a mixture: {error}"
        return
    tokens: dict[str, int] = {}
    for shard in shards:
        tokens[shard.component] = tokens.get(shard.component, 0) + shard.tokens
    for component in mixture.components:
        if (held := tokens.get(component.name, 0)) != component.tokens:
            yield (
                f"mixture.json: {component.name} has {component.tokens:,} tokens, "
                f"the shards hold {held:,}"
            )
    names = {component.name for component in mixture.components}  # without those of weight 0
    listed = {shard.path for component in mixture.components for shard in component.shards}
    built = {path for path, shard in tables.record.tokens.items() if shard.component in names}
    for path in sorted(listed ^ built):
        where = "mixture.json" if path in listed else "build.json"
        yield f"{path} is named by {where} alone"
