"""A source that names a crawl reads what the crawl's manifest lists, and nothing is hashed."""

from pathlib import Path

import msgspec
import pytest

from gristmill.corpus.crawl.manifest import CrawlFile, CrawlManifest, write_manifest
from gristmill.corpus.errors import GristmillError
from gristmill.corpus.memo import DigestMemo
from gristmill.corpus.sources import SourceSpec, Unit, UnitKind, list_units

NAMES = (
    "warc/b.warc.gz",
    "warc/a.warc.gz",
    "issues/0.jsonl.zst",
    "repositories/0000-00000.tar.zst",
    "repositories/0000-00000.parquet",
)


@pytest.fixture
def crawls(tmp_path: Path) -> Path:
    """A folder with one crawl that has files of every kind."""
    for name in NAMES:
        path = tmp_path / "mine" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    files = tuple(
        CrawlFile(name=name, size_bytes=len(name), digest=name[-9:], num_items=1) for name in NAMES
    )
    write_manifest(str(tmp_path / "mine"), CrawlManifest(kind="github", files=files))
    return tmp_path


def units(crawls: Path | None, kind: UnitKind = "warc", crawl: str = "mine") -> list[Unit]:
    spec = SourceSpec(name="s", kind=kind, component="text", crawl=crawl)
    found = str(crawls) if crawls is not None else None
    return list_units(spec, base="/elsewhere", memo=DigestMemo(), crawls=found)


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        ("warc", ["crawl/mine/warc/a.warc.gz", "crawl/mine/warc/b.warc.gz"]),
        ("documents", ["crawl/mine/issues/0.jsonl.zst"]),
        ("repository", ["crawl/mine/repositories/0000-00000.parquet"]),
    ],
)
def test_a_source_takes_the_files_of_its_kind(
    crawls: Path, kind: UnitKind, names: list[str]
) -> None:
    assert [unit.relative for unit in units(crawls, kind)] == names


def test_digests_and_sizes_are_the_manifests(crawls: Path) -> None:
    first = units(crawls)[0]
    assert (first.digest, first.size_bytes) == ("a.warc.gz", 14)
    assert first.url == str(crawls / "mine/warc/a.warc.gz")


def test_a_crawl_that_was_not_run_is_an_error(crawls: Path) -> None:
    with pytest.raises(GristmillError, match="there is no such crawl"):
        units(crawls, crawl="other")


def test_a_crawl_needs_its_folder(crawls: Path) -> None:
    with pytest.raises(GristmillError, match="only read by a build"):
        units(None)


def test_a_manifest_that_is_none_is_an_error(crawls: Path) -> None:
    (crawls / "mine/manifest.json").write_text('{"kind": "github", "file": []}')
    with pytest.raises(GristmillError, match="no manifest of a crawl"):
        units(crawls)


def test_a_missing_file_is_an_error(crawls: Path) -> None:
    (crawls / "mine" / NAMES[3]).unlink()
    with pytest.raises(GristmillError, match=r"0000-00000\.tar\.zst is missing"):
        units(crawls)


def test_a_file_of_another_size_is_an_error(crawls: Path) -> None:
    (crawls / "mine" / NAMES[0]).write_text("short")
    with pytest.raises(GristmillError, match="has 5 bytes, not 14"):
        units(crawls)


def test_a_crawl_without_files_of_the_kind_is_an_error(crawls: Path) -> None:
    write_manifest(str(crawls / "mine"), CrawlManifest(kind="site"))
    with pytest.raises(GristmillError, match="nothing of kind 'warc'"):
        units(crawls)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"paths": ["a"], "crawl": "mine"},
        {"crawl": "mine", "metadata": "a.jsonl"},
        {"crawl": "../mine"},
        {"crawl": ""},
    ],
)
def test_a_source_has_either_paths_or_a_crawl(fields: dict[str, object]) -> None:
    spec = {"name": "s", "kind": "warc", "component": "text", **fields}
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(spec, SourceSpec)
