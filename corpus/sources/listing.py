"""Finds the units of a source and names each by what it holds."""

import os
from datetime import datetime
from pathlib import Path

import msgspec

from .. import storage
from ..errors import GristmillError
from ..memo import DigestMemo
from .archive import SUFFIXES as ARCHIVE_SUFFIXES
from .archive import is_archive
from .crawl_units import list_crawl_units
from .directory import directory_digest, directory_stamp
from .documents import is_documents_file
from .git import git_directory, head_commit
from .unit import RepositoryMetadata, SourceSpec, Unit


class _Licence(msgspec.Struct):
    spdx_id: str | None = None


class _Repository(msgspec.Struct):
    """One line of metadata, in the names of GitHub's API."""

    file: str
    full_name: str
    created_at: datetime | None = None
    stargazers_count: int | None = None
    license: _Licence | None = None


def list_units(
    spec: SourceSpec, *, base: str, memo: DigestMemo, crawls: str | None = None
) -> list[Unit]:
    """Return the units that a source's globs match, or its crawl has, sorted by their place.

    Args:
        base: the recipe's folder.
        memo: takes up the digest of every file, so that an unchanged one is hashed once.
        crawls: the folder with a folder for each crawl.
    """
    if spec.crawl is not None:
        return list_crawl_units(spec, spec.crawl, crawls=crawls)
    metadata = _read_metadata(spec, base)
    skipped = {storage.join(base, spec.metadata)} if spec.metadata is not None else set()
    urls: set[str] = set()
    for pattern in spec.paths:
        found = set(storage.list_paths(_absolute(base, pattern))) - skipped
        if not found:
            raise GristmillError(
                "no file matches it",
                where=f"source {spec.name!r}, path {pattern!r}",
                todo=f"Check the path; it is relative to {base}.",
            )
        urls |= found
    units = [_unit(spec, url, base, metadata, memo) for url in urls]
    units.sort(key=lambda unit: unit.relative)
    _refuse_twins(spec, units)
    return units


def _unit(
    spec: SourceSpec,
    url: str,
    base: str,
    metadata: dict[str, RepositoryMetadata],
    memo: DigestMemo,
) -> Unit:
    relative = _relative(url, base)
    is_folder = storage.is_folder(url)
    _check_kind(spec, url, is_folder=is_folder)
    if is_folder:
        digest, size_bytes = _folder_digest(storage.local_path(url), memo)
    else:
        digest = memo.digest(url, storage.stamp(url), lambda: storage.digest_file(url))
        size_bytes = storage.size(url)
    known = metadata.get(relative) if spec.kind == "repository" else None
    own_name = _stem(relative) if spec.kind == "repository" else relative
    return Unit(
        source=spec.name,
        component=spec.component,
        kind=spec.kind,
        name=known.full_name if known else own_name,
        url=url,
        relative=relative,
        digest=digest,
        size_bytes=size_bytes,
        metadata=known,
    )


def _check_kind(spec: SourceSpec, url: str, *, is_folder: bool) -> None:
    where = f"source {spec.name!r}, {url}"
    if spec.kind == "repository":
        if is_folder and not storage.is_local(url):
            raise GristmillError(
                "a repository that is a folder can only be read from a local disk",
                where=where,
                todo="Store it as a .tar.gz archive.",
            )
        if not is_folder and not is_archive(url):
            raise GristmillError(
                "it is neither a repository's folder nor an archive",
                where=where,
                todo=f"Narrow the glob; archives end in {', '.join(ARCHIVE_SUFFIXES)}.",
            )
    elif is_folder:
        todo = "Let the glob match the files in it, such as folder/**/*.warc.gz."
        raise GristmillError("it is a folder", where=where, todo=todo)
    elif spec.kind == "documents" and not is_documents_file(url):
        todo = "Narrow the glob to .jsonl (plain, .gz, .zst), .parquet, .txt or .md files."
        raise GristmillError("its format is not known", where=where, todo=todo)


def _folder_digest(folder: Path, memo: DigestMemo) -> tuple[str, int]:
    if git_directory(folder) is not None:
        return head_commit(folder), _tree_bytes(folder)
    stamp, size_bytes = directory_stamp(folder)
    return memo.digest(str(folder), stamp, lambda: directory_digest(folder)), size_bytes


def _tree_bytes(folder: Path) -> int:
    size_bytes = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            try:
                size_bytes += os.lstat(os.path.join(parent, name)).st_size  # noqa: PTH118
            except FileNotFoundError:  # git removes its temporary files at any time
                continue
    return size_bytes


def _read_metadata(spec: SourceSpec, base: str) -> dict[str, RepositoryMetadata]:
    """Return the metadata by the path of its repository relative to the recipe."""
    if spec.metadata is None:
        return {}
    url = storage.join(base, spec.metadata)
    folder = url.rpartition("/")[0]
    found: dict[str, RepositoryMetadata] = {}
    for number, line in enumerate(storage.read_bytes(url).splitlines(), start=1):
        if not line.strip():
            continue
        try:
            row = msgspec.json.decode(line, type=_Repository)
        except msgspec.DecodeError as error:
            raise GristmillError(
                f"line {number} is not a repository's metadata: {error}",
                where=url,
                todo="Each line needs file and full_name, in the names of GitHub's API.",
            ) from error
        found[_relative(storage.join(folder, row.file), base)] = RepositoryMetadata(
            full_name=row.full_name,
            created=int(row.created_at.timestamp()) if row.created_at is not None else None,
            stars=row.stargazers_count,
            licence=row.license.spdx_id if row.license is not None else None,
        )
    return found


def _refuse_twins(spec: SourceSpec, units: list[Unit]) -> None:
    seen: dict[str, Unit] = {}
    for unit in units:
        twin = seen.setdefault(unit.name, unit)
        if twin is not unit:
            raise GristmillError(
                f"two inputs are both named {unit.name!r}: {twin.relative} and {unit.relative}",
                where=f"source {spec.name!r}",
                todo="Remove one of them, or give each its full_name in the source's metadata.",
            )


def _absolute(base: str, pattern: str) -> str:
    """Join a glob to the base, whose own brackets and stars are meant as they are."""
    if "://" in pattern or pattern.startswith("/") or not storage.is_local(base):
        return storage.join(base, pattern)
    return storage.join(storage.escape_glob(base), pattern)


def _relative(url: str, base: str) -> str:
    """Return the path relative to the recipe's folder; of a URL elsewhere, without its protocol."""
    if storage.is_local(url) and storage.is_local(base):
        path = os.path.relpath(storage.local_path(url), storage.local_path(base) or ".")
        return Path(path).as_posix()
    if url.startswith(base.rstrip("/") + "/"):
        return url[len(base.rstrip("/")) + 1 :]
    return url.partition("://")[2] or url.lstrip("/")


def _stem(relative: str) -> str:
    name = relative.rstrip("/").rpartition("/")[2]
    for suffix in (".git", *sorted(ARCHIVE_SUFFIXES, key=len, reverse=True)):
        if name.endswith(suffix) and len(name) > len(suffix):
            return name.removesuffix(suffix)
    return name
