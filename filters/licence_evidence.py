"""The licence of a file by the nearest evidence: its own head, then its folder, then those above.

A folder's evidence is, in this order, what the forge declares of the repository (at its root), the
folder's licence files, and the manifests of package managers in it. A file's licence conflicts if
its head and the nearest folder, or two kinds of evidence of that folder, speak of licences of
different classes.
"""

import re
from collections.abc import Iterator
from typing import Literal

import msgspec

from .licence import licence_of
from .licence_classes import licence_class, licence_ids
from .licence_manifest import is_manifest, manifest_licence

LicenceEvidence = Literal["header", "declared", "licence_file", "manifest"]

_LICENCE_FILE = re.compile(
    r"(?:(?:.*/)?LICEN[CS]ES/[^/]+|(?:.*/)?(?:(?:[\w.]+-)?(?:UN)?LICEN[CS]E|COPYING)S?"
    r"(?:[-._](?!(?:py|js|jsx|ts|tsx|go|rs|c|h|cc|cpp|hpp|cs|java|kt|rb|php|pl|css|scss|json|xml"
    r"|yml|yaml|toml|sh|vue|svg)$)[^/]*)?)",
    re.IGNORECASE,
)
_UNSTATED = ("", "NOASSERTION", "OTHER", "NONE")


class FileLicence(msgspec.Struct, frozen=True):
    """A file's licence, what says so, and the evidence that it conflicts with, for people."""

    licence: str | None = None
    evidence: LicenceEvidence | None = None
    conflict: str | None = None


class RepositoryLicences:
    """What the files and the metadata of one repository say of licences, by folder."""

    def __init__(self) -> None:
        """Start without any evidence."""
        self._files: dict[str, set[str]] = {}
        self._manifests: dict[str, dict[str, None]] = {}
        self._declared: str | None = None
        self._folders: dict[str, tuple[tuple[LicenceEvidence, str], ...]] = {}

    @staticmethod
    def is_evidence(path: str) -> bool:
        """Return whether the text of a path is to be given to `add`."""
        return _LICENCE_FILE.fullmatch(path) is not None or is_manifest(path)

    def declare(self, licence: str | None) -> None:
        """Take what the forge says of the repository."""
        if licence and licence.upper() not in _UNSTATED:
            self._declared = licence
            self._folders = {}

    def add(self, path: str, text: str) -> None:
        """Take what a file of the repository says of its folder."""
        self._folders = {}
        folder = path.rpartition("/")[0]
        if _LICENCE_FILE.fullmatch(path):
            if folder.rpartition("/")[2].upper() in ("LICENSES", "LICENCES"):
                folder = folder.rpartition("/")[0]
            if (name := licence_of(text)) is not None:
                self._files.setdefault(folder, set()).add(name)
        elif (name := manifest_licence(path, text)) is not None:
            self._manifests.setdefault(folder, {})[name] = None

    def of_file(self, path: str, header: str | None) -> FileLicence:
        """Return the licence of a file, whose head may state one."""
        stated = self._nearest(path.rpartition("/")[0])
        found = list(stated)
        if header and not _LICENCE_FILE.fullmatch(path):  # its own text names the licence it is
            found.insert(0, ("header", header))
        if not found:
            return FileLicence()
        evidence, licence = found[0]
        for other, name in found[1:]:
            if licence_class(name) != licence_class(licence) and not (
                licence_ids(licence) <= licence_ids(name)
            ):
                return FileLicence(licence, evidence, f"{other}: {name}")
        return FileLicence(licence, evidence)

    def _nearest(self, folder: str) -> tuple[tuple[LicenceEvidence, str], ...]:
        """Return the evidence of the nearest folder that has any."""
        known = self._folders.get(folder)
        if known is None:
            known = tuple(self._of_folder(folder))
            if not known and folder:
                known = self._nearest(folder.rpartition("/")[0])
            self._folders[folder] = known
        return known

    def _of_folder(self, folder: str) -> Iterator[tuple[LicenceEvidence, str]]:
        if not folder and self._declared:
            yield "declared", self._declared
        if names := self._files.get(folder):
            yield "licence_file", " AND ".join(sorted(names))
        for name in self._manifests.get(folder, ()):
            yield "manifest", name
