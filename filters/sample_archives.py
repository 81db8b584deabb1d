"""From a source to its files: fetch an archive once, prove its digest, read one member at a time.

Nothing is unpacked to disk and nothing is run. An archive is read front to back, and a member's
path is only ever compared and written down, never opened.
"""

import csv
import hashlib
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from io import StringIO
from pathlib import Path
from typing import BinaryIO, cast
from urllib.error import URLError
from urllib.parse import quote
from urllib.request import urlopen

import msgspec
import zstandard

from ..corpus.errors import GristmillError, StorageError
from .sample_sources import SampleSource

MAX_MEMBER_BYTES = 1 << 20  # above it lie data, dumps and what a program wrote
MAX_LIST_BYTES = 1 << 25
TIMEOUT_SECONDS = 60
LABELS = "labels.tsv"

_LABEL_COLUMNS = ("file", "label338", "source_label", "repository")

_READ_BYTES = 1 << 20
_DAMAGE = (
    tarfile.TarError,
    zipfile.BadZipFile,
    zstandard.ZstdError,
    zlib.error,
    lzma.LZMAError,
    EOFError,
)
_DEB_MAGIC = b"!<arch>\n"
_AR_HEADER_BYTES = 60
_ZSTD_SUFFIX = ".zst"


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """One file of an archive; `read` gives its bytes, and only until the next one is asked for."""

    path: str
    num_bytes: int
    read: Callable[[], bytes]


def fetch_archive(source: SampleSource, *, cache: Path, given: Path | None = None) -> Path:
    """Return the path of a source's archive, fetched into the cache if it is not there yet.

    Raises:
        GristmillError: the bytes are others than the manifest names.
        StorageError: the registry did not answer.
    """
    cached = cache / source.sha256
    if given is not None:
        _verify(given, source)
        return given
    if cached.exists():
        return cached
    fetched = cached.with_name(cached.name + ".part")
    cache.mkdir(parents=True, exist_ok=True)
    try:
        with _open_url(source.url) as answer, fetched.open("wb") as target:
            while piece := answer.read(_READ_BYTES):
                target.write(piece)
    except (URLError, TimeoutError) as error:
        raise StorageError(
            f"the archive cannot be fetched: {error}", where=source.url, todo="Try again later."
        ) from error
    _verify(fetched, source)
    fetched.replace(cached)
    return cached


def _open_url(url: str) -> BinaryIO:
    address = quote(url, safe=":/~@%")
    return cast(BinaryIO, urlopen(address, timeout=TIMEOUT_SECONDS))  # noqa: S310 - http or https


def _verify(path: Path, source: SampleSource) -> None:
    hasher = hashlib.sha256()
    with path.open("rb") as stream:
        while piece := stream.read(_READ_BYTES):
            hasher.update(piece)
    if hasher.hexdigest() != source.sha256:
        raise GristmillError(
            f"the archive's sha256 is {hasher.hexdigest()}, the manifest says {source.sha256}",
            where=str(path),
            todo="Delete it if it is a damaged copy, else correct the manifest.",
        )


def read_members(path: Path, *, max_bytes: int = MAX_MEMBER_BYTES) -> Iterator[Member]:
    """Yield the regular files of a tar, zip or Debian archive, up to a size.

    Raises:
        GristmillError: the file is none of these, or is damaged.
    """
    with _explained(path), path.open("rb") as stream:
        magic = stream.read(len(_DEB_MAGIC))
        stream.seek(0)
        if magic == _DEB_MAGIC:
            members = _tar_members(*_debian_data(stream), max_bytes)
        elif magic.startswith(b"PK"):
            members = _zip_members(stream, max_bytes)
        else:
            members = _tar_members(stream, "", max_bytes)
        for member in members:
            yield msgspec.structs.replace(member, read=partial(_read_explained, path, member))


def _read_explained(path: Path, member: Member) -> bytes:
    with _explained(path):
        return member.read()


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except _DAMAGE as error:
        raise GristmillError(
            f"the archive cannot be read: {error}", where=str(path), todo="Fetch it again."
        ) from error


def read_listed_labels(path: Path, *, repository: str) -> dict[str, str]:
    """Return what an archive's own labels.tsv says of one repository's files: label by member.

    It names a label in `label338`, or in `source_label` where that is empty.

    Raises:
        GristmillError: the archive has no labels.tsv with these columns.
    """
    for member in read_members(path, max_bytes=MAX_LIST_BYTES):
        folder, _, name = member.path.rpartition("/")
        if name != LABELS:
            continue
        rows = csv.DictReader(StringIO(member.read().decode("utf-8")), delimiter="\t")
        if set(_LABEL_COLUMNS) <= set(rows.fieldnames or ()):
            return {
                f"{folder}/{row['file']}" if folder else row["file"]: row["label338"]
                or row["source_label"]
                for row in rows
                if row["repository"] == repository
            }
    raise GristmillError(
        f"the archive has no {LABELS} with the columns {', '.join(_LABEL_COLUMNS)}",
        where=str(path),
        todo="Give an archive that lists its files.",
    )


def _debian_data(stream: BinaryIO) -> tuple[BinaryIO, str]:
    """Return the stream at the files of a Debian package, and the name of their tar."""
    stream.seek(len(_DEB_MAGIC))
    while len(header := stream.read(_AR_HEADER_BYTES)) == _AR_HEADER_BYTES:
        name = header[:16].decode("ascii", "replace").strip().rstrip("/")
        if name.startswith("data.tar"):
            return stream, name
        num_bytes = int(header[48:58])
        stream.seek(num_bytes + num_bytes % 2, 1)
    raise tarfile.ReadError("a Debian package without data.tar")


def _tar_members(stream: BinaryIO, name: str, max_bytes: int) -> Iterator[Member]:
    if name.endswith(_ZSTD_SUFFIX):
        stream = cast(BinaryIO, zstandard.ZstdDecompressor().stream_reader(stream))
    with tarfile.open(fileobj=stream, mode="r|*", errorlevel=2) as archive:
        for info in archive:
            if info.isreg() and info.size <= max_bytes:
                yield Member(
                    path=info.name.removeprefix("./"),
                    num_bytes=info.size,
                    read=lambda info=info: _read_tar(archive, info),  # type: ignore[misc]
                )


def _read_tar(archive: tarfile.TarFile, info: tarfile.TarInfo) -> bytes:
    reader = archive.extractfile(info)
    assert reader is not None, info.name
    return reader.read()


def _zip_members(stream: BinaryIO, max_bytes: int) -> Iterator[Member]:
    with zipfile.ZipFile(stream) as archive:
        for info in archive.infolist():
            if not info.is_dir() and info.file_size <= max_bytes:
                yield Member(
                    path=info.filename,
                    num_bytes=info.file_size,
                    read=lambda info=info: archive.read(info),  # type: ignore[misc]
                )
