"""The stage that a recipe's fixtures are served on."""

import gzip
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from gristmill.corpus.crawl.settings import Standins
from gristmill.corpus.errors import GristmillError
from gristmill.corpus.standins.stage import Stage, serve

ROOT = Path(__file__).resolve().parents[3]
FIXTURES = Standins(
    repositories="fixtures/repositories",
    issues="fixtures/github/issues.jsonl",
    web="fixtures/web",
)


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    with serve(FIXTURES, ROOT) as stage:
        yield stage


def read(url: str, host: str | None = None) -> bytes:
    headers = {} if host is None else {"Host": host}
    with urlopen(Request(url, headers=headers), timeout=10) as answer:
        return bytes(answer.read())


def test_every_fixture_repository_is_listed(stage: Stage) -> None:
    found = json.loads(read(f"{stage.endpoints.github_api}/repositories?per_page=100"))
    listed = (ROOT / "fixtures/repositories.jsonl").read_text(encoding="utf-8").splitlines()
    names = {json.loads(line)["full_name"] for line in listed}
    assert {repository["full_name"] for repository in found} == names


def test_the_issues_are_those_of_the_file(stage: Stage) -> None:
    found = json.loads(
        read(f"{stage.endpoints.github_api}/repos/gristmill/edge-cases/issues?state=all")
    )
    assert 1 in {issue["number"] for issue in found}


def test_the_pages_are_one_crawl_of_common_crawl(stage: Stage) -> None:
    path = "crawl-data/CC-MAIN-2024-22/warc.paths.gz"
    lines = gzip.decompress(read(f"{stage.endpoints.commoncrawl}/{path}")).decode().splitlines()
    assert len(lines) == len(list((ROOT / "fixtures/web").rglob("*.warc.*")))
    warc = read(f"{stage.endpoints.commoncrawl}/{lines[0]}")
    assert gzip.decompress(warc).startswith(b"WARC/1.")


def test_the_pages_are_sites_by_their_hosts(stage: Stage) -> None:
    address, port = stage.host_map["mpmath.test"]
    assert b"Sitemap:" in read(f"http://{address}:{port}/robots.txt", "mpmath.test")


def test_nothing_real_stands_in_for_what_no_fixture_is_given_for() -> None:
    with serve(Standins(), ROOT) as stage:
        endpoints = stage.endpoints
        assert json.loads(read(f"{endpoints.github_api}/repositories")) == []
        with pytest.raises(HTTPError, match="404"):
            read(f"{endpoints.commoncrawl}/crawl-data/CC-MAIN-2024-22/warc.paths.gz")
        assert stage.host_map == {}


def test_the_private_folder_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with serve(Standins(web="fixtures/web/code"), ROOT):
        assert list(tmp_path.iterdir())
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("key", ["repositories", "web"])
def test_a_fixture_that_is_not_there_is_named(tmp_path: Path, key: str) -> None:
    with (
        pytest.raises(GristmillError, match=f"crawl.standins.{key}"),
        serve(Standins(**{key: "nowhere"}), tmp_path),
    ):
        pass


def test_a_file_that_is_no_whole_warc_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "web").mkdir()
    (tmp_path / "web/bad.warc.gz").write_bytes(gzip.compress(b"WARC/1.0\r\nContent-Length: 9\r\n"))
    with (
        pytest.raises(GristmillError, match=r"bad\.warc\.gz"),
        serve(Standins(web="web"), tmp_path),
    ):
        pass
