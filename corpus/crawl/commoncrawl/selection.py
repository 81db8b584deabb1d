"""What of Common Crawl is wanted: crawls, listed files, or records found by the index."""

import re
from typing import Literal

import msgspec
import re2

from ...errors import GristmillError
from .paths import check_path
from .where import check_where

Subset = Literal["warc", "crawldiagnostics", "robotstxt"]
FileKind = Literal["warc", "wet"]
_CRAWL = re.compile(r"CC-MAIN-\d{4}-(\d{2}|\d{4})")


class IndexQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which records of the columnar index are wanted: all conditions that are given must hold.

    Attributes:
        domains: registered domains, such as `python.org`, with all their hosts.
        hosts: whole host names; a record of any of the domains or hosts is wanted.
        mime_types: as detected from the content.
        languages: ISO 639-3 codes, any of which a record was found to hold.
        statuses: HTTP statuses; empty for all.
        url_prefixes: what URLs start with, one of them.
        url_regex: what is searched in URLs, in RE2's syntax.
        where: one more condition, a boolean expression of DuckDB over the table's columns.
        keep_truncated: whether records are wanted that the crawler stored only a part of.
        limit: at most so many records, a sample by the seed.
        subset: the part of the table; the two others hold no pages.
    """

    domains: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    mime_types: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    statuses: tuple[int, ...] = (200,)
    url_prefixes: tuple[str, ...] = ()
    url_regex: str | None = None
    where: str | None = None
    keep_truncated: bool = True
    limit: int | None = None
    subset: Subset = "warc"


class Selection(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One selection from Common Crawl: whole files, or records by the index.

    Attributes:
        crawls: ids such as `CC-MAIN-2024-22`.
        paths: a local file with the paths of files, one a line, in place of crawls.
        kind: which files of a crawl, page captures or their extracted text.
        num_files: of whole files, at most so many, a sample by the seed.
        index: find records in the crawls' columnar index rather than taking whole files.
        seed: of every sample.
    """

    crawls: tuple[str, ...] = ()
    paths: str | None = None
    kind: FileKind = "warc"
    num_files: int | None = None
    index: IndexQuery | None = None
    seed: int = 0


def check_selection(selection: Selection, *, where: str) -> Selection:
    """Return `selection` if it means something.

    Args:
        where: the recipe's key, for errors.

    Raises:
        GristmillError: it is contradictory, empty or malformed.
    """
    if bool(selection.crawls) == bool(selection.paths):
        raise _mistake("it needs crawls or paths, one of the two", where, "give one of them")
    for crawl in selection.crawls:
        if not _CRAWL.fullmatch(crawl):
            raise _mistake(
                f"{crawl!r} is no crawl id", where, "name it as in CC-MAIN-2024-22, year and week"
            )
    if len(set(selection.crawls)) < len(selection.crawls):
        raise _mistake("a crawl is named twice", where, "name each crawl once")
    if selection.num_files is not None and selection.num_files < 1:
        raise _mistake("num_files is below 1", where, "leave it out to take all files")
    if selection.index is not None:
        if selection.paths or selection.num_files or selection.kind != "warc":
            raise _mistake(
                "index goes with crawls, not with paths, num_files or another kind",
                where,
                "leave the others out",
            )
        _check_query(selection.index, where=where)
    return selection


def crawl_listing(crawl: str, name: str) -> str:
    """Return the path of a crawl's listing, such as `warc` or `cc-index-table`."""
    return check_path(f"crawl-data/{crawl}/{name}.paths.gz", where=crawl)


def is_table_part(path: str, query: IndexQuery) -> bool:
    """Tell whether a path of `cc-index-table.paths.gz` belongs to the subset that is asked."""
    return f"/subset={query.subset}/" in path and path.endswith(".parquet")


def _check_query(query: IndexQuery, *, where: str) -> None:
    for name in ("domains", "hosts", "mime_types", "languages"):
        for value in getattr(query, name):
            if not value or value != value.strip().lower():
                raise _mistake(
                    f"{value!r} is not in lower case", f"{where}.{name}", "write it as in the table"
                )
    if query.limit is not None and query.limit < 1:
        raise _mistake("limit is below 1", where, "leave it out to take all records")
    if not all(re.match(r"https?://[^/]+/", prefix) for prefix in query.url_prefixes):
        raise _mistake(
            "a prefix of URLs starts with the scheme and a whole host",
            f"{where}.url_prefix",
            "write it as in https://docs.python.org/3/, or use `where`",
        )
    if query.url_regex is not None:
        try:
            re2.compile(query.url_regex)
        except re2.error as error:
            raise _mistake(
                f"it is no regular expression: {error}", f"{where}.url_regex", "use RE2's syntax"
            ) from error
    if query.where is not None:
        check_where(query.where, where=f"{where}.where")


def _mistake(what: str, where: str, todo: str) -> GristmillError:
    return GristmillError(what, where=where, todo=todo)
