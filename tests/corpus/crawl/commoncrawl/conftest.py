"""A small Common Crawl on loopback."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gristmill.corpus.standins.commoncrawl.bucket import Bucket
from gristmill.corpus.standins.commoncrawl.tree import Tree, build_tree
from gristmill.corpus.standins.server import Loopback

from .crawl_place import Place

WEB = Path(__file__).parents[4] / "fixtures/web"
SOURCES = ("math/mpmath", "code/python", "code/nodejs", "text/python-prose")


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Tree]:
    root = tmp_path_factory.mktemp("commoncrawl")
    return root, build_tree([WEB / f"{name}.warc.gz" for name in SOURCES], root)


@pytest.fixture
def tree(built: tuple[Path, Tree]) -> Tree:
    return built[1]


@pytest.fixture
def bucket(built: tuple[Path, Tree], tmp_path: Path) -> Path:
    """A copy of the archive that a test may damage."""
    return Path(shutil.copytree(built[0], tmp_path / "bucket"))


@pytest.fixture
def archive(bucket: Path) -> Iterator[Loopback]:
    with Loopback(Bucket(bucket).app()) as running:
        yield running


@pytest.fixture
def place(archive: Loopback, tree: Tree, tmp_path: Path) -> Place:
    (tmp_path / "out").mkdir()
    return Place(url=archive.url, out=tmp_path / "out", tree=tree, notes=[])


@pytest.fixture
def asked(archive: Loopback) -> Callable[[], list[str]]:
    """Return the paths that the archive was asked for since the last call."""

    def ask() -> list[str]:
        paths = [request.path_qs.lstrip("/") for request in archive.requests]
        archive.forget_requests()
        return paths

    return ask
