"""Token shards: Parquet files whose rows are training documents and whose row groups are blocks.

A row group is a packing block of about 2^20 tokens, so the only index a reader needs is one
integer per row group, and that stands in the footer. A row holds its first epoch's tokens and, for
each later epoch, the edits that make its row then (fim_epochs). Which shard a row lies in follows
from its shuffle key alone: a shard owns the keys that share a binary prefix, and a shard that grows
past its target is split in two while all others keep their names and their bytes.
"""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple
from urllib.parse import quote, unquote

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from . import storage
from .errors import GristmillError
from .fim import FimSettings
from .ids import seeded_hash
from .record import Component
from .token_rows import TOKEN_ROW, cut_blocks, later_tokens, token_table
from .tokenizer_info import DEEPSEEK_V2, Sentinels

__all__ = [
    "BLOCK_TOKENS",
    "FORMAT_VERSION",
    "TOKEN_ROW",
    "Prefix",
    "ShardInfo",
    "ShardMetadata",
    "bucket_of",
    "folder_language",
    "footer_info",
    "language_folder",
    "layout",
    "read_footer",
    "read_parquet_footer",
    "shard_path",
    "shuffle_key",
    "shuffle_table",
    "token_table",
    "write_token_shard",
]

FORMAT_VERSION: Final = 2  # 1 had no later epochs, no totals and no page checksums
BLOCK_TOKENS: Final = 1 << 20
KEY_BITS: Final = 64

_TOKENS_LEAF = "tokens.list.element"
METADATA_KEY: Final = b"gristmill"
_UNSAFE_HEAD = re.compile(r"^[._]")  # hidden from dataset readers that walk folders


