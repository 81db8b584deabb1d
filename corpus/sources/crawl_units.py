"""The units of a source that names a crawl: its closed files, taken as their manifest has them."""

from .. import storage
from ..crawl.manifest import CrawlFile, read_manifest
from ..errors import GristmillError
from .crawled import is_crawled
from .documents import is_documents_file
from .unit import SourceSpec, Unit

REPOSITORIES = "repositories/"


def list_crawl_units(spec: SourceSpec, crawl: str, *, crawls: str | None) -> list[Unit]:
    """Return the units of a crawl's files of the source's kind, sorted by name.

    Nothing is hashed: the digests stand in the manifest. What a unit is called does not depend on
    where the crawls lie.

    Args:
        crawls: the folder with a folder for each crawl.
    """
    where = f"source {spec.name!r}, crawl {crawl!r}"
    if crawls is None:
        raise GristmillError(
            "crawls are only read by a build",
            where=where,
            todo="Give the folder of a crawl, or paths instead of `crawl`.",
        )
    folder = storage.join(crawls, crawl)
    manifest = read_manifest(folder)
    for file in manifest.files:
        _check_size(file, folder, where)
    units = [
        _unit(spec, file, folder, f"crawl/{crawl}/{file.name}")
        for file in manifest.files
        if _is_of_kind(file.name, spec.kind)
    ]
    if not units:
        raise GristmillError(
            f"the crawl has brought nothing of kind {spec.kind!r} so far",
            where=where,
            todo="Run `gristmill crawl`, or correct the source's kind.",
        )
    return sorted(units, key=lambda unit: unit.name)


def _is_of_kind(name: str, kind: str) -> bool:
    if kind == "repository":
        return name.startswith(REPOSITORIES) and is_crawled(name)
    if kind == "warc":
        return name.startswith("warc/")
    return not name.startswith(REPOSITORIES) and is_documents_file(name)


def _check_size(file: CrawlFile, folder: str, where: str) -> None:
    url = storage.join(folder, file.name)
    found = storage.size(url) if storage.exists(url) else None
    if found != file.size_bytes:
        state = "is missing" if found is None else f"has {found} bytes, not {file.size_bytes}"
        raise GristmillError(
            f"its file {file.name} {state}",
            where=where,
            todo=f"Restore {url}, or remove {folder} and crawl again.",
        )


def _unit(spec: SourceSpec, file: CrawlFile, folder: str, relative: str) -> Unit:
    return Unit(
        source=spec.name,
        component=spec.component,
        kind=spec.kind,
        name=relative,
        url=storage.join(folder, file.name),
        relative=relative,
        digest=file.digest,
        size_bytes=file.size_bytes,
    )
