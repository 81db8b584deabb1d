"""A unit of input: the repository, WARC or document file that one reader reads whole."""

import re
from typing import Literal

import msgspec

from ..extract.page import Tier
from ..record import Component
from .notebooks import Notebooks

_NAME = re.compile("[A-Za-z0-9][A-Za-z0-9._-]*")
UnitKind = Literal["repository", "warc", "documents"]


class RepositoryMetadata(msgspec.Struct, frozen=True, kw_only=True):
    """What the forge says of a repository."""

    full_name: str
    created: int | None = None  # Unix seconds, UTC
    stars: int | None = None
    licence: str | None = None  # SPDX id


class SourceSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One source of a recipe: where its units lie and how to read them.

    Args:
        paths: globs, relative to the recipe's folder, or URLs.
        crawl: in place of `paths`, the name of a crawl whose files are read.
        shards: into how many the units are hashed by name; by default repositories go into one
            and every other file, also of a crawl, is a shard of its own.
        recall: for pages and files: only those that this target of the recall loop collected stay.
        metadata: JSON lines with the names of GitHub's API: file, full_name, created_at,
            stargazers_count, license.spdx_id; `file` is relative to that file's own folder.
        extract: how the text of a WARC's pages is made: plain by the cheap tier, or by the fine
            one, which keeps formulas, code and tables and takes several times as long.
    """

    name: str
    kind: UnitKind
    component: Component
    paths: tuple[str, ...] = ()
    crawl: str | None = None
    metadata: str | None = None
    shards: int | None = None
    recall: str | None = None
    text_field: str = "text"
    id_field: str = "id"
    language_field: str = "language"
    url_field: str = "url"
    date_field: str = ""
    licence_field: str = ""
    extract: Tier = "cheap"

    def __post_init__(self) -> None:
        if bool(self.paths) == (self.crawl is not None):
            raise ValueError(f"source `{self.name}` needs either `paths` or `crawl`")
        if self.recall is not None and self.kind == "documents":
            raise ValueError(f"source `{self.name}` has no pages or files for `recall` to find")
        if self.crawl is not None and self.metadata is not None:
            raise ValueError(f"source `{self.name}` has its metadata from the crawl")
        if self.extract != "cheap" and self.kind != "warc":
            raise ValueError(f"source `{self.name}` has no pages: `extract` is for kind `warc`")
        if self.crawl is not None and not _NAME.fullmatch(self.crawl):
            raise ValueError(f"`{self.crawl}` is no name of a crawl")


class Unit(msgspec.Struct, frozen=True, kw_only=True):
    """One repository, WARC or document file.

    Attributes:
        name: the repository's full name, or the file's path relative to the recipe.
        url: where it lies on this machine.
        relative: the same, relative to the recipe's folder: never absolute, so it may be stored.
        digest: the commit of a git repository; blake2b-128 of a file's bytes or of a folder's
            sorted (path, mode, bytes); what a crawl's manifest says. `metadata` is not part of it.
    """

    source: str
    component: Component
    kind: UnitKind
    name: str
    url: str
    relative: str
    digest: str
    size_bytes: int
    metadata: RepositoryMetadata | None = None


class ReadLimits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What bounds a reader's memory and time, and what it makes of notebooks.

    Args:
        max_file_bytes: a longer file or document is a row without text (GitHub's own limit for
            language statistics).
        max_archive_bytes: an archive that unpacks to more is cut off there.
        max_archive_ratio: so is one that unpacks to more than this multiple of its size, looked
            at once it has given 16 MiB.
        max_page_bytes: a web page with a longer payload is a row without text.
        notebooks: what a Jupyter notebook of a repository becomes: a script in its kernel's
            language, its cells as Markdown, both, or the file as it is.
    """

    max_file_bytes: int = 1 << 20
    max_archive_bytes: int = 2 << 30
    max_archive_ratio: int = 200
    max_page_bytes: int = 1 << 20
    notebooks: Notebooks = "both"


class ReadOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The names of a document's fields, and how pages are read."""

    text_field: str = "text"
    id_field: str = "id"
    language_field: str = "language"
    url_field: str = "url"
    date_field: str = ""  # empty: no field is read as one
    licence_field: str = ""
    extract: Tier = "cheap"

    @classmethod
    def of(cls, spec: SourceSpec) -> "ReadOptions":
        """Return the options that a recipe's source sets."""
        return cls(
            text_field=spec.text_field,
            id_field=spec.id_field,
            language_field=spec.language_field,
            url_field=spec.url_field,
            date_field=spec.date_field,
            licence_field=spec.licence_field,
            extract=spec.extract,
        )
