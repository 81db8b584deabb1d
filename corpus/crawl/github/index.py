"""What a segment of repositories holds: one row a file, where its blob lies, and a digest of all.

While a segment is open its repositories' listings stand in the ledger, packed; when it is closed
they become one Parquet file beside it, sorted by the repositories' names and the files' paths.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

from ... import storage
from ...ids import digest_parts
from ...record import ReadDrop
from ..blob_frames import Place

INDEX_SUFFIX = ".parquet"
SEGMENT_SUFFIX = ".tar.zst"
BATCH_ROWS = 1 << 16
MAX_LISTING_BYTES = 1 << 31


class RepositoryFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a repository at the commit that was fetched.

    Args:
        id: the forge's own, which outlives a new name.
        created: Unix seconds, UTC.
        licence: SPDX id, as the forge sees it.
    """

    id: int
    full_name: str
    commit: str
    created: int | None = None
    stars: int | None = None
    licence: str | None = None


class StoredFile(msgspec.Struct, frozen=True, array_like=True):
    """One file of a listing; `place` is None where there is no content."""

    path: bytes
    mode: str
    sha: bytes
    num_bytes: int
    reason: ReadDrop | None
    error: str | None
    place: Place | None


INDEX = pa.schema(
    [
        ("repository_id", pa.int64()),
        ("full_name", pa.string()),
        ("commit", pa.string()),
        ("created", pa.int64()),  # Unix seconds, UTC
        ("stars", pa.int64()),
        ("licence", pa.string()),  # SPDX id
        ("path", pa.binary()),  # as git has it, in any encoding
        ("mode", pa.string()),  # 100644, 100755, 120000 or 160000
        ("sha", pa.binary()),  # git's id of the blob; empty where unknown
        ("num_bytes", pa.int64()),
        ("reason", pa.string()),  # why there is no content
        ("error", pa.string()),
        ("segment", pa.string()),  # the file with the blob, in the same folder
        ("frame_offset", pa.int64()),  # of its zstd frame
        ("frame_bytes", pa.int64()),
        ("member_offset", pa.int64()),  # of its content in the unpacked frame
    ]
)


def index_name(segment: str) -> str:
    """Return the name of a segment's index."""
    return segment.removesuffix(SEGMENT_SUFFIX) + INDEX_SUFFIX


def pack_listing(files: Iterable[StoredFile]) -> bytes:
    """Return a repository's listing as the ledger keeps it, sorted by path."""
    ordered = sorted(files, key=lambda file: file.path)
    return zstandard.ZstdCompressor(level=3).compress(msgspec.msgpack.encode(ordered))


def unpack_listing(data: bytes) -> list[StoredFile]:
    """Return the files of a packed listing."""
    plain = zstandard.ZstdDecompressor().decompress(data, max_output_size=MAX_LISTING_BYTES)
    return msgspec.msgpack.decode(plain, type=list[StoredFile])


def write_index(
    target: Path,
    repositories: Iterable[tuple[RepositoryFacts, list[StoredFile]]],
    names: dict[int, str],
) -> str:
    """Write a segment's index, the repositories being sorted; return the segment's digest.

    The digest covers what the repositories are and hold, not where their blobs lie, so it does not
    depend on the order in which they came.
    """
    with (
        storage.replace_atomically(str(target)) as partial,
        pq.ParquetWriter(partial, INDEX, compression="zstd") as writer,
    ):
        parts = _written_parts(writer, repositories, names)
        return digest_parts("repositories", parts).hex()


def _written_parts(
    writer: pq.ParquetWriter,
    repositories: Iterable[tuple[RepositoryFacts, list[StoredFile]]],
    names: dict[int, str],
) -> Iterator[bytes | str]:
    """Write every row, and yield what the digest is made of."""
    rows: list[dict[str, object]] = []
    for facts, files in repositories:
        yield msgspec.json.encode(facts, order="sorted")
        yield str(len(files))
        for file in files:
            rows.append(_row(facts, file, names))
            yield from (file.path, file.mode, file.sha)
            yield f"{file.num_bytes} {file.reason} {file.error}"
            if len(rows) >= BATCH_ROWS:
                writer.write_table(pa.Table.from_pylist(rows, schema=INDEX))
                rows.clear()
    writer.write_table(pa.Table.from_pylist(rows, schema=INDEX))


def _row(facts: RepositoryFacts, file: StoredFile, names: dict[int, str]) -> dict[str, object]:
    row: dict[str, object] = {
        "repository_id": facts.id,
        "full_name": facts.full_name,
        "commit": facts.commit,
        "created": facts.created,
        "stars": facts.stars,
        "licence": facts.licence,
        "path": file.path,
        "mode": file.mode,
        "sha": file.sha,
        "num_bytes": file.num_bytes,
        "reason": file.reason,
        "error": file.error,
    }
    if file.place is not None:
        row["segment"] = names[file.place.segment]
        row["frame_offset"] = file.place.frame_offset
        row["frame_bytes"] = file.place.frame_bytes
        row["member_offset"] = file.place.member_offset
    return row
