"""A tar archive read as one bounded stream, damage told from the end."""

import tarfile
from collections.abc import Callable, Iterator
from typing import IO, BinaryIO, Generic, TypeVar, cast

from .inflate import CorruptInputError, InflatedReader, OverLimitError
from .rows import printable_path

MAX_HEADER_BYTES = 1 << 20  # of a long name or a pax header, which tarfile reads whole
_HEADERS_READ_WHOLE = (
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
)


Taken = TypeVar("Taken")


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


class TarPass(Generic[Taken]):
    """One pass over an archive: yields its members, then says in `error` what ended it early.

    `take` makes of a regular file's bytes what the pass yields beside its header.
    """

    def __init__(
        self,
        stream: BinaryIO,
        take: Callable[[tarfile.TarInfo, IO[bytes]], Taken],
        *,
        max_bytes: int,
        max_ratio: int,
    ) -> None:
        self._take = take
        self._reader = InflatedReader(stream, max_bytes=max_bytes, max_ratio=max_ratio)
        self.error: str | None = None
        self.is_over_limit = False
        self.comment = ""  # of the global pax header, where git writes the commit

    def __iter__(self) -> Iterator[tuple[tarfile.TarInfo, Taken | None]]:
        last_name = ""
        try:
            for member, taken in self._members():
                last_name = member.name
                yield member, taken
            while self._reader.read(1 << 20):  # to the end: the checksum stands there
                pass
        except (CorruptInputError, tarfile.TarError, ValueError, OverflowError) as error:
            self.is_over_limit = isinstance(error, OverLimitError)
            what = error.what if isinstance(error, CorruptInputError) else str(error)
            after = f", after {printable_path(last_name)}" if last_name else ""
            self.error = f"{what} (at byte {self._reader.offset}{after})"

    def _members(self) -> Iterator[tuple[tarfile.TarInfo, Taken | None]]:
        with tarfile.open(
            fileobj=cast(IO[bytes], self._reader),
            mode="r|",
            tarinfo=_CarefulTarInfo,
            encoding="utf-8",
            errors="surrogateescape",
        ) as archive:
            for member in archive:
                taken: Taken | None = None
                if member.isreg() and (file := archive.extractfile(member)) is not None:
                    taken = self._take(member, file)
                self.comment = archive.pax_headers.get("comment", "")
                yield member, taken
                archive.members = []  # type: ignore[attr-defined]  # or it keeps every one


def normal_name(name: str) -> str:
    """Return a member's name without empty and `.` parts."""
    return "/".join(part for part in name.split("/") if part not in ("", "."))
