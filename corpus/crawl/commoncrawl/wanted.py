"""What a recipe's table asks of Common Crawl, as a selection, and what tells two apart."""

import hashlib
from pathlib import Path

import msgspec

from ...errors import GristmillError
from ..settings import CommonCrawl
from .paths import read_listing
from .selection import IndexQuery, Selection, check_selection

VERSION = 1  # of how a selection is made


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """A checked selection.

    Attributes:
        paths: of the files that the recipe lists itself, None if it names a crawl.
        digest: changes with whatever changes the selection.
    """

    selection: Selection
    paths: tuple[str, ...] | None
    digest: str


def wanted_of(settings: CommonCrawl, base: Path) -> Wanted:
    """Return what a table asks for.

    Args:
        base: what its path starts from.

    Raises:
        GristmillError: it is contradictory or malformed, or its list cannot be read.
    """
    where = f"crawl.commoncrawl {settings.name!r}"
    query = _query_of(settings)
    if query is not None and (settings.paths or settings.max_files or settings.format != "warc"):
        raise GristmillError(
            "conditions on records go with WARC files of a crawl, not with paths, max_files or wet",
            where=where,
            todo="Leave one of them out, or make two crawls.",
        )
    selection = check_selection(
        Selection(
            crawls=() if settings.paths else (settings.crawl,),
            paths=settings.paths,
            kind=settings.format,
            num_files=settings.max_files,
            index=query,
            seed=settings.seed,
        ),
        where=where,
    )
    paths = _read_paths(base / settings.paths) if settings.paths else None
    hasher = hashlib.blake2b(digest_size=16)
    hasher.update(msgspec.json.encode((VERSION, selection, paths), order="sorted"))
    return Wanted(selection=selection, paths=paths, digest=hasher.hexdigest())


def _query_of(settings: CommonCrawl) -> IndexQuery | None:
    """Return the query of the index, None if no key asks for single records."""
    query = IndexQuery(
        domains=settings.domains,
        hosts=settings.hosts,
        mime_types=settings.mime,
        languages=settings.languages,
        statuses=settings.statuses,
        url_prefixes=settings.url_prefix,
        where=settings.where,
        limit=settings.max_records,
    )
    return None if query == IndexQuery() else query


def _read_paths(path: Path) -> tuple[str, ...]:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise GristmillError(
            f"the list of paths cannot be read: {error.strerror or error}",
            where=str(path),
            todo="Give a text file with a path a line, as in warc.paths.gz.",
        ) from None
    return read_listing(data, where=str(path))