class ShardMetadata(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a shard's footer says about all of its rows; the writer fills in the totals."""

    format_version: int = FORMAT_VERSION
    tokenizer: str  # digest of the vocabulary
    recipe: str = ""  # digest of the settings that make rows of documents
    tokenizer_name: str = DEEPSEEK_V2.info.name
    sentinels: Sentinels = Sentinels()
    component: Component
    language: str
    fim: FimSettings
    num_rows: int = 0
    num_tokens: int = 0  # in the first epoch, as the next
    block_tokens: tuple[int, ...] = ()  # of each row group
    later_block_tokens: tuple[tuple[int, ...], ...] = ()  # in each later epoch


class _Versioned(msgspec.Struct):
    """What every version of the metadata has."""

    format_version: int


class ShardInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What a footer alone tells: `block_tokens` is the tokens of each row group, in file order."""

    metadata: ShardMetadata
    num_rows: int
    num_tokens: int
    block_tokens: tuple[int, ...]
    later_block_tokens: tuple[tuple[int, ...], ...] = ()


class Prefix(NamedTuple):
    """The shard of all keys whose first `bits` bits are `value`."""

    bits: int
    value: int

    @property
    def name(self) -> str:
        """The file stem: `part` for all keys, `part-0110` for those that start with 0110."""
        return f"part-{self.value:0{self.bits}b}" if self.bits else "part"

    def holds(self, key: int) -> bool:
        """Return whether a row with this shuffle key belongs to the shard."""
        return bucket_of(key, self.bits) == self.value


def shuffle_table(table: pa.Table, *, seed: int) -> pa.Table:
    """Return the rows in the order of their shuffle keys; equal keys in the order of their ids."""
    ids = table["doc_id"].to_pylist()
    keys = [(shuffle_key(seed, identity), identity) for identity in ids]
    return table.take(pa.array(sorted(range(len(keys)), key=keys.__getitem__), pa.int64()))


def write_token_shard(
    path: str,
    tables: Iterable[pa.Table],
    *,
    metadata: ShardMetadata,
    block_tokens: int = BLOCK_TOKENS,
    schema: pa.Schema = TOKEN_ROW,
) -> ShardInfo:
    """Write rows, already shuffled, as one Parquet file and return what its footer says.

    A row group closes before the row that would take it past `block_tokens`, so only a row that is
    longer than that makes a larger one. The bytes depend on the rows alone, not on how they are
    cut into tables; memory is one block and one table. A schema has the columns of TOKEN_ROW first.
    """
    counts, later = list[int](), list[list[int]]()
    num_rows = 0
    with storage.replace_atomically(path) as partial, _writer(partial, schema) as writer:
        for block in cut_blocks(tables, block_tokens):
            writer.write_table(block.cast(schema), row_group_size=len(block))
            counts.append(pc.sum(block["num_tokens"]).as_py())
            later.append(later_tokens(block))
            num_rows += len(block)
        metadata = msgspec.structs.replace(
            metadata,
            num_rows=num_rows,
            num_tokens=sum(counts),
            block_tokens=tuple(counts),
            later_block_tokens=tuple(zip(*later, strict=True)),
        )
        writer.add_key_value_metadata({METADATA_KEY: msgspec.json.encode(metadata)})
    return _info(metadata)


def read_footer(path: str) -> ShardInfo:
    """Return what a shard holds from its footer alone; no row is read."""
    with storage.open_read(path) as file:
        return footer_info(read_parquet_footer(file, path), path)


def read_parquet_footer(file: BinaryIO, path: str) -> pq.FileMetaData:
    """Return the Parquet footer of an open file; `path` is for the message."""
    try:
        return pq.read_metadata(file)
    except pa.ArrowInvalid as error:
        raise GristmillError(
            f"the file is not Parquet ({error})",
            where=path,
            todo="Rebuild the shard, or fetch it again.",
        ) from error


def footer_info(footer: pq.FileMetaData, path: str) -> ShardInfo:
    """Return what a Parquet footer says about a token shard; `path` is for the message."""
    encoded = (footer.metadata or {}).get(METADATA_KEY)
    if encoded is None:
        raise GristmillError(
            "the Parquet file is not a token shard",
            where=path,
            todo="Point to a shard under the tokens folder of a build.",
        )
    metadata = _decode_metadata(encoded, path)
    groups = [footer.row_group(i) for i in range(footer.num_row_groups)]
    leaves = [footer.schema.column(i).path for i in range(footer.num_columns)]
    leaf = leaves.index(_TOKENS_LEAF)
    # Rows are never empty and never null, so the leaf has one value per token.
    counts = tuple(group.column(leaf).num_values for group in groups)
    if metadata.format_version == 1:
        return ShardInfo(
            metadata=metadata,
            num_rows=footer.num_rows,
            num_tokens=sum(counts),
            block_tokens=counts,
        )
    if (counts, footer.num_rows) != (metadata.block_tokens, metadata.num_rows):
        raise GristmillError(
            f"the file holds {sum(counts):,} tokens in {footer.num_rows:,} rows, its footer says "
            f"{metadata.num_tokens:,} in {metadata.num_rows:,}",
            where=path,
            todo="Rebuild the shard: it was changed after it was written.",
        )
    return _info(metadata)


def _info(metadata: ShardMetadata) -> ShardInfo:
    return ShardInfo(
        metadata=metadata,
        num_rows=metadata.num_rows,
        num_tokens=metadata.num_tokens,
        block_tokens=metadata.block_tokens,
        later_block_tokens=metadata.later_block_tokens,
    )


def _decode_metadata(encoded: bytes, path: str) -> ShardMetadata:
    version = msgspec.json.decode(encoded, type=_Versioned).format_version
    if not 1 <= version <= FORMAT_VERSION:
        raise GristmillError(
            f"the shard has format {version}, this gristmill reads up to {FORMAT_VERSION}",
            where=path,
            todo="Read it with the gristmill that wrote it, or a newer one.",
        )
    metadata = msgspec.json.decode(encoded, type=ShardMetadata)
    if version == 1:
        fim = msgspec.structs.replace(metadata.fim, epochs=1)
        return msgspec.structs.replace(metadata, fim=fim)
    return metadata


def shuffle_key(seed: int, sample_id: bytes) -> int:
    """Return the 64-bit key that orders rows and decides their shard."""
    return seeded_hash("shuffle", seed, sample_id)


def bucket_of(key: int, bits: int) -> int:
    """Return the first bits of a shuffle key."""
    return key >> (KEY_BITS - bits)


def layout(bucket_tokens: Mapping[int, int], *, bits: int, target_tokens: int) -> list[Prefix]:
    """Return the shards, in key order, of a language whose keys fall into 2**bits buckets.

    The shards are the leaves of the binary trie over the buckets, where a node is split while it
    holds more than `target_tokens` and has bits left. A prefix that holds no bucket has no shard.
    """
    assert all(0 <= bucket < 1 << bits for bucket in bucket_tokens)
    leaves = list[Prefix]()
    stack = [(Prefix(0, 0), sorted(bucket_tokens))]
    while stack:
        node, buckets = stack.pop()
        if not buckets:
            continue
        if node.bits == bits or sum(map(bucket_tokens.__getitem__, buckets)) <= target_tokens:
            leaves.append(node)
            continue
        shift = bits - node.bits - 1
        for half in (1, 0):  # the lower half is on top of the stack
            inside = [bucket for bucket in buckets if bucket >> shift & 1 == half]
            stack.append((Prefix(node.bits + 1, node.value * 2 + half), inside))
    return leaves


def language_folder(language: str) -> str:
    """Return a folder name that any file system takes: all but [A-Za-z0-9+._-] is escaped.

    A leading dot or underscore is escaped too, since dataset readers skip such folders.
    """
    if not language:
        raise GristmillError(
            "a language has an empty name", where="language", todo="Name it, for example 'unknown'."
        )
    # quote() leaves "~" alone whatever it is told.
    folder = quote(language, safe="+").replace("~", "%7E")
    return _UNSAFE_HEAD.sub(lambda match: f"%{ord(match[0]):02X}", folder)


def shard_path(component: str, language: str, name: str) -> str:
    """Return where a shard lies below the tokens folder of a build."""
    return f"{component}/{language_folder(language)}/{name}.parquet"


def folder_language(folder: str) -> str:
    """Return the language that a folder is named after."""
    return unquote(folder, errors="strict")


def _writer(file: Path, schema: pa.Schema) -> pq.ParquetWriter:
    # Plain ids under zstd: bench/shards.py has the other encodings. BYTE_STREAM_SPLIT makes shards
    # of real tokens 10 % larger, and DuckDB before 2.0 cannot read it for integers.
    return pq.ParquetWriter(
        file,
        schema,
        compression="zstd",
        compression_level=3,
        use_dictionary=["language", "source"],
        write_statistics=["num_tokens", "language", "source", "fim"],
        write_page_checksum=True,
    )
