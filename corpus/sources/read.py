"""Reads one unit of any kind as rows."""

from collections.abc import Collection, Iterator

from .. import storage
from ..errors import GristmillError
from ..record import Record
from .archive import is_archive, read_archive
from .crawled import crawled_names, is_crawled, read_crawled
from .directory import read_directory
from .documents import read_documents
from .git import git_directory, read_git
from .notebooks import derived_records
from .unit import ReadLimits, ReadOptions, Unit
from .warc import read_warc


def read_unit(
    unit: Unit,
    limits: ReadLimits,
    *,
    options: ReadOptions | None = None,
    wanted: Collection[bytes] | None = None,
) -> Iterator[Record]:
    """Yield a row for everything in a unit, with its text or with the reason why it has none.

    A notebook of a repository is a row for each document made of it. Damage in the input is a row;
    a storage that fails is a GristmillError.

    Args:
        wanted: of a WARC, the `origin_id` of the pages whose text is made; None means all.
    """
    try:
        for record in _rows(unit, limits, options or ReadOptions(), wanted):
            if unit.kind == "repository":
                yield from derived_records(record, limits.notebooks)
            else:
                yield record
    except OSError as error:
        raise GristmillError(
            f"cannot read it: {error.strerror or error}",
            where=unit.url,
            todo="Check the disk or the connection, then run again.",
        ) from error


def unit_collections(unit: Unit) -> set[str]:
    """Return the names of the repositories in a unit, or the unit's own."""
    is_segment = unit.kind == "repository" and is_crawled(unit.url)
    return crawled_names(unit) if is_segment else {unit.name}


def _rows(
    unit: Unit, limits: ReadLimits, options: ReadOptions, wanted: Collection[bytes] | None
) -> Iterator[Record]:
    if unit.kind == "warc":
        return read_warc(unit, limits, options, wanted)
    if unit.kind == "documents":
        return read_documents(unit, limits, options)
    if is_crawled(unit.url):
        return read_crawled(unit, limits)
    if is_archive(unit.url):
        return read_archive(unit, limits)
    folder = storage.local_path(unit.url)
    if git_directory(folder) is not None:
        return read_git(unit, folder, limits)
    return read_directory(unit, folder, limits)
