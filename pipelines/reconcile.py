"""Reconciliation: shards, ledger, build.json and mixture.json must tell one story.

A check counts tokens from the token lists and compares every document of a shard with its row of
the ledger; without it the footers of shards are compared, whose totals are the same. Tokens of
later epochs are compared too. Every
difference is one sentence, the cause before its consequences; many of a kind are one sentence with
an example. File contents are not digested again (a build does that with --verify), but sizes are
compared.
"""

from collections.abc import Iterator, Mapping

import msgspec

from ..corpus.mixture import Mixture
from ..corpus.shards import language_folder
from ..corpus.storage import exists, join, read_bytes
from ..corpus.tokenizer_info import Sentinels
from .reconcile_documents import document_differences
from .reconcile_epochs import epoch_differences
from .reconcile_held_out import held_out_differences
from .reconcile_queries import (
    FOOTERS,
    PLACED_TOKENS,
    SHARDS,
    SUM,
    VALUES,
    FooterRows,
    PlacedTokens,
    ShardRows,
    Sums,
    TotalsEntry,
)
from .tables import BuildTables
from .vocabulary import vocabulary_differences

Counted = Mapping[str, tuple[int, int]]  # path of a shard -> rows and tokens


def reconcile(tables: BuildTables, *, check: bool) -> list[str]:
    """Return every difference between the files of a build.

    Args:
        tables: the ledger and its cells have been added.
        check: read every row of the shards; else their footers alone.
    """
    readable = tables.add_token_rows()
    mixture, faults = _read_mixture(tables)
    eos = (mixture.sentinels if mixture else Sentinels()).eos
    rows = tables.fetch(ShardRows, SHARDS, (eos,)) if check else []
    counted = _sums(rows) if check else _footers(tables, readable)
    documents = document_differences(tables, readable) if check else _placed(tables, counted)
    held_out = list(held_out_differences(tables, check=check))
    return [
        *tables.file_differences,
        *_row_differences(rows),
        *_shard_differences(tables, counted),
        *epoch_differences(tables, readable, mixture, check=check),
        *documents,
        *_total_differences(tables),
        *(_mixture_differences(tables, mixture, counted) if mixture else faults),
        *(vocabulary_differences(tables.out, mixture) if mixture else ()),
        *held_out,
    ]


def _read_mixture(tables: BuildTables) -> tuple[Mixture | None, list[str]]:
    """Return what mixture.json says, or what is wrong with it."""
    url = join(tables.out, "mixture.json")
    if not exists(url):
        return None, ["mixture.json is missing"]
    try:
        return msgspec.json.decode(read_bytes(url), type=Mixture), []
    except msgspec.DecodeError as error:
        return None, [f"mixture.json is not a mixture: {error}"]


def _sums(shards: list[ShardRows]) -> Counted:
    counted: dict[str, tuple[int, int]] = {}
    for shard in shards:
        path = f"tokens/{shard.shard}"
        rows, tokens = counted.get(path, (0, 0))
        counted[path] = (rows + shard.rows, tokens + shard.tokens)
    return counted


def _footers(tables: BuildTables, readable: list[str]) -> Counted:
    names = {tables.file_name(path): path for path in readable}
    found = tables.fetch(FooterRows, FOOTERS, (tables.patterns(readable),)) if names else []
    return {names[footer.file]: (footer.rows, footer.tokens) for footer in found}


def _row_differences(shards: list[ShardRows]) -> Iterator[str]:
    for shard in shards:
        path = f"tokens/{shard.shard}"
        if shard.wrong_counts or shard.tokens != shard.num_tokens:
            yield (
                f"{path}: {shard.wrong_counts:,} rows hold another number of tokens than their "
                f"num_tokens, {shard.tokens:,} and {shard.num_tokens:,} in all"
            )
        if shard.without_eos:
            yield f"{path}: {shard.without_eos:,} rows do not end with EOS"
        if language_folder(shard.language) != path.split("/")[2]:
            yield f"{path} holds rows of {shard.language}"


def _shard_differences(tables: BuildTables, counted: Counted) -> Iterator[str]:
    for path, named in sorted(tables.record.tokens.items()):
        rows, tokens = counted.get(path, (named.rows, named.tokens))  # a missing file is named
        if (rows, tokens) != (named.rows, named.tokens):
            yield (
                f"{path} holds {rows:,} rows and {tokens:,} tokens, "
                f"build.json says {named.rows:,} and {named.tokens:,}"
            )


def _placed(tables: BuildTables, counted: Counted) -> Iterator[str]:
    """Compare what footers hold with what the ledger places in each shard."""
    told = {f"tokens/{row.shard}": row.tokens for row in tables.fetch(PlacedTokens, PLACED_TOKENS)}
    for path in sorted(counted.keys() | told.keys()):
        held = counted.get(path, (0, 0))[1]
        if held != told.get(path, 0):
            where = path if path != "tokens/" else "no shard"
            yield (f"{where} holds {held:,} tokens, the ledger places {told.get(path, 0):,} there")


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


def _mixture_differences(tables: BuildTables, mixture: Mixture, counted: Counted) -> Iterator[str]:
    tokens: dict[str, int] = {}
    for path, (_, held) in counted.items():
        name = path.split("/")[1]
        tokens[name] = tokens.get(name, 0) + held
    for component in mixture.components:
        if tokens.get(component.name, 0) != component.tokens:
            yield (
                f"mixture.json: {component.name} has {component.tokens:,} tokens, "
                f"the shards hold {tokens.get(component.name, 0):,}"
            )
    names = {component.name for component in mixture.components}  # without those of weight 0
    listed = {shard.path for component in mixture.components for shard in component.shards}
    built = {path for path, shard in tables.record.tokens.items() if shard.component in names}
    for path in sorted(listed ^ built):
        where = "mixture.json" if path in listed else "build.json"
        yield f"{path} is named by {where} alone"
