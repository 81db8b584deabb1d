"""Tokens of later epochs: rows, footers, build.json and mixture.json must tell the same.

A row says how many tokens each later epoch makes of it, and the edits that make them; a footer,
build.json and mixture.json have the sums of each row group.
"""

from collections.abc import Iterator, Mapping
from typing import Final

import msgspec

from ..corpus.mixture import Mixture
from ..corpus.shards import METADATA_KEY, ShardMetadata
from .tables import BuildTables

Blocks = tuple[tuple[int, ...], ...]  # tokens of each row group in each later epoch


class LaterRows(msgspec.Struct, frozen=True, kw_only=True):
    """What a shard's rows say of one later epoch; `made` is what their edits come to."""

    shard: str
    epoch: int
    tokens: int
    made: int
    wrong_counts: int


class _FooterText(msgspec.Struct, frozen=True, kw_only=True):
    file: str
    value: bytes


class _Column(msgspec.Struct, frozen=True, kw_only=True):
    name: str


# Shards of format 1 lack the column; where all are of that format there is nothing to compare.
_COLUMN: Final = (
    "SELECT column_name AS name FROM (DESCRIBE token_rows) WHERE column_name = 'later_epochs'"
)

# In `edits`, a negative number -1 - start and the number stop after it stand for stop - start
# tokens, any other number for one; without edits a row is as it is stored.
_LATER = """
    SELECT shard, number AS epoch, sum(num_tokens)::BIGINT AS tokens, sum(made)::BIGINT AS made,
        count_if(made <> num_tokens) AS wrong_counts
    FROM (
        SELECT shard, number, epoch.num_tokens AS num_tokens,
            CASE
                WHEN len(epoch.edits) = 0 THEN stored
                ELSE list_sum(list_transform(epoch.edits, lambda edit, i: CASE
                    WHEN edit < 0 THEN epoch.edits[i + 1] + 1 + edit
                    WHEN i > 1 AND epoch.edits[i - 1] < 0 THEN 0
                    ELSE 1 END))
            END AS made
        FROM (
            SELECT shard, num_tokens AS stored, unnest(later_epochs) AS epoch,
                unnest(range(1, len(later_epochs) + 1)) AS number
            FROM token_rows
        )
    )
    GROUP BY ALL ORDER BY ALL
"""

_METADATA = """
    SELECT file_name AS file, value FROM parquet_kv_metadata(?) WHERE key = ? ORDER BY ALL
"""


def epoch_differences(
    tables: BuildTables, readable: list[str], mixture: Mixture | None, *, check: bool
) -> Iterator[str]:
    """Yield what is wrong with the tokens of later epochs.

    Args:
        tables: token rows have been added.
        readable: paths of the shards in them.
        mixture: what mixture.json says, if it can be read.
        check: read the rows too, and not the footers alone.
    """
    footers, faults = _footers(tables, readable)
    yield from faults
    if check:
        yield from _row_differences(tables, footers)
    built = {path: shard.later_row_groups for path, shard in tables.record.tokens.items()}
    yield from _file_differences(footers, built, "build.json")
    if mixture is not None:
        shards = (shard for component in mixture.components for shard in component.shards)
        mixed = {shard.path: shard.later_block_tokens for shard in shards}
        yield from _file_differences(footers, mixed, "mixture.json")


def _footers(tables: BuildTables, readable: list[str]) -> tuple[dict[str, Blocks], list[str]]:
    """Return what the footers say, and which of them cannot be understood."""
    names = {tables.file_name(path): path for path in readable}
    asked = (tables.patterns(readable), METADATA_KEY)
    footers: dict[str, Blocks] = dict.fromkeys(readable, ())
    faults = list[str]()
    for footer in tables.fetch(_FooterText, _METADATA, asked) if names else ():
        path = names[footer.file]
        try:
            metadata = msgspec.json.decode(footer.value, type=ShardMetadata)
            footers[path] = metadata.later_block_tokens
        except msgspec.DecodeError as error:
            del footers[path]
            faults.append(f"{path}: its footer is not one of a token shard: {error}")
    return footers, faults


def _row_differences(tables: BuildTables, footers: Mapping[str, Blocks]) -> Iterator[str]:
    rows = tables.fetch(LaterRows, _LATER) if tables.fetch(_Column, _COLUMN) else []
    told = {path: dict(enumerate(map(sum, blocks), 1)) for path, blocks in footers.items()}
    for row in rows:
        path = f"tokens/{row.shard}"
        if path not in told:
            continue  # its footer is named already
        if row.wrong_counts:
            yield (
                f"{path}: edits of epoch {row.epoch} make {row.made:,} tokens, the num_tokens of "
                f"{row.wrong_counts:,} rows say otherwise, {row.tokens:,} in all"
            )
        said = told[path].pop(row.epoch, 0)
        if row.tokens != said:
            yield _sentence(path, row.epoch, row.tokens, said)
    for path, left in told.items():
        yield from (_sentence(path, epoch, 0, said) for epoch, said in left.items() if said)


def _sentence(path: str, epoch: int, held: int, said: int) -> str:
    return f"{path} holds {held:,} tokens in epoch {epoch}, its footer says {said:,}"


def _file_differences(
    footers: Mapping[str, Blocks], named: Mapping[str, Blocks], file: str
) -> Iterator[str]:
    """Compare every row group; a shard that one of the two lacks is another difference."""
    for path, blocks in footers.items():
        said = named.get(path, blocks)
        for epoch in range(max(len(blocks), len(said)) if said != blocks else 0):
            one, other = (found[epoch] if epoch < len(found) else () for found in (blocks, said))
            if one != other:
                yield (
                    f"{path}: its footer has {sum(one):,} tokens in {len(one):,} row groups in "
                    f"epoch {epoch + 1}, {file} {sum(other):,} in {len(other):,}"
                )
