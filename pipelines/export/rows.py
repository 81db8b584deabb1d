"""The rows of an export that come from token shards: training documents, as ids or as text."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ...corpus.errors import GristmillError
from ...corpus.storage import join
from ...corpus.tokenizer import (
    BOS,
    EOS,
    FIM_BEGIN,
    FIM_END,
    FIM_HOLE,
    NUM_TEXT_TOKENS,
    load_tokenizer,
)
from ..artifact import open_parquet
from .outline import Block
from .settings import Content
from .split import Split

# The sentinels as DeepSeek-V2's own vocabulary spells them, U+FF5C and U+2581 included.
SENTINEL_TEXTS = {
    BOS: "<\uff5cbegin\u2581of\u2581sentence\uff5c>",
    EOS: "<\uff5cend\u2581of\u2581sentence\uff5c>",
    FIM_HOLE: "<\uff5cfim\u2581hole\uff5c>",
    FIM_BEGIN: "<\uff5cfim\u2581begin\uff5c>",
    FIM_END: "<\uff5cfim\u2581end\uff5c>",
}
_PART = pa.struct([("id", pa.string()), ("offset", pa.int32())])
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
        with open_parquet(join(out, block.path)) as file:
            for group in range(block.first, block.end):
                table = split.rows(file.read_row_group(group), ids="doc_id", seed=seed)
                yield _tokens(table.combine_chunks(), component)


def token_columns(
    out: str, blocks: tuple[Block, ...], *, split: Split, seed: int
) -> Iterator[pa.Table]:
    """Yield the column `tokens` alone, and `doc_id` where a split asks for it."""
    columns = ["tokens"] if split.fraction == 1 else ["doc_id", "tokens"]
    for block in blocks:
        with open_parquet(join(out, block.path)) as file:
            for group in range(block.first, block.end):
                table = file.read_row_group(group, columns=columns)
                yield split.rows(table, ids="doc_id", seed=seed).select(["tokens"])


def as_samples(table: pa.Table) -> pa.Table:
    """Return rows of tokens with their text, sentinels spelled out, in place of the ids."""
    column = table["tokens"].combine_chunks()
    texts = [_text(value.values.to_numpy()) for value in column]
    kept = table.drop_columns(["tokens"])
    return kept.append_column("text", pa.array(texts, pa.large_string()))


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


def _text(tokens: npt.NDArray[np.int32]) -> str:
    tokenizer = load_tokenizer()
    parts: list[str] = []
    start = 0
    for at in np.flatnonzero(tokens >= NUM_TEXT_TOKENS).tolist():
        parts.append(tokenizer.decode_bytes(tokens[start:at]).decode("utf-8", "replace"))
        parts.append(_sentinel(int(tokens[at])))
        start = at + 1
    parts.append(tokenizer.decode_bytes(tokens[start:]).decode("utf-8", "replace"))
    return "".join(parts)


def _sentinel(token: int) -> str:
    if token not in SENTINEL_TEXTS:
        raise GristmillError(
            f"token {token} stands for no text",
            where="tokens",
            todo="Build again with this version of gristmill.",
        )
    return SENTINEL_TEXTS[token]
