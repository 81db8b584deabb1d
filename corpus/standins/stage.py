"""Every service that a crawl asks, on loopback, for as long as it runs: made of fixtures."""

import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

import msgspec

from ..crawl.guard import HostMap
from ..crawl.settings import Endpoints, Standins
from ..errors import GristmillError
from .commoncrawl.bucket import Bucket
from .commoncrawl.tree import TreeSettings, build_tree
from .github import GithubStandin, Limits, StandinRepository, make_repositories
from .server import HOST, Loopback
from .site import WARC_ENDINGS, Site, read_warc_sites, sites_app

CRAWL_ID: Final = "CC-MAIN-2024-22"


class Stage(msgspec.Struct, frozen=True, kw_only=True):
    """Where the stand-ins are, while they run.

    Attributes:
        endpoints: in place of the real ones; what no fixture is given for answers 404.
        token_file: with a token that the stand-in for GitHub accepts; it knows no other.
        host_map: the hosts whose pages the WARC files hold; no other has an address.
    """

    endpoints: Endpoints
    token_file: Path
    host_map: HostMap


class _Set(msgspec.Struct, frozen=True):
    """What the stand-ins will serve."""

    repositories: tuple[StandinRepository, ...]
    bucket: Path
    sites: dict[str, Site]


@contextmanager
def serve(standins: Standins, base: Path) -> Iterator[Stage]:
    """Yield where the services are; they end with the block, and their files are removed.

    Args:
        base: what paths in the settings start from.

    Raises:
        GristmillError: if a fixture is not there or cannot be used.
    """
    with ExitStack() as stack:
        private = tempfile.TemporaryDirectory(prefix="gristmill-", ignore_cleanup_errors=True)
        folder = Path(stack.enter_context(private))
        ready = _build(standins, base, folder)
        github = stack.enter_context(GithubStandin(ready.repositories))
        bucket = stack.enter_context(Loopback(Bucket(ready.bucket).app()))
        web = stack.enter_context(Loopback(sites_app(ready.sites)))
        found = msgspec.structs.asdict(github.endpoints)
        yield Stage(
            endpoints=Endpoints(**found, commoncrawl=bucket.url),
            token_file=_write_token(folder / "token"),
            host_map=dict.fromkeys(ready.sites, (HOST, web.port)),
        )


def _write_token(path: Path) -> Path:
    path.touch(mode=0o600)
    path.write_text("\n".join(Limits().tokens), encoding="ascii")
    return path


def _build(standins: Standins, base: Path, folder: Path) -> _Set:
    """Make the repositories and the crawl's tree, both at once: one waits for git, one computes."""
    with ThreadPoolExecutor(1) as pool:
        making = pool.submit(_make_repositories, standins, base, folder / "repositories")
        bucket = folder / "bucket"
        bucket.mkdir()
        sites: dict[str, Site] = {}
        if standins.web is not None:
            pages = _folder(base / standins.web, "web")
            _build_tree(pages, bucket)
            sites = read_warc_sites(pages)
        return _Set(making.result(), bucket, sites)


def _make_repositories(
    standins: Standins, base: Path, folder: Path
) -> tuple[StandinRepository, ...]:
    if standins.repositories is None:
        return ()
    given = _folder(base / standins.repositories, "repositories")
    listing = _file(given.parent / f"{given.name}.jsonl", "repositories")
    issues = None if standins.issues is None else _file(base / standins.issues, "issues")
    return make_repositories(listing, folder, issues=issues)


def _build_tree(pages: Path, bucket: Path) -> None:
    sources = _warc_files(pages)
    try:
        build_tree(sources, bucket, TreeSettings(crawl=CRAWL_ID))
    except ValueError as error:
        raise GristmillError(
            str(error),
            where="crawl.standins.web",
            todo="Give whole WARC files that start with a warcinfo record.",
        ) from error


def _warc_files(folder: Path) -> Sequence[Path]:
    found = sorted(path for path in folder.rglob("*") if path.name.endswith(WARC_ENDINGS))
    if not found:
        raise GristmillError(
            f"there is no WARC file in {folder}",
            where="crawl.standins.web",
            todo=f"Give a folder with files that end in {' or '.join(WARC_ENDINGS)}.",
        )
    return found


def _folder(path: Path, key: str) -> Path:
    return _there(path, key, is_there=path.is_dir())


def _file(path: Path, key: str) -> Path:
    return _there(path, key, is_there=path.is_file())


def _there(path: Path, key: str, *, is_there: bool) -> Path:
    if not is_there:
        raise GristmillError(
            f"{path} is not there",
            where=f"crawl.standins.{key}",
            todo="Correct the path; it starts from the recipe's folder.",
        )
    return path
