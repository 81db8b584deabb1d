"""The rows of an export that come from token shards: training documents, as ids or as text."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ...corpus.blocks import epoch_entries, rearrange_rows
from ...corpus.storage import join
from ...corpus.tokenizer import load_tokenizer
from ...corpus.tokenizer_file import spelt_sentinels
from ...corpus.tokenizer_info import TokenizerSource
from .outline import Block
from .settings import Content
from .source import open_source
from .split import Split

_PART = pa.struct([("id", pa.string()), ("offset", pa.int32())])
_FILE = pa.struct([("doc_id", pa.binary(16)), ("offset", pa.int32())])
_SAMPLE = [
    ("id", pa.string()),
    ("component", pa.string()),
    ("language", pa.string()),
    ("source", pa.string()),
    ("fim", pa.int8()),
    ("num_tokens", pa.int32()),
    ("documents", pa.list_(_PART)),
]
SCHEMAS: dict[Content, pa.Schema] = {
    "tokens": pa.schema([*_SAMPLE, ("tokens", pa.list_(pa.int32()))]),
    "samples": pa.schema([*_SAMPLE, ("text", pa.large_string())]),
}


def sample_tables(
    out: str, blocks: tuple[Block, ...], *, component: str, split: Split, seed: int
) -> Iterator[pa.Table]:
    """Yield the rows of row groups of token shards, one row group at a time."""
    for block in blocks:
        with open_source(join(out, block.path)) as file:
            for group in range(block.first, block.end):
                table = _rearranged(file.read_row_group(group), block)
                table = split.rows(table, ids="doc_id", seed=seed)
                yield _tokens(table.combine_chunks(), component)


def token_columns(
    out: str, blocks: tuple[Block, ...], *, split: Split, seed: int
) -> Iterator[pa.Table]:
    """Yield the column `tokens` alone, and `doc_id` where a split asks for it."""
    columns = ["tokens"] if split.fraction == 1 else ["doc_id", "tokens"]
    for block in blocks:
        later = ["later_epochs"] if block.variant else []
        with open_source(join(out, block.path)) as file:
            for group in range(block.first, block.end):
                table = _rearranged(file.read_row_group(group, columns=[*columns, *later]), block)
                yield split.rows(table, ids="doc_id", seed=seed).select(["tokens"])


def as_samples(table: pa.Table, source: TokenizerSource) -> pa.Table:
    """Return rows of tokens with their text, sentinels spelled out, in place of the ids."""
    column = table["tokens"].combine_chunks()
    texts = [_text(value.values.to_numpy(), source) for value in column]
    kept = table.drop_columns(["tokens"])
    return kept.append_column("text", pa.array(texts, pa.large_string()))


def _rearranged(table: pa.Table, block: Block) -> pa.Table:
    """Return the rows as the block's variant has them; `files` then has no offsets."""
    if not block.variant:
        return table
    table = table.combine_chunks()
    entries = epoch_entries(table, block.num_later, block.variant)
    rows = table["tokens"].chunk(0)
    starts = rows.offsets.to_numpy().astype(np.int64)
    ids, starts = rearrange_rows(rows.flatten().to_numpy(), starts - starts[0], entries)
    columns = {"tokens": pa.ListArray.from_arrays(pa.array(starts.astype(np.int32)), pa.array(ids))}
    columns |= {name: entries.field(name) for name in ("fim", "num_tokens")}
    if "files" in table.column_names:
        edited = pc.greater(pc.list_value_length(entries.field("edits")), 0).to_pylist()
        files = zip(table["files"].to_pylist(), edited, strict=True)
        moved = [_without_offsets(runs) if is_edited else runs for runs, is_edited in files]
        columns["files"] = pa.array(moved, pa.list_(_FILE))
    kept = {name: columns.get(name, table[name]) for name in table.column_names}
    return pa.table(kept)


def _without_offsets(runs: list[dict[str, object]]) -> list[dict[str, object]]:
    """Return each file once: runs are those of the stored row, and move with its edits."""
    return [
        {"doc_id": name, "offset": None} for name in dict.fromkeys(run["doc_id"] for run in runs)
    ]


def _tokens(table: pa.Table, component: str) -> pa.Table:
    files = table["files"].combine_chunks()
    structs = files.flatten()
    parts = pa.StructArray.from_arrays(
        [_hex(structs.field("doc_id")), structs.field("offset")], fields=list(_PART)
    )
    columns = {
        "id": _hex(table["doc_id"].combine_chunks()),
        "component": pa.array([component] * table.num_rows, pa.string()),
        "language": table["language"],
        "source": table["source"],
        "fim": table["fim"],
        "num_tokens": table["num_tokens"],
        "documents": pa.ListArray.from_arrays(_starts(files), parts),
        "tokens": table["tokens"].combine_chunks().cast(pa.list_(pa.int32())),
    }
    return pa.table(columns, schema=SCHEMAS["tokens"])


def _starts(lists: pa.ListArray) -> pa.Array:
    lengths = pc.list_value_length(lists).to_numpy(zero_copy_only=False)
    return pa.array(np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32))


def _hex(ids: pa.Array) -> pa.Array:
    return pa.array([name.hex() for name in ids.to_pylist()], pa.string())


def _text(tokens: npt.NDArray[np.int32], source: TokenizerSource) -> str:
    tokenizer, spelt = load_tokenizer(source), spelt_sentinels(source)
    parts: list[str] = []
    start = 0
    for at in np.flatnonzero(np.isin(tokens, list(spelt))).tolist():
        parts.append(tokenizer.decode_bytes(tokens[start:at]).decode("utf-8", "replace"))
        parts.append(spelt[int(tokens[at])])
        start = at + 1
    parts.append(tokenizer.decode_bytes(tokens[start:]).decode("utf-8", "replace"))
    return "".join(parts)
