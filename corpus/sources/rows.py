"""What every reader of repositories shares: safe paths, licence files, and a file's row."""

import re
from typing import Literal

from ..decode import decode
from ..ids import bytes_digest
from ..record import ReadDrop, Record
from .unit import Unit

# Formats that may lack a NUL byte; all others show one early.
BINARY_MAGICS = (
    b"\x89PNG\r\n\x1a\n",
    b"\xff\xd8\xff",
    b"GIF87a",
    b"GIF89a",
    b"%PDF-",
    b"\x1f\x8b\x08",
    b"PK\x03\x04",
    b"\x28\xb5\x2f\xfd",
    b"\xfd7zXZ",
    b"7z\xbc\xaf\x27\x1c",
    b"Rar!\x1a\x07",
    b"\x7fELF",
    b"\xca\xfe\xba\xbe",
    b"OggS",
    b"fLaC",
    b"!<arch>\n",
)
_BZIP2 = re.compile(rb"BZh[1-9](?:1AY&SY|\x17rE8P\x90)")

_LICENCE_FILE = re.compile(
    r"(?:LICEN[CS]ES/.+"
    r"|(?:[\w.]+-)?(?:UN)?LICEN[CS]ES?(?:[-._].*)?"
    r"|(?:COPYING|NOTICE|COPYRIGHT)S?(?:[-._].*)?)",
    re.IGNORECASE,
)
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")

Reason = Literal["binary", "undecodable", "empty"]


def is_licence_file(path: str) -> bool:
    """Tell whether a path of a repository is a licence text: at the root, or in LICENSES/."""
    return _LICENCE_FILE.fullmatch(path) is not None and (
        "/" not in path or path.upper().startswith(("LICENSES/", "LICENCES/"))
    )


def is_unsafe_path(path: str) -> bool:
    """Tell whether a path would leave the folder that it is unpacked in."""
    return (
        not path
        or path.startswith(("/", "\\"))
        or "\0" in path
        or ".." in re.split(r"[/\\]", path)
        or re.match(r"[A-Za-z]:[/\\]", path) is not None
    )


def printable_path(path: str | bytes) -> str:
    """Return a path that any table can hold: non-UTF-8 and control characters are escaped."""
    if isinstance(path, str):
        path = path.encode("utf-8", "surrogateescape")
    text = path.decode("utf-8", "backslashreplace")
    return _UNPRINTABLE.sub(lambda match: f"\\x{ord(match[0]):02x}", text)


def text_or_reason(data: bytes) -> tuple[str, str] | Reason:
    """Return the text and its charset, or why there is none."""
    if not data:
        return "empty"
    if data.startswith(BINARY_MAGICS) or _BZIP2.match(data):
        return "binary"
    decoded = decode(data)
    if isinstance(decoded, str):
        return decoded
    return (decoded.text, decoded.encoding) if decoded.text else "empty"


class RepositoryRows:
    """Makes the rows of one repository; every row carries the repository's own facts."""

    def __init__(self, unit: Unit, *, revision: str, licence_files: tuple[str, ...]) -> None:
        self._unit = unit
        self._revision = revision
        self._licence_files = licence_files

    def file(self, path: str, data: bytes) -> Record:
        """Return the row of a regular file."""
        outcome = text_or_reason(data)
        digest = bytes_digest(data)
        if isinstance(outcome, str):
            return self._row(path, num_bytes=len(data), digest=digest, read_drop=outcome)
        text, encoding = outcome
        return self._row(path, num_bytes=len(data), digest=digest, text=text, encoding=encoding)

    def dropped(
        self, path: str, reason: ReadDrop, *, num_bytes: int = 0, error: str | None = None
    ) -> Record:
        """Return the row of something that has no text."""
        return self._row(path, num_bytes=num_bytes, read_drop=reason, read_error=error)

    def huge(self, path: str, *, num_bytes: int, max_bytes: int) -> Record:
        """Return the row of a file that is too long to be read."""
        error = f"{num_bytes} bytes, the limit is {max_bytes}"
        return self.dropped(path, "huge", num_bytes=num_bytes, error=error)

    def corrupt_unit(self, error: str) -> Record:
        """Return the row that says where reading the whole unit came to an end."""
        return self.dropped("", "corrupt", num_bytes=self._unit.size_bytes, error=error)

    def _row(
        self,
        path: str,
        *,
        num_bytes: int,
        digest: bytes | None = None,
        text: str | None = None,
        encoding: str | None = None,
        read_drop: ReadDrop | None = None,
        read_error: str | None = None,
    ) -> Record:
        metadata = self._unit.metadata
        return Record(
            collection=self._unit.name,
            path=path,
            revision=self._revision,
            origin_file=self._unit.relative,
            num_bytes=num_bytes,
            bytes_digest=digest,
            encoding=encoding,
            repository_created=metadata.created if metadata else None,
            stars=metadata.stars if metadata else None,
            declared_licence=metadata.licence if metadata else None,
            licence_files=self._licence_files,
            read_drop=read_drop,
            read_error=read_error,
            text=text,
        )
