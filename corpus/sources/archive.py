"""Reads a repository from a tar archive as GitHub serves it, in one bounded stream per pass.

The first pass lists names (licence files, the top folder, the targets of hard links), the second
reads. A name that leaves the archive, a device or a bomb becomes a row, never a file on disk.
"""

import re
import tarfile
from collections.abc import Iterator
from typing import IO, BinaryIO

import msgspec

from .. import storage
from ..record import Record
from .rows import RepositoryRows, is_licence_file, is_unsafe_path, printable_path
from .tar import TarPass, normal_name
from .unit import ReadLimits, Unit

SUFFIXES = (".tar", ".tar.gz", ".tgz", ".tar.zst", ".tar.xz", ".txz", ".tar.bz2", ".tbz2")
_COMMIT = re.compile("[0-9a-f]{40}(?:[0-9a-f]{24})?")


class _Names(msgspec.Struct):
    """What the first pass finds."""

    revision: str = ""
    prefix: str = ""
    licence_files: tuple[str, ...] = ()
    links: dict[str, list[str]] = {}  # target of hard links -> their names


def is_archive(name: str) -> bool:
    """Tell whether a file name is that of a tar archive."""
    return name.endswith(SUFFIXES)


def read_archive(unit: Unit, limits: ReadLimits) -> Iterator[Record]:
    """Yield a row for every member that is not a folder, and one for what cuts the archive."""
    names = _list_names(unit.url, limits)
    rows = RepositoryRows(unit, revision=names.revision, licence_files=names.licence_files)
    with storage.open_read(unit.url) as stream:
        archive = _start(stream, limits, max_content_bytes=limits.max_file_bytes)
        yield from _rows(archive, names, rows, limits)
    if archive.error is not None:
        yield rows.corrupt_unit(archive.error)


def _rows(
    archive: TarPass[bytes | None], names: _Names, rows: RepositoryRows, limits: ReadLimits
) -> Iterator[Record]:
    links = dict(names.links)
    for member, content in archive:
        if member.isdir():
            continue
        if not member.isreg() or is_unsafe_path(member.name):
            yield from _without_content(member, names, rows)
            continue
        for name in (member.name, *links.pop(normal_name(member.name), ())):
            path = _path(name, names)
            if content is None:
                yield rows.huge(path, num_bytes=member.size, max_bytes=limits.max_file_bytes)
            else:
                yield rows.file(path, content)
    for target in sorted(links):
        for name in links[target]:
            error = f"a hard link to {printable_path(target)}, which is no file of the archive"
            yield rows.dropped(_path(name, names), "special_file", error=error)


def _start(
    stream: BinaryIO, limits: ReadLimits, *, max_content_bytes: int
) -> TarPass[bytes | None]:
    def content(member: tarfile.TarInfo, file: IO[bytes]) -> bytes | None:
        return file.read() if member.size <= max_content_bytes else None

    return TarPass(
        stream,
        content,
        max_bytes=limits.max_archive_bytes,
        max_ratio=limits.max_archive_ratio,
    )


def _without_content(
    member: tarfile.TarInfo, names: _Names, rows: RepositoryRows
) -> Iterator[Record]:
    path = _path(member.name, names)
    if is_unsafe_path(member.name):
        yield rows.dropped(path, "unsafe_path", num_bytes=member.size)
    elif member.issym():
        yield rows.dropped(path, "symlink", error=f"to {printable_path(member.linkname)}")
    elif not member.islnk():  # a hard link has its row beside its target
        yield rows.dropped(path, "special_file", error="neither a file, a folder nor a link")


def _list_names(url: str, limits: ReadLimits) -> _Names:
    with storage.open_read(url) as stream:
        return _names_in(_start(stream, limits, max_content_bytes=-1))


def _names_in(archive: TarPass[bytes | None]) -> _Names:
    tops: set[str] = set()
    licences: list[str] = []
    links: dict[str, list[str]] = {}
    has_root_file = False
    for member, _ in archive:
        if is_unsafe_path(member.name):
            continue
        name = normal_name(member.name)
        top, _, inner = name.partition("/")
        if member.islnk():
            links.setdefault(normal_name(member.linkname), []).append(member.name)
        has_root_file |= not inner and not member.isdir()
        if top and len(tops) < 2:
            tops.add(top)
        if member.isreg() and (is_licence_file(name) or is_licence_file(inner)):
            licences.append(name)
    prefix = "" if has_root_file or len(tops) != 1 else f"{tops.pop()}/"
    found = (printable_path(path.removeprefix(prefix)) for path in licences)
    return _Names(
        revision=archive.comment if _COMMIT.fullmatch(archive.comment) else "",
        prefix=prefix,
        licence_files=tuple(sorted({path for path in found if is_licence_file(path)})),
        links=links,
    )


def _path(name: str, names: _Names) -> str:
    if is_unsafe_path(name):
        return printable_path(name)
    return printable_path(normal_name(name).removeprefix(names.prefix))
