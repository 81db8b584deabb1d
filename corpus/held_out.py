"""Documents that a build holds out of training: held_out.json, and a reader of their tokens.

The unit of holding out is a repository, a site or a lone document, so what is read here was written
by nobody whose other files the model has seen. The loss on it is told in bits a byte, which does
not depend on the vocabulary: nats / num_bytes / ln 2.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from . import storage
from .errors import GristmillError
from .manifest_file import read_manifest_file
from .mixture import MixtureShard
from .record import Component
from .shards import ShardInfo, footer_info, read_parquet_footer
from .tokenizer_info import Sentinels

MANIFEST: Final = "held_out.json"
FORMAT_VERSION: Final = 1

_COLUMNS: Final = ("doc_id", "tokens", "num_bytes")


class HeldOutShard(MixtureShard, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One shard of held-out documents; `num_bytes` is the size of their texts in UTF-8."""

    component: Component
    num_bytes: int


class HeldOut(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole of held_out.json; shards are ordered by path."""

    format_version: int = FORMAT_VERSION
    tokenizer: str  # digest of the vocabulary
    tokenizer_name: str
    sentinels: Sentinels
    vocab_size: int
    seed: int
    fraction: float  # of the repositories, sites and lone documents
    shards: tuple[HeldOutShard, ...]


class HeldOutDocument(NamedTuple):
    """One training document that was held out; `tokens` has EOS last, which is no byte of text."""

    component: Component
    language: str
    doc_id: bytes
    tokens: npt.NDArray[np.int32]
    num_bytes: int


def read_manifest(root: str) -> HeldOut:
    """Return the manifest of the build in a folder."""
    path = storage.join(root, MANIFEST)
    if not storage.exists(path):
        raise GristmillError(
            "there is no such file: the build holds nothing out, or the folder is no build's",
            where=path,
            todo="Set held_out.fraction in its recipe and build again, or name another build.",
        )
    return read_manifest_file(
        path,
        HeldOut,
        readable=(FORMAT_VERSION,),
        what="a manifest of held-out documents",
        todo="Build again: it is written anew.",
    )


def read_held_out(root: str) -> Iterator[HeldOutDocument]:
    """Yield every held-out document of a build, by component, language and shuffle key.

    Memory is one row group. A shard that is missing, damaged or not the one of the manifest raises
    GristmillError.
    """
    manifest = read_manifest(root)
    for shard in manifest.shards:
        yield from _read_shard(root, shard, manifest.tokenizer)


def _read_shard(root: str, shard: HeldOutShard, tokenizer: str) -> Iterator[HeldOutDocument]:
    path = storage.join(root, shard.path)
    if not storage.exists(path):
        raise _damaged(path, "the shard is missing")
    documents = num_bytes = 0
    with storage.open_read(path) as stream:
        _check_footer(shard, footer_info(read_parquet_footer(stream, path), path), path, tokenizer)
        with pq.ParquetFile(stream, page_checksum_verification=True) as file:
            for group in range(file.num_row_groups):
                for document in _documents(shard, _read_group(file, group, path)):
                    documents += 1
                    num_bytes += document.num_bytes
                    yield document
    if (documents, num_bytes) != (shard.documents, shard.num_bytes):
        what = f"{documents:,} documents of {num_bytes:,} bytes"
        raise _damaged(path, f"the shard holds {what}, {MANIFEST} says otherwise")


def _check_footer(shard: HeldOutShard, info: ShardInfo, path: str, tokenizer: str) -> None:
    found = info.block_tokens, info.metadata.component, info.metadata.language
    if found != (shard.block_tokens, shard.component, shard.language):
        raise _damaged(path, f"the shard is not the one that {MANIFEST} describes")
    if info.metadata.tokenizer != tokenizer:
        raise _damaged(path, f"the shard was written with another vocabulary than {MANIFEST} names")


def _read_group(file: pq.ParquetFile, group: int, path: str) -> pa.Table:
    try:
        return file.read_row_group(group, columns=list(_COLUMNS), use_threads=False)
    except (OSError, pa.ArrowException) as error:
        raise _damaged(path, f"row group {group} cannot be read ({error})") from error


def _documents(shard: HeldOutShard, table: pa.Table) -> Iterator[HeldOutDocument]:
    rows = table["tokens"].combine_chunks()
    starts, tokens = rows.offsets.to_numpy(), rows.values.to_numpy()
    sizes = table["num_bytes"].to_pylist()
    for i, identity in enumerate(table["doc_id"].to_pylist()):
        yield HeldOutDocument(
            component=shard.component,
            language=shard.language,
            doc_id=identity,
            tokens=tokens[starts[i] : starts[i + 1]],
            num_bytes=sizes[i],
        )


def _damaged(path: str, what: str) -> GristmillError:
    return GristmillError(what, where=path, todo="Fetch it again, or build again with --verify.")
