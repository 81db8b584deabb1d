"""Reads a repository from a tar archive as GitHub serves it, in one bounded stream per pass.

The first pass lists names (licence files, the top folder, the targets of hard links), the second
reads. A name that leaves the archive, a device or a bomb becomes a row, never a file on disk.
"""

import re
import tarfile
from collections.abc import Iterator
from typing import IO, cast

import msgspec

from .. import storage
from ..record import Record
from .inflate import CorruptInputError, InflatedReader
from .rows import RepositoryRows, is_licence_file, is_unsafe_path, printable_path
from .unit import ReadLimits, Unit

MAX_HEADER_BYTES = 1 << 20  # of a long name or a pax header, which tarfile reads whole
SUFFIXES = (".tar", ".tar.gz", ".tgz", ".tar.zst", ".tar.xz", ".txz", ".tar.bz2", ".tbz2")
_COMMIT = re.compile("[0-9a-f]{40}(?:[0-9a-f]{24})?")
_HEADERS_READ_WHOLE = (
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
)


class _Names(msgspec.Struct):
    """What the first pass finds."""

    revision: str = ""
    prefix: str = ""
    licence_files: tuple[str, ...] = ()
    links: dict[str, list[str]] = {}  # target of hard links -> their names


class _CarefulTarInfo(tarfile.TarInfo):
    """A tar header that tells damage from the end and bounds what tarfile reads into memory."""

    @classmethod
    def frombuf(
        cls, buf: "bytes | bytearray", encoding: str | None, errors: str
    ) -> "_CarefulTarInfo":
        try:
            return super().frombuf(buf, encoding or "utf-8", errors)
        except tarfile.EOFHeaderError:  # type: ignore[attr-defined]
            raise
        except tarfile.HeaderError as error:  # tarfile would take it for the end
            what = str(error) if buf else "there is no end-of-archive mark"
            raise tarfile.ReadError(what) from error

    def _proc_member(self, archive: tarfile.TarFile) -> tarfile.TarInfo:
        if self.type in _HEADERS_READ_WHOLE and self.size > MAX_HEADER_BYTES:
            raise tarfile.ReadError(f"an extension header of {self.size} bytes")
        return cast(tarfile.TarInfo, super()._proc_member(archive))  # type: ignore[misc]


class _Pass:
    """One pass over an archive: yields its members, then says in `error` what ended it early."""

    def __init__(self, url: str, limits: ReadLimits, *, max_content_bytes: int) -> None:
        self._url = url
        self._limits = limits
        self._max_content_bytes = max_content_bytes
        self.error: str | None = None
        self.comment = ""

    def __iter__(self) -> Iterator[tuple[tarfile.TarInfo, bytes | None]]:
        with storage.open_read(self._url) as stream:
            reader = InflatedReader(
                stream,
                max_bytes=self._limits.max_archive_bytes,
                max_ratio=self._limits.max_archive_ratio,
            )
            last_name = ""
            try:
                for member, content in self._members(reader):
                    last_name = member.name
                    yield member, content
                while reader.read(1 << 20):  # to the end: the checksum stands there
                    pass
            except (CorruptInputError, tarfile.TarError, ValueError, OverflowError) as error:
                what = error.what if isinstance(error, CorruptInputError) else str(error)
                after = f", after {printable_path(last_name)}" if last_name else ""
                self.error = f"{what} (at byte {reader.offset}{after})"

    def _members(self, reader: InflatedReader) -> Iterator[tuple[tarfile.TarInfo, bytes | None]]:
        with tarfile.open(
            fileobj=cast(IO[bytes], reader),
            mode="r|",
            tarinfo=_CarefulTarInfo,
            encoding="utf-8",
            errors="surrogateescape",
        ) as archive:
            for member in archive:
                content: bytes | None = None
                if member.isreg() and member.size <= self._max_content_bytes:
                    file = archive.extractfile(member)
                    content = file.read() if file is not None else None
                self.comment = archive.pax_headers.get("comment", "")
                yield member, content
                archive.members = []  # type: ignore[attr-defined]  # or it keeps every one


def is_archive(name: str) -> bool:
    """Tell whether a file name is that of a tar archive."""
    return name.endswith(SUFFIXES)


def read_archive(unit: Unit, limits: ReadLimits) -> Iterator[Record]:
    """Yield a row for every member that is not a folder, and one for what cuts the archive."""
    names = _list_names(unit.url, limits)
    rows = RepositoryRows(unit, revision=names.revision, licence_files=names.licence_files)
    archive = _Pass(unit.url, limits, max_content_bytes=limits.max_file_bytes)
    links = dict(names.links)
    for member, content in archive:
        if member.isdir():
            continue
        if not member.isreg() or is_unsafe_path(member.name):
            yield from _without_content(member, names, rows)
            continue
        for name in (member.name, *links.pop(_normal(member.name), ())):
            path = _path(name, names)
            if content is None:
                yield rows.huge(path, num_bytes=member.size, max_bytes=limits.max_file_bytes)
            else:
                yield rows.file(path, content)
    for target in sorted(links):
        for name in links[target]:
            error = f"a hard link to {printable_path(target)}, which is no file of the archive"
            yield rows.dropped(_path(name, names), "special_file", error=error)
    if archive.error is not None:
        yield rows.corrupt_unit(archive.error)


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
    archive = _Pass(url, limits, max_content_bytes=-1)
    tops: set[str] = set()
    licences: list[str] = []
    links: dict[str, list[str]] = {}
    has_root_file = False
    for member, _ in archive:
        if is_unsafe_path(member.name):
            continue
        name = _normal(member.name)
        top, _, inner = name.partition("/")
        if member.islnk():
            links.setdefault(_normal(member.linkname), []).append(member.name)
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


def _normal(name: str) -> str:
    """Return a member's name without empty and `.` parts."""
    return "/".join(part for part in name.split("/") if part not in ("", "."))


def _path(name: str, names: _Names) -> str:
    if is_unsafe_path(name):
        return printable_path(name)
    return printable_path(_normal(name).removeprefix(names.prefix))
