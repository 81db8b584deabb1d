"""The manifest of the content model's training files: which archives, whose, taken for what.

Everything that the collector does follows from this file and the archives' bytes, so a manifest
names each archive by its digest.
"""

import re
import sys
from pathlib import Path
from typing import Literal

import msgspec

from ..corpus.errors import GristmillError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

MANIFEST = "data/content/sources.toml"

Registry = Literal["debian-source", "debian", "pypi", "npm", "archive"]
Globs = dict[str, tuple[str, ...]]  # label to patterns of file names, or of paths with a slash

BASES: dict[Registry, str] = {
    "debian-source": "http://deb.debian.org/debian/",
    "debian": "http://deb.debian.org/debian/",
    "pypi": "https://files.pythonhosted.org/packages/",
    "npm": "https://registry.npmjs.org/",
}

_SHA256 = re.compile(r"[0-9a-f]{64}")


class SampleSource(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One archive, and the labels that its files are taken for.

    A file that a pattern of `take` matches is kept if detection by name, first line and rules
    gives that very label; `trust` needs no second opinion, for a name that tells nothing or lies.
    """

    name: str
    project: str  # its upstream: packages of one project stand on one side of a split
    registry: Registry
    version: str
    licence: str
    file: str = ""  # below the registry's address; an archive's is given by path
    sha256: str = ""
    held_out: bool = False  # not to learn from: the models are measured on its files
    take: Globs = {}
    trust: Globs = {}

    @property
    def url(self) -> str:
        """The address of the archive, empty if the user has to give it."""
        base = BASES.get(self.registry)
        return "" if base is None else base + self.file

    @property
    def labels(self) -> tuple[str, ...]:
        """Every label that is taken from this archive, in alphabetical order."""
        return tuple(sorted({*self.take, *self.trust}))


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The archives, and what a label's files must hold.

    `confirm` maps a label to a regular expression that each of its texts must match: rare
    languages share their extensions with formats that no table knows.
    """

    source: tuple[SampleSource, ...]
    confirm: dict[str, str] = {}


def read_manifest(path: Path | None = None) -> Manifest:
    """Return a manifest, by default the one that gristmill ships.

    Raises:
        GristmillError: the file is no manifest, or two sources have one name.
    """
    path = Path(__file__).parent / MANIFEST if path is None else path
    try:
        document = tomllib.loads(path.read_text("utf-8"))
        manifest = msgspec.convert(document, Manifest)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError, UnicodeDecodeError) as error:
        raise GristmillError(
            str(error), where=str(path), todo="Write it as gristmill's own sources.toml is."
        ) from error
    _check(manifest, where=str(path))
    return manifest


def _check(manifest: Manifest, *, where: str) -> None:
    seen: set[tuple[str, str]] = set()
    sides: dict[str, bool] = {}
    for source in manifest.source:
        key = (source.registry, source.name)
        if key in seen:
            raise GristmillError(
                f"{source.registry} source {source.name!r} stands twice",
                where=where,
                todo="Join its patterns in one entry.",
            )
        seen.add(key)
        if sides.setdefault(source.project, source.held_out) != source.held_out:
            raise GristmillError(
                f"project {source.project!r} is held out and learned from",
                where=where,
                todo="Put all its sources on one side.",
            )
        if not _SHA256.fullmatch(source.sha256) or (not source.file and source.url):
            raise GristmillError(
                f"source {source.name!r} lacks a sha256 of 64 hex digits or its file",
                where=where,
                todo="Name the archive's bytes, so that every run reads the same ones.",
            )
    for label, pattern in manifest.confirm.items():
        try:
            re.compile(pattern)
        except re.error as error:
            raise GristmillError(
                f"what confirms {label} is no regular expression: {error}",
                where=where,
                todo="Correct the pattern.",
            ) from error
