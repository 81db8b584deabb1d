"""The manifest of a crawl: the closed files that a build may read, written last and by rename."""

from typing import Literal

import msgspec

from .. import storage
from ..errors import GristmillError

MANIFEST = "manifest.json"
CRAWLS = "crawl"  # the folder of a build directory that has a folder for each crawl
CrawlKind = Literal["github", "commoncrawl", "site"]


class CrawlFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One file that will not change any more.

    Attributes:
        name: its path below the crawl's folder.
        digest: hex blake2b-128 of what it says, so that equal content has an equal digest.
        num_items: how many repositories, records or documents it holds.
    """

    name: str
    size_bytes: int
    digest: str
    num_items: int


class CrawlManifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one crawl has brought so far.

    Attributes:
        is_complete: whether nothing waits and nothing failed.
        missing: how many items did not come, by reason.
    """

    kind: CrawlKind
    files: tuple[CrawlFile, ...] = ()
    is_complete: bool = False
    missing: dict[str, int] = {}


def write_manifest(folder: str, manifest: CrawlManifest) -> None:
    """Write the manifest of a crawl's folder, its files sorted by name."""
    files = tuple(sorted(manifest.files, key=lambda file: file.name))
    ordered = msgspec.structs.replace(manifest, files=files)
    data = msgspec.json.format(msgspec.json.encode(ordered, order="sorted"), indent=1)
    storage.write_bytes(storage.join(folder, MANIFEST), data + b"\n")


def read_manifest(folder: str) -> CrawlManifest:
    """Read the manifest of a crawl's folder.

    Raises:
        GristmillError: if there is none, or it is not one.
    """
    url = storage.join(folder, MANIFEST)
    if not storage.exists(url):
        raise GristmillError(
            "there is no such crawl",
            where=folder,
            todo="Run `gristmill crawl` with the same recipe and --out first.",
        )
    try:
        return msgspec.json.decode(storage.read_bytes(url), type=CrawlManifest)
    except msgspec.DecodeError as error:
        raise GristmillError(
            f"it is no manifest of a crawl: {error}",
            where=url,
            todo="Run `gristmill crawl` again; it writes the manifest anew.",
        ) from error
